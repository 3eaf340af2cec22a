"""`GET /rest/consent`: one consent and its sources, to the holder of its access token. Source: wire contract 3a."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from apps.authorizations.models import Consent, PatientAuthorization

from .answers import link_view
from .blocks import endpoint_block
from .clients import patient_access


@link_view("GET")
def consent(request: HttpRequest) -> JsonResponse:
    """Answer the token's own consent, whatever else the patient shares with this application."""
    now = timezone.now()
    found = patient_access(request, now).consent
    authorizations = list(found.authorizations.select_related("endpoint").order_by("created_at", "id"))
    return JsonResponse(
        {
            "id": str(found.pk),
            "createdAt": instant(found.created_at),
            "updatedAt": instant(_last_change(found, authorizations)),
            "patientAuthorizations": [_authorization(each, now) for each in authorizations],
        }
    )


def instant(at: dt.datetime | None) -> str | None:
    """Units: UTC, to the millisecond, as JavaScript writes it."""
    if at is None:
        return None
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _authorization(authorization: PatientAuthorization, now: dt.datetime) -> dict[str, Any]:
    patient = authorization.destination_patient_id
    ended = authorization.purge_at if authorization.purge_at and authorization.purge_at <= now else None
    return {
        "id": str(authorization.pk),
        "state": authorization.state,
        "usage": authorization.usage,
        "type": authorization.kind,
        "createdAt": instant(authorization.created_at),
        "authorizedAt": instant(authorization.authorized_at),
        "exchangedAt": instant(authorization.exchanged_at),
        "revokedAt": instant(authorization.revoked_at),
        "expiredAt": instant(ended),
        "patient": f"Patient/{patient}" if patient else None,
        "endpoint": endpoint_block(authorization),
        "active": authorization.is_active(now),
    }


def _last_change(consent: Consent, authorizations: list[PatientAuthorization]) -> dt.datetime | None:
    """Return when something last happened to it, None while it is as it was opened."""
    instants = [consent.agreed_at]
    for each in authorizations:
        instants += [each.authorized_at, each.exchanged_at, each.refreshed_at, each.revoked_at, each.ended_at]
    return max((at for at in instants if at is not None), default=None)
