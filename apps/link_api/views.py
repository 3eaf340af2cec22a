"""Exchange, token, introspect, revoke: each reads the request, makes one service call, writes the answer."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from apps.applications.keys import Mode
from apps.authorizations.services import InvalidGrant, issue_application_token
from apps.syncs.services import exchange_code, exchange_public_token, refresh_access, revoke_and_expunge

from .answers import Refused, link_view
from .blocks import authorization_block, exchanged, granted_scope, sync_and_time
from .bodies import read_body, texts
from .clients import any_client, confidential_client, key_actor, patient_access, secret_key
from .grants import BAD_CODE, why_no_code, why_no_public_token, why_no_refresh_token


@link_view("POST")
def exchange(request: HttpRequest) -> JsonResponse:
    """`POST /link/exchange` {public_token, secret_key}. Source: wire contract 3d."""
    now = timezone.now()
    public_token, secret = texts(read_body(request), "public_token", "secret_key")
    key = secret_key(request, secret, now)
    try:
        issued = exchange_public_token(public_token=public_token, client=key, by=key_actor(request, key), now=now)
    except InvalidGrant as invalid:
        raise Refused(400, why_no_public_token(invalid, key.mode)) from None
    return JsonResponse(exchanged(issued, now=now))


@link_view("POST")
def token(request: HttpRequest) -> JsonResponse:
    """`POST /link/token`: authorization_code, refresh_token, client_credentials; JSON or form (C15)."""
    grants = {
        "authorization_code": _code_grant,
        "refresh_token": _refresh_grant,
        "client_credentials": _client_grant,
    }
    try:
        body = read_body(request)
        (asked,) = texts(body, "grant_type")
        grant = grants.get(asked)
        if grant is None:
            raise Refused(400, f"grant_type must be one of: {', '.join(grants)}.", error="unsupported_grant_type")
        return JsonResponse(grant(request, body, timezone.now()))
    except Refused as refused:
        if refused.error == "Bad Request":
            refused.error = "invalid_request"  # RFC 6749 5.2 has words of its own
        raise


def _code_grant(request: HttpRequest, body: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    client = any_client(request, body, now)
    code, redirect_uri, code_verifier = texts(body, "code", "redirect_uri", "code_verifier")
    try:
        issued = exchange_code(
            code=code,
            redirect_uri=redirect_uri,
            code_verifier=code_verifier,
            client=client,
            by=key_actor(request, client),
            now=now,
        )
    except InvalidGrant as invalid:
        raise Refused(400, why_no_code(invalid, client.mode), error="invalid_grant", known=BAD_CODE) from None
    return {**exchanged(issued, now=now), "token_type": "Bearer", "scope": granted_scope(issued)}


def _refresh_grant(request: HttpRequest, body: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    client = confidential_client(request, now)
    (refresh_token,) = texts(body, "refresh_token")
    try:
        issued = refresh_access(refresh_token=refresh_token, client=client, by=key_actor(request, client), now=now)
    except InvalidGrant as invalid:
        raise Refused(400, why_no_refresh_token(invalid, client.mode), error="invalid_grant") from None
    return {
        "access_token": issued.access_token,
        "expires_in": issued.expires_in,
        "token_type": "Bearer",
        "refresh_token": issued.refresh_token,
        "refresh_expires_in": issued.refresh_expires_in,
        **sync_and_time(issued.authorization, now=now),
    }


def _client_grant(request: HttpRequest, body: dict[str, Any], now: dt.datetime) -> dict[str, Any]:
    client = confidential_client(request, now)
    if client.mode != Mode.LIVE:
        message = "Application access tokens need live keys; these are test keys. Send the live pair."
        raise Refused(403, message, error="unauthorized_client")
    access_token, expires_in = issue_application_token(client=client, by=key_actor(request, client), now=now)
    return {"access_token": access_token, "expires_in": expires_in, "token_type": "Bearer"}


@link_view("GET")
def introspect(request: HttpRequest) -> JsonResponse:
    """`GET /link/introspect` with a patient's bearer. Source: wire contract 3d."""
    now = timezone.now()
    access = patient_access(request, now)
    authorization, claims = access.authorization, access.claims
    return JsonResponse(
        {
            "jti": claims.jti,
            "iat": claims.issued_at,
            "exp": claims.expires_at,
            "active": True,
            "iss": settings.PUBLIC_URL,
            "aud": settings.PUBLIC_URL,
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


@link_view("POST")
def revoke(request: HttpRequest) -> JsonResponse:
    """`POST /link/revoke`: bearer and {secret_key}; answers {count}."""
    now = timezone.now()
    access = patient_access(request, now)
    (secret,) = texts(read_body(request), "secret_key")
    key = secret_key(request, secret, now)
    if key.application_id != access.token.application_id:
        raise Refused(401, "secret_key belongs to another application than the access token.")
    if key.mode != access.token.mode:
        raise Refused(401, f"secret_key is a {key.mode} key, the access token one of {access.token.mode} mode.")
    by = key_actor(request, key)
    return JsonResponse(
        {"count": sum(revoke_and_expunge(authorization=each, by=by, now=now) for each in access.authorizations)}
    )
