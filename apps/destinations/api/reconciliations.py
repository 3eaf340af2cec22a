"""`/api/v1/destinations/{id}/reconciliations`: compare a storage with what was delivered to it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.applications.authentication import access_of
from apps.applications.idempotency import idempotent
from apps.applications.keys import Scope
from apps.applications.problems import Conflict
from apps.applications.serializers import check_no_fields

from ..models import Destination
from ..serializers import DestinationSerializer, ReconciliationDetailSerializer, ReconciliationSerializer
from ..services import AlreadyReconciling, start_reconciliation
from ..states import DestinationState
from .refusals import as_problems

BEGUN = OpenApiResponse(ReconciliationSerializer, description="The comparison has begun; ask for it to see it end.")


class ReconciliationVerbs(GenericViewSet[Destination]):
    """Comparisons of a destination's storage with our records. They read, and change nothing there."""

    queryset = Destination.objects.exclude(state=DestinationState.DELETED)
    serializer_class = DestinationSerializer
    scope_fields = ("application_id", "mode")
    cursor_order = ("-created_at", "id")
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.DESTINATIONS_WRITE

    @extend_schema(
        operation_id="destinations_reconciliations_list",
        responses=ReconciliationSerializer(many=True),
        filters=False,
    )
    @action(detail=True)
    def reconciliations(self, request: Request, pk: str) -> Response:
        """List the comparisons of a destination, newest first."""
        rows: Any = self.get_object().reconciliations.all()
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(ReconciliationSerializer(page, many=True).data)

    @extend_schema(operation_id="destinations_reconciliations_create", request=None, responses={202: BEGUN})
    @reconciliations.mapping.post
    @idempotent
    def start_reconciliation(self, request: Request, pk: str) -> Response:
        """Compare what lies in the storage with what was delivered. Your role must allow us to list and to read."""
        check_no_fields(request)
        try:
            with as_problems():
                begun = start_reconciliation(
                    destination=self.get_object(), by=access_of(request).actor, now=timezone.now()
                )
        except AlreadyReconciling as error:
            raise Conflict(str(error), "already_reconciling") from None
        return Response(ReconciliationSerializer(begun).data, status=202)

    @extend_schema(
        operation_id="destinations_reconciliations_retrieve",
        parameters=[OpenApiParameter("reconciliation_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses=ReconciliationDetailSerializer,
        filters=False,
    )
    @action(detail=True, url_path=r"reconciliations/(?P<reconciliation_id>[^/.]+)", pagination_class=None)
    def reconciliation(self, request: Request, pk: str, reconciliation_id: str) -> Response:
        """Show one comparison and what it found."""
        found = get_object_or_404(self.get_object().reconciliations.all(), pk=reconciliation_id)
        return Response(ReconciliationDetailSerializer(found).data)
