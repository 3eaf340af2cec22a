"""What `/link/auth` and the widget may ask for, checked. Source: wire contract 3a, 3c; RFC 6749 4.1.2.1."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from uuid import UUID

from django.http import QueryDict

from apps.applications.models import Application, RedirectUri
from apps.applications.selectors import find_publishable_key
from apps.authorizations.models import Consent
from apps.authorizations.services import AuthorizationRequest
from apps.authorizations.states import Usage
from apps.directory.models import Endpoint, EndpointStatus

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
SCOPES = {"launch/patient", "offline_access", "openid", "profile"}


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
    """A checked request, and the endpoint that it preselects, if any."""

    request: AuthorizationRequest
    endpoint: Endpoint | None


def read_authorize(query: QueryDict, *, now: dt.datetime) -> Opening:
    """Raises: UnknownClient, RequestRefused."""
    key = find_publishable_key(query.get("client_id", ""), now=now)
    if key is None:
        raise UnknownClient("client_id is not a publishable key that we know. Check the key in the portal.")
    redirect_uri = query.get("redirect_uri", "")
    known = RedirectUri.objects.filter(application=key.application, mode=key.mode, uri=redirect_uri)
    # PostgreSQL takes no NUL, and no registered address has one.
    if "\x00" in redirect_uri or not known.exists():
        raise UnknownClient(
            "redirect_uri is not registered for this application and mode. Register it to the letter under Settings."
        )
    state = query.get("state", "")

    def refuse(error: str, description: str) -> RequestRefused:
        return RequestRefused(error, description, redirect_uri=redirect_uri, state=state)

    if len(state) > 1000 or "\x00" in state:
        raise refuse("invalid_request", "state is longer than 1000 characters, or holds a NUL.")
    if query.get("response_type") != "code":
        raise refuse("unsupported_response_type", "response_type must be code.")
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        raise refuse("invalid_request", "code_challenge with code_challenge_method=S256 is required (PKCE).")
    scopes = list(dict.fromkeys(query.get("scope", "").split()))
    if "launch/patient" not in scopes:
        raise refuse("invalid_scope", "scope must contain launch/patient.")
    if unknown := sorted(set(scopes) - SCOPES):
        raise refuse("invalid_scope", f"scope {unknown[0]} is not known here.")
    external_id = query.get("flexpa_external_id", "")
    if not 0 < len(external_id) <= 255 or not external_id.isprintable():
        raise refuse(
            "invalid_request", "flexpa_external_id is required: your own id of this user, 255 characters at most."
        )
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
            code_challenge=challenge,
        ),
        _preselected(query, key.mode, refuse),
    )


def read_link(query: QueryDict, *, now: dt.datetime) -> Opening:
    """Read the widget's opening: publishableKey, externalId, usage, endpoint. Raises: UnknownClient."""
    key = find_publishable_key(query.get("publishableKey", ""), now=now)
    if key is None:
        raise UnknownClient("publishableKey is not a publishable key that we know. Check the key in the portal.")
    usage = query.get("usage", Usage.ONE_TIME)
    external_id = query.get("externalId", "")
    if usage not in set(Usage) or len(external_id) > 255 or (external_id and not external_id.isprintable()):
        raise UnknownClient("usage must be ONE_TIME or MULTIPLE, and user.externalId 255 characters at most.")
    return Opening(
        AuthorizationRequest(
            application=key.application,
            mode=key.mode,
            flow=Consent.Flow.LINK,
            external_id=external_id,
            usage=Usage(usage),
        ),
        find_endpoint(query.get("endpoint", ""), key.mode),
    )


def _preselected(query: QueryDict, mode: str, refuse: object) -> Endpoint | None:
    asked = query.get("flexpa_endpoint_id", "")
    if not asked:
        return None
    endpoint = find_endpoint(asked, mode)
    if endpoint is None:
        raise refuse("invalid_request", "flexpa_endpoint_id is no endpoint of this mode.")  # type: ignore[operator]
    return endpoint


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
    words = text.casefold().split()
    matching = [
        each for each in endpoints if all(word in " ".join([*each.label, each.name]).casefold() for word in words)
    ]
    return matching[:50]
