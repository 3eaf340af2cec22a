"""A list as CSV: what the API answers, streamed in steps by key, no cell a formula.

Source: OWASP "CSV Injection"; RFC 4180.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from ..paging import cursor_of, rows_after

MOST_EXPORTED = 100_000
STEP = 1_000
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def csv_lines(rows: QuerySet[Any], order: Sequence[str], serializer: Any) -> Iterator[str]:
    """Write a head of the serializer's field names and a line for each row, `MOST_EXPORTED` at most."""
    names = list(serializer().fields)
    writer = csv.writer(Echo())
    yield writer.writerow(names)  # type: ignore[misc]
    for row in _stepwise(rows, order):
        shown: Mapping[str, Any] = serializer(row).data
        yield writer.writerow([defused(shown[name]) for name in names])  # type: ignore[misc]


def defused(value: object) -> str:
    """Return the text of a cell; one that a spreadsheet would run begins with an apostrophe."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return f"'{text}" if isinstance(value, str) and text.lstrip(" ").startswith(FORMULA) else text


def _stepwise(rows: QuerySet[Any], order: Sequence[str]) -> Iterator[Any]:
    """Read page by page: no cursor stays open while somebody reads slowly (rulings C4)."""
    step, left = rows, MOST_EXPORTED
    while left > 0:
        page = list(step.order_by(*order)[: min(STEP, left)])
        yield from page
        left -= len(page)
        if len(page) < STEP:
            return
        step = rows.filter(rows_after(rows, order, cursor_of(page[-1], order)))
