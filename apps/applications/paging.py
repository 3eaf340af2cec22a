"""Cursor paging by key: no offset, so rows that arrive in between neither repeat nor hide others.

Owns `limit`, `cursor` and the shape of a page; refuses totals (a scan each, and old at once).
Shape: {"data": [...], "next_cursor": "…" or null, "has_more": bool}
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import FieldError
from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import Q, QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
LIMIT_HELP = f"How many objects a page has: 1 to {MAX_LIMIT}, {DEFAULT_LIMIT} unless told."
CURSOR_HELP = "`next_cursor` of the page before."


class CreatedCursorPagination(BasePagination):
    """Pages in the order `-created_at, id`, or in the view's `cursor_order`, whose last field is unique."""

    order: Sequence[str] = ("-created_at", "id")
    next_cursor: str | None = None

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Raises: ValidationError naming `limit` or `cursor`."""
        self.order = getattr(view, "cursor_order", self.order)
        limit = _limit(request.query_params.get("limit"))
        if cursor := request.query_params.get("cursor"):
            queryset = queryset.filter(rows_after(queryset, self.order, cursor))
        rows = list(queryset.order_by(*self.order)[: limit + 1])
        if len(rows) > limit:
            rows = rows[:limit]
            self.next_cursor = cursor_of(rows[-1], self.order)
        return rows

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"data": data, "next_cursor": self.next_cursor, "has_more": self.next_cursor is not None})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["data", "next_cursor", "has_more"],
            "properties": {
                "data": schema,
                "next_cursor": {"type": "string", "nullable": True},
                "has_more": {"type": "boolean"},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
        return [
            {"name": "limit", "in": "query", "required": False, "description": LIMIT_HELP, "schema": limit},
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": CURSOR_HELP,
                "schema": {"type": "string"},
            },
        ]


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= MAX_LIMIT):
        raise ValidationError({"limit": [f"Send a whole number from 1 to {MAX_LIMIT}."]})
    return int(text)


def rows_after(queryset: QuerySet[Any], order: Sequence[str], cursor: str) -> Q:
    """Return the condition "comes after the row of this cursor" in `order`. Raises: ValidationError

    The first field's bound is repeated outside the OR: PostgreSQL can start its index scan there.
    """
    try:
        values = _decode(cursor, queryset, order)
    except (ValueError, TypeError, InvalidValue, FieldError, binascii.Error):
        raise ValidationError({"cursor": ["This is not a cursor of this list."]}) from None
    names = [name.lstrip("-") for name in order]
    comparisons = ["lt" if name.startswith("-") else "gt" for name in order]
    after = Q()
    for position in range(len(order)):
        equal = Q(**dict(zip(names[:position], values[:position], strict=True)))
        after |= equal & Q(**{f"{names[position]}__{comparisons[position]}": values[position]})
    return Q(**{f"{names[0]}__{comparisons[0]}e": values[0]}) & after


def cursor_of(row: Any, order: Sequence[str]) -> str:
    """Return the cursor that leads on from `row`."""
    values = [getattr(row, name.lstrip("-")) for name in order]
    texts = [value.isoformat() if hasattr(value, "isoformat") else str(value) for value in values]
    return base64.urlsafe_b64encode(json.dumps(texts, separators=(",", ":")).encode()).decode().rstrip("=")


def _decode(cursor: str, queryset: QuerySet[Any], order: Sequence[str]) -> list[Any]:
    texts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if not isinstance(texts, list) or len(texts) != len(order) or not all(isinstance(t, str) for t in texts):
        raise ValueError("wrong shape")
    fields = [_field(queryset, name.lstrip("-")) for name in order]
    values = [field.to_python(text) for field, text in zip(fields, texts, strict=True)]
    if None in values or any("\x00" in text for text in texts):
        raise ValueError("empty value")
    "".join(texts).encode()  # halves of surrogate pairs: UnicodeEncodeError is a ValueError
    return values


def _field(queryset: QuerySet[Any], name: str) -> Any:
    annotation = queryset.query.annotations.get(name)
    return annotation.output_field if annotation is not None else queryset.model._meta.get_field(name)
