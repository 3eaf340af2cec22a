"""Exchange, token, introspect, revoke: each reads the request, makes one service call, writes the answer."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey
from apps.applications.selectors import find_api_key, find_client, find_publishable_key
from apps.applications.services import note_key_use
from apps.authorizations.selectors import PatientAccess, find_patient_access
from apps.authorizations.services import InvalidGrant, IssuedTokens, issue_application_token
from apps.authorizations.tokens import InvalidToken
from apps.syncs.services import exchange_code, exchange_public_token, refresh_access, revoke_and_expunge

from .bodies import (
    answer,
    authorization_block,
    key_actor,
    read_basic,
    read_bearer,
    read_body,
    refusal,
)

WRONG_CLIENT = "Unauthorized: Invalid credentials. Send a publishable and a secret key of one application and mode."

# RFC 7617 2 asks for a realm; RFC 6750 3.1 names the error.
BASIC = 'Basic realm="token endpoint", charset="UTF-8"'
BEARER = 'Bearer realm="link", error="invalid_token"'


@csrf_exempt
@require_POST
def exchange(request: HttpRequest) -> JsonResponse:
    """`POST /link/exchange` {public_token, secret_key}. Source: wire contract 3d."""
    now, body = timezone.now(), read_body(request)
    key = _secret_key(request, body.get("secret_key", ""), now)
    if isinstance(key, JsonResponse):
        return key
    try:
        issued = exchange_public_token(
            public_token=body.get("public_token", ""), client=key, by=key_actor(request, str(key), key.pk), now=now
        )
    except InvalidGrant as invalid:
        why = (
            "Public token has expired."
            if str(invalid) in ("used", "expired", "ended")
            else "Public token is not known."
        )
        return refusal(400, "Bad Request", f"Invalid public token. {why}")
    return answer(_exchanged(issued, now))


@csrf_exempt
@require_POST
def token(request: HttpRequest) -> JsonResponse:
    """`POST /link/token`: authorization_code, refresh_token, client_credentials; JSON or form (C15)."""
    now, body = timezone.now(), read_body(request)
    grants = {
        "authorization_code": _code_grant,
        "refresh_token": _refresh_grant,
        "client_credentials": _client_grant,
    }
    grant = grants.get(body.get("grant_type", ""))
    if grant is None:
        return refusal(400, "unsupported_grant_type", f"grant_type must be one of: {', '.join(grants)}.")
    return grant(request, body, now)


def _code_grant(request: HttpRequest, body: dict[str, str], now: dt.datetime) -> JsonResponse:
    basic = read_basic(request)
    client_id = basic[0] if basic else body.get("client_id", "")
    client = (
        find_client(client_id=client_id, secret=basic[1], now=now)
        if basic
        else find_publishable_key(client_id, now=now)
    )
    if client is None:
        return refusal(401, "invalid_client", WRONG_CLIENT, authenticate=BASIC)
    try:
        issued = exchange_code(
            code=body.get("code", ""),
            redirect_uri=body.get("redirect_uri", ""),
            code_verifier=body.get("code_verifier", ""),
            client=client,
            by=key_actor(request, str(client), client.pk),
            now=now,
        )
    except InvalidGrant:
        return refusal(
            400,
            "invalid_grant",
            "Invalid authorization code: unknown, used, expired, or its redirect_uri or code_verifier differs.",
        )
    return answer({**_exchanged(issued, now), "token_type": "Bearer", "scope": _granted_scope(issued)})


def _refresh_grant(request: HttpRequest, body: dict[str, str], now: dt.datetime) -> JsonResponse:
    client = _basic_client(request, now)
    if client is None:
        return refusal(401, "invalid_client", WRONG_CLIENT, authenticate=BASIC)
    try:
        issued = refresh_access(
            refresh_token=body.get("refresh_token", ""),
            client=client,
            by=key_actor(request, str(client), client.pk),
            now=now,
        )
    except InvalidGrant:
        return refusal(400, "invalid_grant", "The refresh token is not known, was used, or has expired.")
    return answer(
        {
            "access_token": issued.access_token,
            "expires_in": issued.expires_in,
            "token_type": "Bearer",
            "refresh_token": issued.refresh_token,
            "refresh_expires_in": issued.refresh_expires_in,
            **_without_endpoint(authorization_block(issued.authorization, now=now)),
        }
    )


def _client_grant(request: HttpRequest, body: dict[str, str], now: dt.datetime) -> JsonResponse:
    client = _basic_client(request, now)
    if client is None:
        return refusal(401, "invalid_client", WRONG_CLIENT, authenticate=BASIC)
    if client.mode != Mode.LIVE:
        return refusal(403, "unauthorized_client", "Application access tokens need live keys; these are test keys.")
    access_token, expires_in = issue_application_token(
        client=client, by=key_actor(request, str(client), client.pk), now=now
    )
    return answer({"access_token": access_token, "expires_in": expires_in, "token_type": "Bearer"})


@require_GET
def introspect(request: HttpRequest) -> HttpResponse:
    """`GET /link/introspect` with a patient's bearer. Source: wire contract 3d."""
    now = timezone.now()
    access = _patient_access(request, now)
    if isinstance(access, JsonResponse):
        return access
    authorization, claims = access.authorization, access.claims
    return answer(
        {
            "jti": claims.jti,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
            "active": True,
            "iss": _issuer(),
            "aud": _issuer(),
            "sub": str(authorization.pk),
            "patient": claims.patient,
            "client_id": claims.client_id,
            "user": {"externalId": access.consent.end_user.external_id},
            "state": authorization.state,
            "usage": authorization.usage,
            "consent_id": str(access.consent.pk),
            "patient_authorizations": [str(each.pk) for each in access.authorizations],
            **authorization_block(authorization, now=now),
        }
    )


@csrf_exempt
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """`POST /link/revoke`: bearer and {secret_key}; answers {count}."""
    now = timezone.now()
    access = _patient_access(request, now)
    if isinstance(access, JsonResponse):
        return access
    key = _secret_key(request, read_body(request).get("secret_key", ""), now)
    if isinstance(key, JsonResponse):
        return key
    if (key.application_id, key.mode) != (access.token.application_id, access.token.mode):
        return refusal(401, "Unauthorized", "secret_key belongs to another application or mode than the access token.")
    by = key_actor(request, str(key), key.pk)
    count = sum(revoke_and_expunge(authorization=each, by=by, now=now) for each in access.authorizations)
    return answer({"count": count})


def _exchanged(issued: IssuedTokens, now: dt.datetime) -> dict[str, Any]:
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


def _granted_scope(issued: IssuedTokens) -> str:
    """Say what was given where it is less than what was asked. Source: RFC 6749 5.1."""
    asked = issued.authorization.consent.scope.split()
    return " ".join(scope for scope in asked if scope != "offline_access" or issued.refresh_token)


def _without_endpoint(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if name != "endpoint"}


def _secret_key(request: HttpRequest, value: str, now: dt.datetime) -> ApiKey | JsonResponse:
    key = find_api_key(value, now=now)
    if key is None or key.kind != KeyKind.SECRET:
        sent = f"a {key.kind} key" if key else "a key that is not known or has ended"
        return refusal(
            401, "Unauthorized", f"secret_key must be a secret key (sk_test_… or sk_live_…); this is {sent}."
        )
    note_key_use(api_key=key, ip=request.client_ip, now=now)  # type: ignore[attr-defined]
    return key


def _basic_client(request: HttpRequest, now: dt.datetime) -> ApiKey | None:
    basic = read_basic(request)
    key = find_client(client_id=basic[0], secret=basic[1], now=now) if basic else None
    if key is not None:
        note_key_use(api_key=key, ip=request.client_ip, now=now)  # type: ignore[attr-defined]
    return key


def _patient_access(request: HttpRequest, now: dt.datetime) -> PatientAccess | JsonResponse:
    try:
        return find_patient_access(read_bearer(request), now=now)
    except InvalidToken:
        return refusal(401, "Unauthorized", "Invalid access token", authenticate=BEARER)


def _issuer() -> str:
    return str(settings.PUBLIC_URL)
