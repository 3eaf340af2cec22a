"""`/api/v1/destinations`. Refuses to show an external ID but in the answer that made it (rulings A10)."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from apps.applications.authentication import access_of
from apps.applications.idempotency import SecretResponse, idempotent
from apps.applications.keys import Scope
from apps.applications.listing import SortedListMixin
from apps.applications.serializers import check_no_fields

from ..backlog import UNFINISHED, count_missing
from ..filters import DestinationFilters
from ..models import Destination
from ..selectors import policies_for
from ..serializers import (
    BackfillSerializer,
    ChangeDestinationSerializer,
    ConnectionTestSerializer,
    CreatedDestinationSerializer,
    DestinationIdSerializer,
    DestinationSerializer,
    MissingSerializer,
    NewDestinationSerializer,
    PoliciesSerializer,
    RotatedExternalIdSerializer,
)
from ..services import (
    backfill_destination,
    create_destination,
    delete_destination,
    disable_destination,
    enable_destination,
    rotate_external_id,
    test_connection,
    update_destination,
)
from ..states import DestinationState
from .refusals import as_problems


class DestinationViewSet(SortedListMixin, mixins.RetrieveModelMixin, GenericViewSet[Destination]):
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
        with as_problems():
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
        with as_problems():
            update_destination(destination=destination, fields=body.validated_data, by=access_of(request).actor)
        return self._shown(destination)

    @extend_schema(request=None, responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a destination: its external ID is destroyed, the undelivered cancelled, history kept."""
        check_no_fields(request)
        with as_problems():
            delete_destination(destination=self.get_object(), by=access_of(request).actor, now=timezone.now())
        return Response(status=204)

    @extend_schema(request=None, responses=ConnectionTestSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def test(self, request: Request, pk: str) -> Response:
        """Test the connection with the very write that a delivery makes."""
        check_no_fields(request)
        with as_problems():
            ran = test_connection(destination=self.get_object(), by=access_of(request).actor, now=timezone.now())
        return Response(ConnectionTestSerializer(ran).data)

    @extend_schema(request=None, responses=DestinationSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def enable(self, request: Request, pk: str) -> Response:
        """Enable deliveries; needs a recent passed test of the current configuration."""
        check_no_fields(request)
        destination = self.get_object()
        with as_problems():
            enable_destination(destination=destination, by=access_of(request).actor, now=timezone.now())
        return self._shown(destination)

    @extend_schema(request=None, responses=DestinationSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def disable(self, request: Request, pk: str) -> Response:
        """Disable deliveries; what is undelivered is held."""
        check_no_fields(request)
        destination = self.get_object()
        with as_problems():
            disable_destination(destination=destination, by=access_of(request).actor)
        return self._shown(destination)

    @extend_schema(request=None, responses={201: RotatedExternalIdSerializer, 200: DestinationIdSerializer})
    @action(detail=True, methods=["post"], url_path="rotate-external-id")
    @idempotent
    def rotate_external_id(self, request: Request, pk: str) -> Response:
        """Make a new external ID; the old one ends now, and the connection must be tested again."""
        check_no_fields(request)
        destination = self.get_object()
        with as_problems():
            external_id = rotate_external_id(destination=destination, by=access_of(request).actor)
        data = {"id": destination.pk, "external_id": external_id}
        return SecretResponse(data, secret_field="external_id")  # noqa: S106

    @extend_schema(request=None, responses={202: BackfillSerializer})
    @action(detail=True, methods=["post"], pagination_class=None)
    @idempotent
    def backfill(self, request: Request, pk: str) -> Response:
        """Deliver what was synced while the destination was off or before it was there, behind what is live.

        It goes on while the destination is enabled. Asked for again, the one that is under way is answered.
        """
        check_no_fields(request)
        with as_problems():
            begun = backfill_destination(destination=self.get_object(), by=access_of(request).actor, now=timezone.now())
        return Response(BackfillSerializer(begun).data, status=202)

    @extend_schema(responses=MissingSerializer, filters=False)
    @backfill.mapping.get
    def missing(self, request: Request, pk: str) -> Response:
        """Count the deliveries that a back-fill would make, and show the back-fill that is under way."""
        destination = self.get_object()
        running = destination.backfills.filter(state__in=UNFINISHED).first()
        counted = {"deliveries": count_missing(destination, now=timezone.now()), "running": running}
        return Response(MissingSerializer(counted).data)

    @extend_schema(responses=PoliciesSerializer, filters=False)
    @action(detail=True)
    def policies(self, request: Request, pk: str) -> Response:
        """Show the trust policy and the role policy to paste into AWS."""
        return Response(PoliciesSerializer(policies_for(self.get_object())).data)

    def _shown(self, destination: Destination) -> Response:
        destination.refresh_from_db()
        return Response(DestinationSerializer(destination).data)
