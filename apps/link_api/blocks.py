"""Parts of the Link API's answers that several endpoints share. Source: wire contract 3d, C3, C34."""

from __future__ import annotations

import datetime as dt
from typing import Any

from apps.authorizations.models import PatientAuthorization
from apps.authorizations.selectors import time_until_max_auth
from apps.authorizations.services import IssuedTokens
from apps.fhir.resource_types import SUPPORTED_TYPES
from apps.syncs.selectors import SyncStatus, find_sync_status


def exchanged(issued: IssuedTokens, *, now: dt.datetime) -> dict[str, Any]:
    """What `/link/exchange` and the code grant answer alike."""
    authorization = issued.authorization
    fields = {
        "access_token": issued.access_token,
        "expires_in": issued.expires_in,
        "usage": authorization.usage,
        "refresh_expires_in": issued.refresh_expires_in,
        "patient": f"Patient/{authorization.destination_patient_id}",
        "user": {"externalId": authorization.consent.end_user.external_id},
        **authorization_block(authorization, now=now),
    }
    return {**fields, **({"refresh_token": issued.refresh_token} if issued.refresh_token else {})}


def authorization_block(authorization: PatientAuthorization, *, now: dt.datetime) -> dict[str, Any]:
    """What exchange and introspect say about an authorization alike."""
    return {"endpoint": endpoint_block(authorization), **sync_and_time(authorization, now=now)}


def sync_and_time(authorization: PatientAuthorization, *, now: dt.datetime) -> dict[str, Any]:
    """What a refresh says too: it names no endpoint."""
    return {"sync": sync_block(authorization), "timeUntilMaxAuth": time_until_max_auth(authorization, now=now)}


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


def granted_scope(issued: IssuedTokens) -> str:
    """Say what was given where it is less than what was asked. Source: RFC 6749 5.1."""
    asked = issued.authorization.consent.scope.split()
    return " ".join(scope for scope in asked if scope != "offline_access" or issued.refresh_token)
