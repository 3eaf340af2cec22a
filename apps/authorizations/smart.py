"""A source's side of SMART on FHIR: discovery, authorize URL, code and refresh grants.

Owns what we send to a payer's OAuth server; every request goes through the one door. Source: SMART App Launch 2,
"Standalone launch"; RFC 6749; RFC 7636.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings

from apps.directory.models import Endpoint
from apps.outbound.failures import RefusedAddress, SourceError
from apps.outbound.http import Door, Response

LONGEST_GRANT_SECONDS = 365 * 86_400
SCOPE = "launch/patient patient/*.read offline_access"


@dataclass(frozen=True, slots=True)
class SourceGrant:
    """What the source gave: tokens, their life, and which patient."""

    access_token: str
    refresh_token: str | None
    expires_in: int
    patient_id: str


@lru_cache(maxsize=2)
def door(mode: str) -> Door:
    """Return the door to sources of that mode; the sandbox's address is added for test alone (rulings B23)."""
    allowed = {_host_port(each) for each in settings.OUTBOUND_ALLOWED}
    if settings.SANDBOX_PAYER_URL and (mode == "test" or settings.SANDBOX_PAYER_AS_LIVE):
        parts = urlsplit(settings.SANDBOX_PAYER_URL)
        allowed.add((parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)))
    return Door(allowed=frozenset(allowed))


def _host_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def discover(endpoint: Endpoint) -> tuple[str, str]:
    """Return (authorize URL, token URL) from the source's smart-configuration. Raises: SourceError."""
    answer = _ask(endpoint, "GET", f"{endpoint.fhir_base}/.well-known/smart-configuration", None)
    found = _json(answer.status, answer.body, "smart-configuration")
    try:
        return str(found["authorization_endpoint"]), str(found["token_endpoint"])
    except KeyError as missing:
        raise SourceError(
            f"The source's smart-configuration has no {missing}.",
            code="bad-configuration",
            permanent=True,
            status=answer.status,
            retry_after_seconds=None,
            outcome=None,
        ) from None


def authorize_url(endpoint: Endpoint, *, authorize: str, state: str, verifier: str, redirect_uri: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": endpoint.client_id,
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": state,
        "aud": endpoint.fhir_base,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{authorize}{'&' if '?' in authorize else '?'}{urlencode(query)}"


def redeem_code(endpoint: Endpoint, *, token_url: str, code: str, verifier: str, redirect_uri: str) -> SourceGrant:
    """Raises: SourceError."""
    return _grant(
        endpoint,
        token_url,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "client_id": endpoint.client_id,
            "code_verifier": verifier,
        },
    )


def redeem_refresh(endpoint: Endpoint, *, token_url: str, refresh_token: str) -> SourceGrant:
    """Raises: SourceError; `permanent` when the source has ended the grant."""
    return _grant(
        endpoint,
        token_url,
        {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": endpoint.client_id},
    )


def _grant(endpoint: Endpoint, token_url: str, form: dict[str, str]) -> SourceGrant:
    answer = _ask(endpoint, "POST", token_url, form)
    found = _json(answer.status, answer.body, "token answer")
    try:
        return SourceGrant(
            access_token=str(found["access_token"]),
            refresh_token=str(found["refresh_token"]) if found.get("refresh_token") else None,
            expires_in=min(max(int(found.get("expires_in", 300)), 0), LONGEST_GRANT_SECONDS),
            patient_id=_patient_id(found.get("patient")),
        )
    except (KeyError, TypeError, ValueError):
        raise SourceError(
            "The source's token answer lacks a field.",
            code="bad-token-answer",
            permanent=True,
            status=answer.status,
            retry_after_seconds=None,
            outcome=None,
        ) from None


def _patient_id(value: object) -> str:
    """Return the source's patient id, or an empty text for what cannot be one."""
    text = str(value or "")
    return text if len(text) <= 256 and text.isprintable() else ""


def _ask(endpoint: Endpoint, method: str, url: str, form: dict[str, str] | None) -> Response:
    try:
        return door(endpoint.mode).request(method, url, data=form, max_bytes=2**20)
    except RefusedAddress as refused:
        raise SourceError(
            str(refused), code="refused-address", permanent=True, status=None, retry_after_seconds=None, outcome=None
        ) from None


def _json(status: int, body: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if status == 200 and isinstance(found, dict):
        return found
    error = str(found.get("error", "")) if isinstance(found, dict) else ""
    # 4xx from a token endpoint is final (invalid_grant); anything else may pass.
    raise SourceError(
        f"The source refused ({what}, status {status}).",
        code=error or f"http-{status}",
        permanent=400 <= status < 500 and status not in (408, 429),
        status=status,
        retry_after_seconds=None,
        outcome=None,
    )


def expiry(now: dt.datetime, seconds: int) -> dt.datetime:
    return now + dt.timedelta(seconds=seconds)
