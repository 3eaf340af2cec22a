"""A patient with a browser: our pages by the test client, the payer's by HTTP."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from django.test import Client

from apps.applications.models import Application
from apps.authorizations.models import Consent, PatientAuthorization
from apps.sandbox.walker import Page
from tests.authorizations.journey import CHALLENGE, LOGIN, endpoint_of, sign_in_at_source
from tests.flows.world import CALLBACK, Team


def auth_query(team: Team, **changes: str | None) -> dict[str, str]:
    """What the SDK's `buildAuthorizationUrl` sends; None leaves a parameter out."""
    query: dict[str, str | None] = {
        "response_type": "code",
        "client_id": team.publishable_key,
        "redirect_uri": CALLBACK,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "scope": "launch/patient offline_access",
        "flexpa_external_id": "user-1",
        "state": "a state/+&=é",
        **changes,
    }
    return {name: value for name, value in query.items() if value is not None}


def link_query(team: Team, **changes: str) -> dict[str, str]:
    return {"publishableKey": team.publishable_key, "externalId": "user-1", "usage": "MULTIPLE", **changes}


def open_pages(client: Client, query: dict[str, str], path: str = "/link/auth") -> str:
    """Open a consent; return the address of its first page."""
    response = client.get(path, query)
    assert response.status_code == 302, response.content
    first: str = response["Location"]
    assert first.startswith("/link/c/")
    return first


def choose(client: Client, first: str, login: str = LOGIN) -> str:
    """Choose the source of `login`; return the address of the page that asks to allow it."""
    response = client.post(f"{first}source/", {"endpoint": str(endpoint_of(login).pk)})
    assert (response.status_code, response["Location"]) == (302, f"{first}confirm/")
    return f"{first}confirm/"


def allow(client: Client, confirm: str) -> str:
    """Tick and allow; return the source's sign-in URL."""
    response = client.post(confirm, {"agreed": "yes", "allow": "yes"})
    assert response.status_code == 302, response.content
    url: str = response["Location"]
    return url


def leave(client: Client, team: Team, login: str = LOGIN, **changes: str | None) -> str:
    """Walk from opening to leaving for the source; return the source's sign-in URL."""
    return allow(client, choose(client, open_pages(client, auth_query(team, **changes)), login))


def come_back(client: Client, url: str, payer_url: str, login: str = LOGIN) -> Any:
    """Sign in at the source and return to us with this browser."""
    return client.get("/link/callback", sign_in_at_source(url, login, payer_url))


def cancel_at_source(url: str) -> dict[str, str]:
    """Say no on the source's own page; return the query with which the browser comes back."""
    with httpx.Client(trust_env=False) as http:
        page = Page(url, http.get(url).text)
        form = page.forms[0]
        answer = http.post(form.action, data={**form.fields, "decision": "cancel"})
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def told(response: Any, redirect_uri: str = CALLBACK) -> dict[str, str]:
    """Return what the application is told at its redirect URI."""
    assert response.status_code == 302, response.content
    where, _, query = response["Location"].partition("?")
    assert where == redirect_uri
    assert response["Referrer-Policy"] == "no-referrer"
    return dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True))


def shown(response: Any, status: int = 200) -> str:
    """Return the HTML of a page after looking at what every page must have."""
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("text/html")
    assert response["X-Frame-Options"] == "DENY"
    assert "X-Request-Id" in response
    assert "no-store" in response["Cache-Control"]
    html: str = response.content.decode()
    assert "<script" not in html
    assert "style=" not in html
    return html


def consent_of(application: Application) -> Consent:
    return Consent.objects.get(application=application)


def authorization_of(consent: Consent) -> PatientAuthorization:
    return PatientAuthorization.objects.filter(consent=consent).latest("created_at")


def url_with(path: str, query: dict[str, str]) -> str:
    return f"{path}?{urlencode(query)}"
