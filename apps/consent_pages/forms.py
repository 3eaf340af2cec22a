"""What `/link/auth` and the widget may ask for, checked. Source: wire contract 3a, 3c; RFC 6749 4.1.2.1."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict

from apps.applications.keys import KeyKind
from apps.applications.models import AllowedOrigin, ApiKey, Application, RedirectUri
from apps.applications.selectors import KeyRefused, check_api_key
from apps.authorizations.models import Consent
from apps.authorizations.services import AuthorizationRequest
from apps.authorizations.states import Usage
from apps.directory.models import Endpoint, EndpointStatus

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
SCOPES = {"launch/patient", "offline_access", "openid", "profile"}
AUTHORIZE_PARAMETERS = (
    "response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method", "scope", "state",
    "flexpa_external_id", "flexpa_endpoint_id", "flexpa_ial2_mode", "flexpa_search_mode",
)  # fmt: skip
LINK_PARAMETERS = ("publishableKey", "externalId", "usage", "endpoint", "openerOrigin")
EXTERNAL_ID = "your own id of this user, 1 to 255 printable characters"
SEARCH_CHARS = 200


class UnknownClient(Exception):
    """Shown as a page, never redirected: we do not know that the address is the application's own."""


class RequestRefused(Exception):
    """Told to the application at its registered redirect URI."""

    def __init__(self, error: str, description: str, *, redirect_uri: str, state: str) -> None:
        super().__init__(description)
        self.error = error
        self.redirect_uri = redirect_uri
        self.state = state


@dataclass(frozen=True, slots=True)
class Opening:
    """A checked request, the key that asked, and the endpoint that it preselects, if any."""

    request: AuthorizationRequest
    key: ApiKey
    endpoint: Endpoint | None


Refuse = Callable[[str, str], RequestRefused]


def read_authorize(query: QueryDict, *, now: dt.datetime) -> Opening:
    """Raises: UnknownClient, RequestRefused."""
    twice = _sent_twice(query, AUTHORIZE_PARAMETERS)
    if unsafe := [name for name in twice if name in ("client_id", "redirect_uri")]:
        raise UnknownClient(f"{unsafe[0]} was sent more than once. Send it once.")
    key = _client(query, "client_id", now)
    redirect_uri = _registered(query.get("redirect_uri", ""), key)
    state = query.get("state", "")

    def refuse(error: str, description: str) -> RequestRefused:
        return RequestRefused(error, description, redirect_uri=redirect_uri, state="" if "state" in twice else state)

    if twice:
        raise refuse("invalid_request", f"{twice[0]} was sent more than once. Send it once.")
    if len(state) > 1000 or "\x00" in state:
        raise refuse("invalid_request", "state must have 1000 characters at most, and no NUL.")
    if query.get("response_type") != "code":
        raise refuse("unsupported_response_type", "response_type must be code.")
    _check_pkce(query, refuse)
    scopes = _scopes(query, refuse)
    external_id = query.get("flexpa_external_id", "")
    if not _is_external_id(external_id):
        raise refuse("invalid_request", f"flexpa_external_id is required: {EXTERNAL_ID}.")
    return Opening(
        AuthorizationRequest(
            application=key.application,
            mode=key.mode,
            flow=Consent.Flow.OAUTH,
            external_id=external_id,
            usage=Usage.MULTIPLE if "offline_access" in scopes else Usage.ONE_TIME,
            scope=" ".join(scopes),
            redirect_uri=redirect_uri,
            client_state=state,
            code_challenge=query.get("code_challenge", ""),
        ),
        key,
        _preselected(query, key.mode, refuse),
    )


def read_link(query: QueryDict, *, now: dt.datetime) -> Opening:
    """Read the widget's opening. Raises: UnknownClient, for an origin that is not allowed too."""
    if twice := _sent_twice(query, LINK_PARAMETERS):
        raise UnknownClient(f"{twice[0]} was sent more than once. Send it once.")
    key = _client(query, "publishableKey", now)
    usage = query.get("usage", Usage.ONE_TIME)
    if usage not in set(Usage):
        raise UnknownClient("usage must be ONE_TIME or MULTIPLE.")
    external_id = query.get("externalId", "")
    if external_id and not _is_external_id(external_id):
        raise UnknownClient(f"user.externalId must be {EXTERNAL_ID}.")
    asked = query.get("endpoint", "")
    endpoint = find_endpoint(asked, key.mode)
    if asked and endpoint is None:
        raise UnknownClient(f"endpoint is no connectable endpoint of {key.mode} mode. Send its id, or leave it out.")
    return Opening(
        AuthorizationRequest(
            application=key.application,
            mode=key.mode,
            flow=Consent.Flow.LINK,
            external_id=external_id,
            usage=Usage(usage),
            opener_origin=_allowed(query.get("openerOrigin", ""), key),
        ),
        key,
        endpoint,
    )


def find_endpoint(value: str, mode: str) -> Endpoint | None:
    try:
        pk = UUID(value)
    except ValueError:
        return None
    return Endpoint.objects.filter(pk=pk, mode=mode, status=EndpointStatus.CONNECTED).first()


def search_endpoints(application: Application, mode: str, text: str) -> list[Endpoint]:
    """Return connectable endpoints whose label or name contains every word, the popular ones first."""
    found = Endpoint.objects.filter(mode=mode, status=EndpointStatus.CONNECTED)
    endpoints = found.order_by("-popularity", "name")[:500]
    words = text[:SEARCH_CHARS].casefold().split()
    matching = [
        each for each in endpoints if all(word in " ".join([*each.label, each.name]).casefold() for word in words)
    ]
    return matching[:50]


def _sent_twice(query: QueryDict, names: Iterable[str]) -> list[str]:
    """RFC 6749 3.1: a parameter is sent once."""
    return [name for name in names if len(query.getlist(name)) > 1]


def _client(query: QueryDict, name: str, now: dt.datetime) -> ApiKey:
    try:
        return check_api_key(query.get(name, ""), needed=KeyKind.PUBLISHABLE, name=name, now=now)
    except KeyRefused as why:
        raise UnknownClient(str(why)) from None


def _registered(uri: str, key: ApiKey) -> str:
    """Return the URI if it is registered to the letter; else say what differs, never what is registered."""
    if not uri:
        raise UnknownClient("redirect_uri is missing: send one that is registered for this application under Settings.")
    uris = RedirectUri.objects.filter(application=key.application)
    here = set(uris.filter(mode=key.mode).values_list("uri", flat=True))
    if uri in here:
        return uri
    if "#" in uri:
        why = "A redirect URI has no fragment: leave out what follows #."
    elif uri in set(uris.values_list("uri", flat=True)):
        why = f"It is registered for the other mode, and client_id is a {key.mode} key."
    elif uri.rstrip("/").lower() in {each.rstrip("/").lower() for each in here}:
        why = "It differs from a registered one by a final slash or by capital letters: send that one to the letter."
    else:
        why = "Register it to the letter under Settings."
    raise UnknownClient(f"redirect_uri is not registered for this application and mode. {why}")


def _allowed(origin: str, key: ApiKey) -> str:
    """Return the origin of the page that holds the frame, "" for no frame."""
    origins = AllowedOrigin.objects.filter(application=key.application, mode=key.mode, origin=origin)
    if origin and not ("\x00" not in origin and origins.exists()):
        raise UnknownClient(
            f"openerOrigin is no allowed origin of this application in {key.mode} mode. Allow it under Settings, "
            "Origins of the widget."
        )
    return origin


def _check_pkce(query: QueryDict, refuse: Refuse) -> None:
    """Source: RFC 7636 4.3, 4.4.1; only S256 is taken."""
    challenge, method = query.get("code_challenge", ""), query.get("code_challenge_method", "")
    if not challenge:
        raise refuse("invalid_request", "code_challenge is missing: PKCE is required, with code_challenge_method=S256.")
    if method != "S256":
        sent = "plain is not accepted" if method == "plain" else "it is missing or not known"
        raise refuse("invalid_request", f"code_challenge_method must be S256: {sent}.")
    if not CHALLENGE.fullmatch(challenge):
        raise refuse(
            "invalid_request",
            "code_challenge must be the SHA-256 of your code_verifier in base64url: 43 characters, no padding.",
        )


def _scopes(query: QueryDict, refuse: Refuse) -> list[str]:
    scopes = list(dict.fromkeys(query.get("scope", "").split()))
    if "launch/patient" not in scopes:
        raise refuse("invalid_scope", "scope must contain launch/patient.")
    if unknown := sorted(set(scopes) - SCOPES):
        known = ", ".join(sorted(SCOPES))
        raise refuse("invalid_scope", f"scope {unknown[0][:40]} is not known here. Known: {known}.")
    return scopes


def _is_external_id(text: str) -> bool:
    # U+FFFD is what stands where a query was not UTF-8.
    return 0 < len(text) <= 255 and text.isprintable() and "\ufffd" not in text


def _preselected(query: QueryDict, mode: str, refuse: Refuse) -> Endpoint | None:
    asked = query.get("flexpa_endpoint_id", "")
    if query.get("flexpa_ial2_mode"):
        why = "cannot be sent with flexpa_endpoint_id" if asked else "is not built here yet: leave it out"
        raise refuse("invalid_request", f"flexpa_ial2_mode {why}.")
    if query.get("flexpa_search_mode"):
        raise refuse("invalid_request", "flexpa_search_mode is not built here yet: leave it out.")
    if not asked:
        return None
    endpoint = find_endpoint(asked, mode)
    if endpoint is None:
        raise refuse(
            "invalid_request",
            f"flexpa_endpoint_id is no connectable endpoint of {mode} mode. Send its id, or leave it out.",
        )
    return endpoint
