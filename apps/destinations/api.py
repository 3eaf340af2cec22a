"""`/api/v1/destinations` and `/api/v1/deliveries`.

Refuses to show an external ID but in the answer that made it (rulings A10). Retry is the same row and key,
replay a new row and key (rulings A8).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.applications.authentication import access_of
from apps.applications.idempotency import SecretResponse, idempotent
from apps.applications.keys import Scope
from apps.applications.problems import Conflict, Gone
from apps.applications.serializers import check_no_fields
from apps.outbox.transitions import IllegalTransition

from .filters import DeliveryFilters, DestinationFilters
from .models import Delivery, Destination
from .selectors import policies_for
from .serializers import (
    BackfillSerializer,
    ChangeDestinationSerializer,
    ConnectionTestSerializer,
    CreatedDestinationSerializer,
    DeliveryAttemptSerializer,
    DeliverySerializer,
    DestinationIdSerializer,
    DestinationSerializer,
    NewDestinationSerializer,
    PoliciesSerializer,
    ReplayedSerializer,
    ReplaySerializer,
    RotatedExternalIdSerializer,
)
from .services import (
    DataPurged,
    InvalidDestination,
    NotTested,
    TooManyTests,
    backfill_destination,
    create_destination,
    delete_destination,
    disable_destination,
    enable_destination,
    replay_delivery,
    retry_delivery,
    rotate_external_id,
    test_connection,
    update_destination,
)
from .states import DestinationState


class DestinationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Destination]):
    """Storage that you own; deleted destinations are not listed."""

    queryset = Destination.objects.exclude(state=DestinationState.DELETED)
    serializer_class = DestinationSerializer
    filterset_class = DestinationFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.DESTINATIONS_WRITE
    fresh_actions = frozenset({"create", "destroy", "rotate_external_id"})

    @extend_schema(
        request=NewDestinationSerializer,
        responses={201: CreatedDestinationSerializer, 200: DestinationSerializer},
    )
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a destination. This answer is the only one that has its external ID."""
        body = NewDestinationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = {name: value for name, value in body.validated_data.items() if name != "kind"}
        access = access_of(request)
        with _refusals():
            created = create_destination(
                application=access.application, mode=access.mode, fields=fields, by=access.actor
            )
        data = {**DestinationSerializer(created.destination).data, "external_id": created.external_id}
        return SecretResponse(data, secret_field="external_id")  # noqa: S106

    @extend_schema(request=ChangeDestinationSerializer, responses=DestinationSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change fields. Anything but the name makes the destination untested again."""
        destination = self.get_object()
        body = ChangeDestinationSerializer(data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        with _refusals():
            update_destination(destination=destination, fields=body.validated_data, by=access_of(request).actor)
        return self._shown(destination)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a destination: its external ID is destroyed, the undelivered cancelled, history kept."""
        check_no_fields(request)
        with _refusals():
            delete_destination(destination=self.get_object(), by=access_of(request).actor, now=timezone.now())
        return Response(status=204)

    @extend_schema(request=None, responses=ConnectionTestSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, pk: str) -> Response:
        """Test the connection with the very write that a delivery makes."""
        check_no_fields(request)
        with _refusals():
            ran = test_connection(destination=self.get_object(), by=access_of(request).actor, now=timezone.now())
        return Response(ConnectionTestSerializer(ran).data)

    @extend_schema(request=None, responses=DestinationSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def enable(self, request: Request, pk: str) -> Response:
        """Enable deliveries; needs a recent passed test of the current configuration."""
        check_no_fields(request)
        destination = self.get_object()
        with _refusals():
            enable_destination(destination=destination, by=access_of(request).actor, now=timezone.now())
        return self._shown(destination)

    @extend_schema(request=None, responses=DestinationSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def disable(self, request: Request, pk: str) -> Response:
        """Disable deliveries; what is undelivered is held."""
        check_no_fields(request)
        destination = self.get_object()
        with _refusals():
            disable_destination(destination=destination, by=access_of(request).actor)
        return self._shown(destination)

    @extend_schema(request=None, responses={201: RotatedExternalIdSerializer, 200: DestinationIdSerializer})
    @action(detail=True, methods=["post"], url_path="rotate-external-id")
    @idempotent
    def rotate_external_id(self, request: Request, pk: str) -> Response:
        """Make a new external ID; the old one ends now, and the connection must be tested again."""
        check_no_fields(request)
        destination = self.get_object()
        with _refusals():
            external_id = rotate_external_id(destination=destination, by=access_of(request).actor)
        data = {"id": destination.pk, "external_id": external_id}
        return SecretResponse(data, secret_field="external_id")  # noqa: S106

    @extend_schema(request=None, responses=BackfillSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def backfill(self, request: Request, pk: str) -> Response:
        """Deliver what was synced before the destination was enabled, or while it was off."""
        check_no_fields(request)
        with _refusals():
            made = backfill_destination(destination=self.get_object(), by=access_of(request).actor, now=timezone.now())
        return Response({"deliveries_made": made})

    @extend_schema(responses=PoliciesSerializer, filters=False)
    @action(detail=True)
    def policies(self, request: Request, pk: str) -> Response:
        """Show the trust policy and the role policy to paste into AWS."""
        return Response(PoliciesSerializer(policies_for(self.get_object())).data)

    def _shown(self, destination: Destination) -> Response:
        destination.refresh_from_db()
        return Response(DestinationSerializer(destination).data)


class DeliveryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Delivery]):
    """Every delivery and its outcome, newest first."""

    queryset = Delivery.objects.select_related("authorization")
    serializer_class = DeliverySerializer
    filterset_class = DeliveryFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.DELIVERIES_REPLAY
    cursor_order: tuple[str, ...] = ("-created_at", "id")

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
        """Try a delivery again now: same row, same key. For FAILED, HELD and RETRYING ones."""
        check_no_fields(request)
        delivery = self.get_object()
        with _refusals():
            retry_delivery(delivery=delivery, by=access_of(request).actor, now=timezone.now())
        delivery.refresh_from_db()
        return Response(DeliverySerializer(delivery).data)

    @extend_schema(
        request=ReplaySerializer,
        responses={201: OpenApiResponse(ReplayedSerializer, description="The new deliveries, as asked.")},
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    @idempotent
    def replay(self, request: Request) -> Response:
        """Deliver again: new rows, new keys, the same bytes."""
        body = ReplaySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        ids = list(dict.fromkeys(body.validated_data["delivery_ids"]))
        found = self.filter_queryset(self.get_queryset()).in_bulk(ids)
        if len(found) < len(ids):
            raise NotFound
        by, now = access_of(request).actor, timezone.now()
        with _refusals(), transaction.atomic():
            made = [
                # A key names its sync and the millisecond: two replays of one sync must not share both.
                replay_delivery(delivery=found[each], by=by, now=now + dt.timedelta(milliseconds=position)).pk
                for position, each in enumerate(ids)
            ]
        replays = self.get_queryset().in_bulk(made)
        return Response({"data": DeliverySerializer([replays[pk] for pk in made], many=True).data}, status=201)


@contextmanager
def _refusals() -> Iterator[None]:
    """Say a service's refusal in the words of HTTP."""
    try:
        yield
    except InvalidDestination as error:
        raise ValidationError(error.errors) from None
    except NotTested as error:
        raise Conflict(str(error), "not_tested") from None
    except IllegalTransition as error:
        raise Conflict(str(error), "illegal_transition") from None
    except TooManyTests as error:
        raise Throttled(detail=str(error), wait=60) from None
    except DataPurged as error:
        raise Gone(str(error), "data_purged") from None
