"""Requests and answers of the Link API as they are on the wire (C15, C16, C39)."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

from django.http import HttpRequest, JsonResponse

from apps.audit.events import Actor, ActorKind
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.selectors import time_until_max_auth
from apps.fhir.resource_types import SUPPORTED_TYPES
from apps.syncs.selectors import SyncStatus, find_sync_status

MAX_BODY_BYTES = 64 * 1024


def read_body(request: HttpRequest) -> dict[str, str]:
    """Return the text fields of a JSON or form body, told apart by content, not by header alone (C16)."""
    raw = request.body[:MAX_BODY_BYTES]
    if raw.lstrip()[:1] == b"{":
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError):
            return {}
        return {name: value for name, value in found.items() if isinstance(value, str)}
    return dict(request.POST.items())  # type: ignore[arg-type]


def read_basic(request: HttpRequest) -> tuple[str, str] | None:
    """Return (publishable, secret) of `Authorization: Basic`, or None."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except ValueError:  # not base64, not ASCII, or not UTF-8 inside
        return None
    return user, password


def read_bearer(request: HttpRequest) -> str:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def refusal(status: int, error: str, message: str, *, authenticate: str = "") -> JsonResponse:
    """Shape: {"statusCode", "error", "message", "error_description"} (C39)."""
    response = JsonResponse(
        {"statusCode": status, "error": error, "message": message, "error_description": message}, status=status
    )
    if authenticate:
        response["WWW-Authenticate"] = authenticate
    return no_store(response)


def answer(fields: dict[str, Any]) -> JsonResponse:
    return no_store(JsonResponse(fields))


def no_store(response: JsonResponse) -> JsonResponse:
    response["Cache-Control"] = "no-store"
    response["Pragma"] = "no-cache"
    return response


def endpoint_block(authorization: PatientAuthorization) -> dict[str, Any]:
    endpoint = authorization.endpoint
    return {
        "id": str(endpoint.pk),
        "label": endpoint.label,
        "name": endpoint.name,
        "refreshable": endpoint.refreshable,
    }


def sync_block(authorization: PatientAuthorization) -> dict[str, Any]:
    """Every supported type, zero counts included; others only when synced. Units: lastSyncedAt in Unix seconds."""
    status: SyncStatus = find_sync_status(authorization)
    return {
        "resourceTypes": {**dict.fromkeys(SUPPORTED_TYPES, 0), **status.counts},
        "state": status.state,
        "lastSyncedAt": status.last_synced_at,
    }


def authorization_block(authorization: PatientAuthorization, *, now: dt.datetime) -> dict[str, Any]:
    """What exchange, refresh and introspect say about an authorization alike."""
    return {
        "endpoint": endpoint_block(authorization),
        "sync": sync_block(authorization),
        "timeUntilMaxAuth": time_until_max_auth(authorization, now=now),
    }


def key_actor(request: HttpRequest, key_label: str, key_id: object) -> Actor:
    return Actor(
        kind=ActorKind.KEY,
        id=str(key_id),
        label=key_label,
        ip=request.client_ip,  # type: ignore[attr-defined]
        request_id=request.request_id,  # type: ignore[attr-defined]
    )
