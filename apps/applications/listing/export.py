"""A list as CSV: the fields and values that the API answers, streamed in steps by key, no cell a formula.

Owns the cap, and says it in the file's name; refuses to hold a cursor of the database open for a slow reader.
Source: OWASP, CSV injection; RFC 4180; rulings C4.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse

from ..paging import cursor_of, rows_after

MOST_ROWS = 10_000
STEP = 500
# What a spreadsheet takes for a formula, full-width forms too, and what splits a cell before one.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
Columns = Mapping[str, Callable[[Any], object]]


class _Line:
    """What csv.writer writes to: hands each line straight back."""

    def write(self, line: str) -> str:
        return line


def csv_response(
    rows: QuerySet[Any], order: Sequence[str], columns: Columns, *, name: str, is_cut: bool
) -> StreamingHttpResponse:
    """Stream the first `MOST_ROWS` of `rows`."""
    more = f"-first-{MOST_ROWS}" if is_cut else ""
    response = StreamingHttpResponse(
        _lines(rows, order, columns), content_type="text/csv; charset=utf-8; header=present"
    )
    response["Content-Disposition"] = f'attachment; filename="{name}{more}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def columns_of(serializer_class: Any) -> Columns:
    """Return a column for each field of the serializer, in its order."""
    return {name: _value_of(field) for name, field in serializer_class().fields.items()}


def inert(value: object) -> str:
    """Write a value as text that no spreadsheet calculates."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if isinstance(value, int):
        return text
    return f"'{text}" if text.lstrip(" \u00a0").startswith(FORMULA) else text


def _value_of(field: Any) -> Callable[[Any], object]:
    def value(row: Any) -> object:
        raw = field.get_attribute(row)
        return None if raw is None else field.to_representation(raw)

    return value


def _lines(rows: QuerySet[Any], order: Sequence[str], columns: Columns) -> Iterator[str]:
    write = csv.writer(_Line()).writerow
    yield write(columns)
    step, left = rows, MOST_ROWS
    while left > 0:
        page = list(step.order_by(*order)[: min(STEP, left)])
        yield from (write(inert(value(row)) for value in columns.values()) for row in page)
        left -= len(page)
        if len(page) < STEP:
            return
        step = rows.filter(rows_after(rows, order, cursor_of(page[-1], order)))
