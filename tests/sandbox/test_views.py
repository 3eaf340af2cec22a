"""`/link/sandbox/*` over a running server and payer: what a developer's own CI calls. Source: rulings A6, B22."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey
from apps.applications.services import decide_live_access, issue_api_key, request_live_access
from apps.audit.events import SYSTEM
from apps.authorizations.models import Consent, PatientAuthorization
from apps.authorizations.smart import door
from apps.directory.services import register_sandbox_endpoints
from apps.sandbox.payer.server import LocalPayer
from tests.authorizations.journey import CHALLENGE, VERIFIER, consent_text
from tests.factories import NOW
from tests.flows.world import CALLBACK, Team, make_team

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def payer() -> Iterator[LocalPayer]:
    with LocalPayer() as server:
        yield server


@pytest.fixture
def relay(live_server: LiveServer, payer: LocalPayer, settings: Settings) -> Iterator[httpx.Client]:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PUBLIC_URL, settings.SANDBOX_PAYER_URL = live_server.url, payer.url
    door.cache_clear()
    register_sandbox_endpoints(payer_url=payer.url, client_id="record-relay-sandbox")
    consent_text()
    with httpx.Client(base_url=live_server.url, trust_env=False, timeout=60) as client:
        yield client
    payer.state.faults.reset()
    door.cache_clear()


@pytest.fixture
def team(relay: httpx.Client) -> Team:
    return make_team()


def ask(relay: httpx.Client, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    answer = relay.post(f"/link/sandbox/{path}", json=body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    if status != 200:
        assert found["statusCode"] == status
        assert found["message"] == found["error_description"] != ""
    return found


def authorize_url(relay: httpx.Client, team: Team, **more: str) -> str:
    query = {
        "response_type": "code", "client_id": team.publishable_key, "redirect_uri": CALLBACK, "state": "xyz",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "launch/patient offline_access",
        "flexpa_external_id": "user-1", **more,
    }  # fmt: skip
    return f"{str(relay.base_url).rstrip('/')}/link/auth?{urlencode(query)}"


def test_public_token_of_a_named_member_exchanges(relay: httpx.Client, team: Team) -> None:
    found = ask(
        relay, "public_token", secret_key=team.secret_key, external_id="user-1", usage="MULTIPLE", member="HUser00004"
    )  # fmt: skip
    assert found.keys() == {"public_token", "consent_id", "patient_authorization_ids"}
    consent, authorization = Consent.objects.get(), PatientAuthorization.objects.get()
    assert (found["consent_id"], found["patient_authorization_ids"]) == (str(consent.pk), [str(authorization.pk)])
    assert (authorization.state, authorization.source_patient_id) == ("AUTHORIZED", "hum-m-00004")
    body = {"public_token": found["public_token"], "secret_key": team.secret_key}
    exchanged = relay.post("/link/exchange", json=body).json()
    assert (exchanged["usage"], exchanged["endpoint"]["name"]) == ("MULTIPLE", "humana-sandbox")


def test_public_token_by_endpoint_alone_takes_its_first_member(relay: httpx.Client, team: Team) -> None:
    acme = "6b8dfc2c-6f4e-4a51-8e63-3c1a4c5a0a01"
    ask(relay, "public_token", secret_key=team.secret_key, external_id="user-1", endpoint_id=acme)
    assert PatientAuthorization.objects.get().source_patient_id == "acme-m-1"
    ask(relay, "public_token", secret_key=team.secret_key, external_id="user-1")
    assert PatientAuthorization.objects.latest("created_at").source_patient_id == "foo-1"


def test_authorize_walks_a_developers_own_url_to_its_code(relay: httpx.Client, team: Team) -> None:
    found = ask(
        relay, "authorize", secret_key=team.secret_key, authorize_url=authorize_url(relay, team),
        member="patient31@flexpa.com",
    )  # fmt: skip
    where, _, query = found["redirect_uri"].partition("?")
    answer = dict(parse_qsl(query))
    assert (where, answer["state"]) == (CALLBACK, "xyz")
    body = {
        "grant_type": "authorization_code", "code": answer["code"], "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK, "client_id": team.publishable_key,
    }  # fmt: skip
    assert relay.post("/link/token", data=body).status_code == 200
    assert PatientAuthorization.objects.get().source_patient_id == "foo-31"


def test_authorize_hands_a_refused_requests_answer_back(relay: httpx.Client, team: Team) -> None:
    url = authorize_url(relay, team, code_challenge_method="plain")
    found = ask(relay, "authorize", secret_key=team.secret_key, authorize_url=url)
    assert dict(parse_qsl(urlsplit(found["redirect_uri"]).query))["error"] == "invalid_request"


def test_keys_that_may_not_are_refused(relay: httpx.Client, team: Team) -> None:
    asked = request_live_access(application=team.application, purpose="Care.", by=SYSTEM)
    decide_live_access(request=asked, granted=True, notes="", by=SYSTEM, now=NOW)
    team.application.refresh_from_db()
    live = issue_api_key(application=team.application, mode=Mode.LIVE, kind=KeyKind.SECRET, by=SYSTEM).value
    ask(relay, "public_token", 403, secret_key=live, external_id="u")
    for key in ("x", team.publishable_key):
        ask(relay, "public_token", 401, secret_key=key, external_id="u")
    assert not Consent.objects.exists()


def test_requests_that_make_no_sense_are_refused(relay: httpx.Client, team: Team) -> None:
    own = {"secret_key": team.secret_key, "external_id": "u"}
    bad: list[tuple[int, dict[str, Any]]] = [
        (400, {"external_id": ""}), (400, {"usage": "TWICE"}), (400, {"member": "nobody"}), (400, {"endpoint_id": "x"}),
        (400, {"member": "acme-1", "endpoint_id": "a5c22966-244d-4f36-b43a-4d4a619f89cc"}), (501, {"flow": "ial2"}),
        (400, {"external_id": 7}),
    ]  # fmt: skip
    for status, changes in bad:
        ask(relay, "public_token", status, **{**own, **changes})
    for body in (b"", b"{", b"[]", b"\xff"):
        assert relay.post("/link/sandbox/public_token", content=body).status_code == 400
    other = make_team("zeta")
    for url in (
        "",
        "http://[",
        "https://elsewhere.example/link/auth",
        f"{relay.base_url}healthz",
        authorize_url(relay, other),
    ):
        ask(relay, "authorize", 400, secret_key=team.secret_key, authorize_url=url)
    assert not Consent.objects.exists()


def test_flow_that_fails_at_the_source_is_said(relay: httpx.Client, team: Team, payer: LocalPayer) -> None:
    payer.state.faults.plan({"type": "token", "status": 500})
    message = ask(relay, "public_token", 502, secret_key=team.secret_key, external_id="u")["message"]
    assert "did not finish" in message
    assert PatientAuthorization.objects.get().state == "ERRORED"


def test_without_a_sandbox_payer_it_says_so(relay: httpx.Client, team: Team, settings: Settings) -> None:
    settings.SANDBOX_PAYER_URL = ""
    ask(relay, "public_token", 501, secret_key=team.secret_key, external_id="u")


def test_application_without_a_publishable_key_is_told(relay: httpx.Client, team: Team) -> None:
    ApiKey.objects.filter(public_value=team.publishable_key).update(expires_at=NOW)
    ask(relay, "public_token", 400, secret_key=team.secret_key, external_id="u")
