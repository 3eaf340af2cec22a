"""`POST /oauth/register`: a client of an application, registered by the application. Source: RFC 7591.

Not open to everybody: what patients see is the application's name, so whoever registers a client shows the
application's management key (RFC 7591 3, "initial access token").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.services import InvalidRedirectUri, LiveAccessMissing, RegisteredClient, register_client

from .answers import Refused, link_view
from .bodies import is_clean, read_body
from .clients import key_actor, management_key

METHODS = ("client_secret_basic", "none")
GRANTS = ("authorization_code", "refresh_token", "client_credentials")
MAX_URIS = 20
DEFAULT_NAME = "Registered by /oauth/register"


@link_view("POST")
def register(request: HttpRequest) -> JsonResponse:
    """Answer 201 with the client's keys, this once. What it does not know it ignores (RFC 7591 2)."""
    now = timezone.now()
    key = management_key(request, now)
    body = read_body(request)
    method = _one_of(body, "token_endpoint_auth_method", METHODS, METHODS[0])
    grants = _list_of(body, "grant_types", GRANTS, ["authorization_code"])
    if method == "none" and "client_credentials" in grants:
        raise _wrong("grant_types", "client_credentials needs a client that keeps a secret: client_secret_basic")
    _list_of(body, "response_types", ("code",), ["code"])
    name = body.get("client_name", "")
    if not isinstance(name, str) or len(name) > 100 or not (name.isprintable() and is_clean(name)):
        raise _wrong("client_name", "send one line of 100 characters at most")
    uris = _redirect_uris(body, needed="authorization_code" in grants)
    try:
        made = register_client(
            application=key.application,
            mode=Mode(key.mode),
            redirect_uris=uris,
            name=name or DEFAULT_NAME,
            is_confidential=method == METHODS[0],
            by=key_actor(request, key),
        )
    except InvalidRedirectUri as refusal:
        raise Refused(400, f"redirect_uris: {refusal}", error="invalid_redirect_uri") from None
    except LiveAccessMissing as refusal:
        raise Refused(403, str(refusal), error="access_denied") from None
    told = {
        "client_name": name or DEFAULT_NAME,
        "redirect_uris": uris,
        "grant_types": grants,
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
        "scope": "launch/patient offline_access",
    }
    return JsonResponse({**_credentials(made), **told}, status=201)


def _credentials(made: RegisteredClient) -> dict[str, Any]:
    public = made.public
    found: dict[str, Any] = {
        "client_id": public.value,
        "client_id_issued_at": int(public.api_key.created_at.timestamp()),
    }
    if made.secret is not None:
        found |= {"client_secret": made.secret.value, "client_secret_expires_at": 0}
    return found


def _redirect_uris(body: Mapping[str, Any], *, needed: bool) -> list[str]:
    uris = body.get("redirect_uris", [])
    if not isinstance(uris, list) or not all(isinstance(each, str) for each in uris) or len(uris) > MAX_URIS:
        raise Refused(400, f"redirect_uris must be a list of {MAX_URIS} URLs at most.", error="invalid_redirect_uri")
    if needed and not uris:
        raise Refused(400, "redirect_uris is missing: send where patients come back to.", error="invalid_redirect_uri")
    return list(dict.fromkeys(uris))


def _one_of(body: Mapping[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = body.get(name, default)
    if value not in known:
        raise _wrong(name, f"send one of {', '.join(known)}")
    return str(value)


def _list_of(body: Mapping[str, Any], name: str, known: tuple[str, ...], default: list[str]) -> list[str]:
    value = body.get(name, default)
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each in known for each in value):
        raise _wrong(name, f"send a list of: {', '.join(known)}")
    return list(dict.fromkeys(value))


def _wrong(name: str, why: str) -> Refused:
    return Refused(400, f"{name}: {why}.", error="invalid_client_metadata")
