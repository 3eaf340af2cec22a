"""A list as CSV: exactly the rows that its filters and search leave, in its order, streamed.

Owns the cap and that no cell is a formula; refuses to hold a database cursor open for a slow reader.
Source: OWASP, CSV injection; rulings C4.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

MOST_ROWS = 10_000
CHUNK = 500
# What a spreadsheet takes for a formula, full-width forms too, and what splits a cell before one.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Columns = Mapping[str, Callable[[Any], object]]


class _Line:
    """What csv.writer writes to: hands each line straight back."""

    def write(self, line: str) -> str:
        return line


def csv_response(rows: QuerySet[Any], columns: Columns, *, name: str) -> StreamingHttpResponse:
    """Stream at most `MOST_ROWS` of `rows`; the file's name says if there were more."""
    keys = list(rows.values_list("pk", flat=True)[: MOST_ROWS + 1])
    more = f"-first-{MOST_ROWS}" if len(keys) > MOST_ROWS else ""
    response = StreamingHttpResponse(
        _lines(rows, keys[:MOST_ROWS], columns), content_type="text/csv; charset=utf-8; header=present"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}{more}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(rows: QuerySet[Any], keys: list[Any], columns: Columns) -> Iterator[str]:
    write = csv.writer(_Line()).writerow
    yield write(columns)
    unsorted = rows.order_by()
    for start in range(0, len(keys), CHUNK):
        chunk = keys[start : start + CHUNK]
        found = {row.pk: row for row in unsorted.filter(pk__in=chunk)}
        # A row that was deleted meanwhile is left out.
        yield from (write(inert(value(found[key])) for value in columns.values()) for key in chunk if key in found)


def inert(value: object) -> str:
    """Write a value as text that no spreadsheet calculates."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    text = str(value)
    if isinstance(value, int):
        return text
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA) else text
