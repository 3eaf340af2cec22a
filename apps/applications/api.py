"""`/api/v1/keys`: list, create, note, roll and end API keys.

Refuses to show a secret twice, and to let a key make a management key: that takes a person who has just
proved who they are (rulings A11).
"""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from .authentication import access_of
from .filters import ApiKeyFilters
from .idempotency import SecretResponse, idempotent
from .keys import DEFAULT_OVERLAP_SECONDS, KeyKind, Scope
from .listing import SortedListMixin
from .models import ApiKey
from .problems import Conflict
from .serializers import (
    ApiKeySerializer,
    IssuedApiKeySerializer,
    NewApiKeySerializer,
    NoteSerializer,
    RollApiKeySerializer,
    check_no_fields,
)
from .services import (
    IssuedKey,
    KeyEnded,
    LiveAccessMissing,
    RollInProgress,
    end_api_key,
    issue_api_key,
    note_api_key,
    roll_api_key,
)


class ApiKeyViewSet(SortedListMixin, mixins.RetrieveModelMixin, GenericViewSet[ApiKey]):
    """API keys of the application in this mode, ended ones included."""

    queryset = ApiKey.objects.all()
    serializer_class = ApiKeySerializer
    filterset_class = ApiKeyFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ
    scope_write = Scope.KEYS_WRITE
    fresh_actions = frozenset({"create", "roll", "end"})

    @extend_schema(request=NewApiKeySerializer, responses={201: IssuedApiKeySerializer, 200: ApiKeySerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Create a key. This answer is the only one that has the text of a secret or management key."""
        body = NewApiKeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        access, kind = access_of(request), KeyKind(body.validated_data["kind"])
        if kind == KeyKind.MANAGEMENT:
            _check_person(request)
        try:
            issued = issue_api_key(
                application=access.application,
                mode=access.mode,
                kind=kind,
                note=body.validated_data["note"],
                by=access.actor,
            )
        except LiveAccessMissing as error:
            raise PermissionDenied(str(error), code="live_access_missing") from None
        return _shown_once(issued)

    @extend_schema(request=RollApiKeySerializer, responses={201: IssuedApiKeySerializer, 200: ApiKeySerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def roll(self, request: Request, pk: str) -> Response:
        """Replace a key. The old one works on for `overlap_seconds`; this answer has the new one's text."""
        body = RollApiKeySerializer(data=request.data)
        body.is_valid(raise_exception=True)
        overlap = body.validated_data.get("overlap_seconds", DEFAULT_OVERLAP_SECONDS[access_of(request).mode])
        try:
            issued = roll_api_key(
                api_key=self.get_object(),
                overlap_seconds=overlap,
                by=access_of(request).actor,
                now=timezone.now(),
            )
        except (KeyEnded, RollInProgress, LiveAccessMissing) as error:
            raise Conflict(str(error)) from None
        return _shown_once(issued)

    @extend_schema(request=NoteSerializer, responses=ApiKeySerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Say where a key is stored; nothing else of a key can be changed."""
        key = self.get_object()
        body = NoteSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        note_api_key(api_key=key, note=body.validated_data["note"], by=access_of(request).actor)
        key.refresh_from_db()
        return Response(ApiKeySerializer(key).data)

    @extend_schema(request=None, responses=ApiKeySerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def end(self, request: Request, pk: str) -> Response:
        """End a key now. Ending an ended key changes nothing."""
        check_no_fields(request)
        key = self.get_object()
        end_api_key(api_key=key, by=access_of(request).actor, now=timezone.now())
        key.refresh_from_db()
        return Response(ApiKeySerializer(key).data)


def _check_person(request: Request) -> None:
    """Raises: PermissionDenied."""
    if not access_of(request).is_person:
        raise PermissionDenied(
            "A management key is made in the portal by a person; a key can roll the one that is there.",
            code="person_needed",
        )


def _shown_once(issued: IssuedKey) -> Response:
    data: dict[str, Any] = {**ApiKeySerializer(issued.api_key).data, "value": issued.value}
    if issued.api_key.kind == KeyKind.PUBLISHABLE:
        return Response(data, status=201)
    return SecretResponse(data, secret_field="value")  # noqa: S106
