"""Reads of consents, authorizations and tokens."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import models
from joserfc.jwk import KeySet

from apps.applications.models import Application
from apps.directory.models import Endpoint
from apps.outbox.statements import columns_of, read, run

from .models import AccessToken, Consent, EndUser, PatientAuthorization, SigningKey
from .states import ACTIVE
from .tokens import Claims, InvalidToken, key_set, verify


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


class _KeyRing:
    """Our public keys, read again after a minute, or when none of them has signed a token.

    A signature that was found right stays right: as long as the keys are kept, so is what their tokens say.
    """

    SECONDS = 60
    MOST_TOKENS = 1024

    def __init__(self) -> None:
        self._keys: KeySet | None = None
        self._read_at = 0.0
        self._verified: dict[bytes, Claims] = {}

    def verify(self, token: str, *, now: dt.datetime) -> Claims:
        """Raises: InvalidToken."""
        if self._keys is not None and time.monotonic() - self._read_at < self.SECONDS:
            try:
                return self._verify(token, self._keys, now)
            except InvalidToken:
                pass  # perhaps signed with a key that is newer
        self._keys, self._read_at = key_set(list_public_jwks()), time.monotonic()
        self._verified.clear()
        return self._verify(token, self._keys, now)

    def _verify(self, token: str, keys: KeySet, now: dt.datetime) -> Claims:
        digest = sha256(token.encode("utf-8", "replace")).digest()
        known = self._verified.get(digest)
        if known is not None and known.expires_at > int(now.timestamp()):
            return known
        claims = verify(token, keys=keys, issuer=settings.PUBLIC_URL, now=int(now.timestamp()))
        if len(self._verified) >= self.MOST_TOKENS:
            self._verified.clear()
        self._verified[digest] = claims
        return claims


_key_ring = _KeyRing()
_LOADED: tuple[tuple[str, type[models.Model]], ...] = (
    ("t", AccessToken), ("c", Consent), ("u", EndUser),
    ("a", PatientAuthorization), ("e", Endpoint), ("p", Application),
)  # fmt: skip
# Every request with a patient's token asks this.
_ACCESS = f"""
SELECT {", ".join(columns_of(model, alias) for alias, model in _LOADED)}
FROM {AccessToken._meta.db_table} t
JOIN {Consent._meta.db_table} c ON c.id = t.consent_id
JOIN {EndUser._meta.db_table} u ON u.id = c.end_user_id
JOIN {Application._meta.db_table} p ON p.id = t.application_id
JOIN {PatientAuthorization._meta.db_table} a ON a.consent_id = c.id AND a.state = ANY(%(active)s)
JOIN {Endpoint._meta.db_table} e ON e.id = a.endpoint_id
WHERE t.jti = %(jti)s AND t.revoked_at IS NULL AND t.expires_at > %(now)s
ORDER BY a.created_at, a.id
"""  # noqa: S608


def find_patient_access(token: str, *, now: dt.datetime) -> PatientAccess:
    """Raises: InvalidToken for anything but a running token of a consent that still stands."""
    claims = _key_ring.verify(token, now=now)
    rows = run(_ACCESS, {"jti": claims.jti, "now": now, "active": list(ACTIVE)}).fetchall()
    if not rows:
        raise InvalidToken("revoked")
    made = [_read_row(row) for row in rows]
    kept, consent = made[0][0], made[0][1]
    standing = tuple(authorization for _, _, authorization in made if authorization.is_active(now))
    if not standing:
        raise InvalidToken("ended")
    return PatientAccess(token=kept, claims=claims, consent=consent, authorizations=standing)


def _read_row(row: Sequence[Any]) -> tuple[AccessToken, Consent, PatientAuthorization]:
    """Take a row of _ACCESS apart, each instance with those that it refers to."""
    found: list[Any] = []
    start = 0
    for _, model in _LOADED:
        end = start + len(model._meta.concrete_fields)
        found.append(read(model, row[start:end]))
        start = end
    token, consent, end_user, authorization, endpoint, application = found
    token.consent, token.application = consent, application
    consent.end_user, consent.application = end_user, application
    authorization.consent, authorization.endpoint, authorization.application = consent, endpoint, application
    return token, consent, authorization


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
