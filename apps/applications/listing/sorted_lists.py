"""The API's half of a list that may be sorted."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response


class SortedListMixin(mixins.ListModelMixin):
    """A list whose order is told by `sort`, if its filter set has one."""

    filterset_class: Any
    cursor_order: tuple[str, ...] = ("-created_at", "id")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # A wrong `sort` is refused by the filter set before the order is used.
        self.cursor_order = self.filterset_class.order_of(request.query_params.get("sort", ""))
        return super().list(request, *args, **kwargs)
