"""`/api/v1/deliveries`. Retry is the same row and key, replay a new row and key (rulings A8)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.applications.authentication import access_of
from apps.applications.idempotency import idempotent
from apps.applications.keys import Scope
from apps.applications.listing import SortedListMixin
from apps.applications.problems import Conflict
from apps.applications.serializers import check_no_fields

from ..filters import DeliveryFilters
from ..models import Delivery
from ..serializers import BulkActionSerializer, DeliveryAttemptSerializer, DeliverySerializer, ManySerializer
from ..services import TooManyDeliveries, list_matching, replay_delivery, retry_delivery, start_bulk_action
from ..states import BulkVerb
from .refusals import as_problems

BEGUN = OpenApiResponse(BulkActionSerializer, description="The bulk action has begun; ask for it to see it end.")


class DeliveryViewSet(SortedListMixin, mixins.RetrieveModelMixin, GenericViewSet[Delivery]):
    """Every delivery and its outcome, newest first."""

    queryset = Delivery.objects.select_related("authorization")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.DELIVERIES_REPLAY

    @extend_schema(responses=DeliveryAttemptSerializer(many=True), filters=False)
    @action(detail=True, cursor_order=("number",))
    def attempts(self, request: Request, pk: str) -> Response:
        """List the attempts of one delivery, first to last."""
        rows: Any = self.get_object().attempt_rows.all()
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(DeliveryAttemptSerializer(page, many=True).data)

    @extend_schema(request=None, responses=DeliverySerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def retry(self, request: Request, pk: str) -> Response:
        """Try a delivery again now: same row, same key. For FAILED and RETRYING ones."""
        check_no_fields(request)
        delivery = self.get_object()
        with as_problems():
            retry_delivery(delivery=delivery, by=access_of(request).actor, now=timezone.now())
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data)

    @extend_schema(request=None, responses={201: DeliverySerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def replay(self, request: Request, pk: str) -> Response:
        """Deliver the same bytes again: a new delivery, a new key, one attempt. The answer is the new one."""
        check_no_fields(request)
        with as_problems():
            made = replay_delivery(delivery=self.get_object(), by=access_of(request).actor, now=timezone.now())
        return Response(DeliverySerializer(self.get_queryset().get(pk=made.pk)).data, status=201)

    @extend_schema(operation_id="deliveries_retry_many", request=ManySerializer, responses={202: BEGUN})
    @action(detail=False, methods=["post"], url_path="retry", pagination_class=None)
    @idempotent
    def retry_many(self, request: Request) -> Response:
        """Try many deliveries again: those named, or all that a filter matches now."""
        return self._begin(request, BulkVerb.RETRY)

    @extend_schema(operation_id="deliveries_replay_many", request=ManySerializer, responses={202: BEGUN})
    @action(detail=False, methods=["post"], url_path="replay", pagination_class=None)
    @idempotent
    def replay_many(self, request: Request) -> Response:
        """Deliver many again, oldest first: those named, or all that a filter matches now."""
        return self._begin(request, BulkVerb.REPLAY)

    def _begin(self, request: Request, verb: BulkVerb) -> Response:
        body = ManySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        access = access_of(request)
        own = self.filter_queryset(self.get_queryset())
        parameters = body.validated_data.get("filter")
        try:
            if parameters is not None:
                query = _query_of(parameters)
                ids, used = list_matching(_filtered(own, query)), dict(query.lists())
            else:
                ids, used = self._named(own, body.validated_data["delivery_ids"]), None
        except TooManyDeliveries as error:
            raise Conflict(str(error), "too_many_deliveries") from None
        begun = start_bulk_action(
            application=access.application,
            mode=access.mode,
            verb=verb,
            delivery_ids=ids,
            filter_used=used,
            by=access.actor,
            now=timezone.now(),
        )
        return Response(BulkActionSerializer(begun).data, status=202)

    def _named(self, own: Any, ids: list[UUID]) -> list[UUID]:
        """Raises: NotFound if one of them is not of this application and mode."""
        wanted = set(ids)
        found: list[UUID] = list_matching(own.filter(pk__in=wanted))
        if len(found) < len(wanted):
            raise NotFound
        return found


def _query_of(parameters: dict[str, Any]) -> QueryDict:
    """Return the filter of a body as the query of an address. Raises: ValidationError."""
    query = QueryDict(mutable=True)
    for name, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(each, str) for each in values):
            raise ValidationError({"filter": {name: ["Send a text or a list of texts."]}})
        query.setlist(name, values)
    return query


def _filtered(own: Any, query: QueryDict) -> Any:
    """Raises: ValidationError."""
    known = set(DeliveryFilters.base_filters) - {"sort"}
    errors: dict[str, list[str]] = {
        name[:40]: [f"Unknown parameter. Known: {', '.join(sorted(known))}."] for name in set(query) - known
    }
    filterset = DeliveryFilters(data=query, queryset=own)
    if not errors and not filterset.is_valid():
        errors = {name: [str(each) for each in messages] for name, messages in filterset.errors.items()}
    if errors:
        raise ValidationError({"filter": errors})
    return filterset.qs
