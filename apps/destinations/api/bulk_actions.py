"""`/api/v1/bulk-actions`: how far a retry or replay of many has come, and what became of each delivery."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.applications.keys import Scope
from apps.applications.listing import SortedListMixin

from ..filters import BulkActionFilters
from ..models import BulkAction
from ..serializers import BulkActionItemSerializer, BulkActionSerializer


class BulkActionViewSet(SortedListMixin, mixins.RetrieveModelMixin, GenericViewSet[BulkAction]):
    """Retries and replays of many deliveries, newest first. They begin at `deliveries/retry` and `…/replay`."""

    queryset = BulkAction.objects.all()
    serializer_class = BulkActionSerializer
    filterset_class = BulkActionFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ

    @extend_schema(responses=BulkActionItemSerializer(many=True), filters=False)
    @action(detail=True, cursor_order=("number",))
    def items(self, request: Request, pk: str) -> Response:
        """List the deliveries of one action in their order; those that were skipped say why."""
        rows: Any = self.get_object().items.all()
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(BulkActionItemSerializer(page, many=True).data)
