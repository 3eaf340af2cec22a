"""Reads of consents, authorizations and tokens."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from .models import AccessToken, Consent, PatientAuthorization, SigningKey
from .states import ACTIVE
from .tokens import Claims, InvalidToken, verify


@dataclass(frozen=True, slots=True)
class PatientAccess:
    """What a patient access token opens: one consent and its active authorizations, oldest first."""

    token: AccessToken
    claims: Claims
    consent: Consent
    authorizations: tuple[PatientAuthorization, ...]

    @property
    def authorization(self) -> PatientAuthorization:
        return self.authorizations[0]


def list_public_jwks() -> list[dict[str, object]]:
    return [dict(key.public_jwk) for key in SigningKey.objects.order_by("-created_at")]


def find_patient_access(token: str, *, now: dt.datetime) -> PatientAccess:
    """Raises: InvalidToken for anything but a running token of a consent that still stands."""
    claims = verify(token, public_jwks=list_public_jwks(), issuer=settings.PUBLIC_URL, now=int(now.timestamp()))
    kept = (
        AccessToken.objects.filter(jti=claims.jti, revoked_at__isnull=True, expires_at__gt=now)
        .select_related("consent__end_user", "application")
        .first()
    )
    if kept is None or kept.consent is None:
        raise InvalidToken("revoked")
    standing = tuple(
        authorization
        for authorization in PatientAuthorization.objects.filter(consent=kept.consent, state__in=ACTIVE)
        .select_related("endpoint", "application")
        .order_by("created_at", "id")
        if authorization.is_active(now)
    )
    if not standing:
        raise InvalidToken("ended")
    return PatientAccess(token=kept, claims=claims, consent=kept.consent, authorizations=standing)


def time_until_max_auth(authorization: PatientAuthorization, *, now: dt.datetime) -> int | str:
    """Seconds, or 'unknown', 'indefinite', 'unsupported'. Source: records-api seed, exchange."""
    endpoint = authorization.endpoint
    if not endpoint.refreshable:
        return "unsupported"
    if endpoint.max_auth_seconds is None:
        return "unknown"
    if endpoint.max_auth_seconds == 0:
        return "indefinite"
    began = authorization.authorized_at or authorization.created_at
    return max(0, int((began + dt.timedelta(seconds=endpoint.max_auth_seconds) - now).total_seconds()))
