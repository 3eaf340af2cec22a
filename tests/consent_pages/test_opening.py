"""`/link/auth` and `/link/open`: who may ask for what. Source: wire contract 3a, 3c; RFC 6749 4.1.2.1."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.applications.keys import Mode
from apps.applications.models import ApiKey
from apps.applications.services import add_redirect_uri, end_api_key
from apps.audit.events import SYSTEM
from apps.authorizations.models import Consent, EndUser, PatientAuthorization
from tests.authorizations.journey import endpoint_of
from tests.flows.world import CALLBACK, Team

from .patient import auth_query, consent_of, link_query, open_pages, shown, told

pytestmark = pytest.mark.django_db
CSP = "default-src 'none'; script-src 'self'; style-src 'self'"


@pytest.mark.parametrize("path", ["/link/auth", "/oauth/authorize"])
def test_valid_request_opens_a_consent_and_keeps_what_was_asked(client: Client, team: Team, path: str) -> None:
    before = timezone.now()
    open_pages(client, auth_query(team), path)
    consent = consent_of(team.application)
    assert (consent.mode, consent.flow, consent.usage) == ("test", "oauth", "MULTIPLE")
    assert consent.end_user.external_id == "user-1"
    assert (consent.redirect_uri, consent.client_state) == (CALLBACK, "a state/+&=é")
    assert before + dt.timedelta(minutes=30) <= consent.expires_at <= timezone.now() + dt.timedelta(minutes=30)
    assert (consent.agreed_at, consent.refused_at) == (None, None)
    cookie = client.cookies["consent"]
    assert (cookie["path"], cookie["samesite"], cookie["httponly"]) == ("/link/", "Lax", True)


def test_scope_without_offline_access_asks_once(client: Client, team: Team) -> None:
    open_pages(client, auth_query(team, scope="launch/patient"))
    assert consent_of(team.application).usage == "ONE_TIME"


def test_repeated_scopes_count_once(client: Client, team: Team) -> None:
    open_pages(client, auth_query(team, scope="launch/patient " * 30))
    assert consent_of(team.application).scope == "launch/patient"


def test_two_requests_for_one_user_share_the_user_and_not_the_consent(client: Client, team: Team) -> None:
    for _ in range(2):
        open_pages(client, auth_query(team))
    assert (EndUser.objects.count(), Consent.objects.count()) == (1, 2)


@pytest.mark.parametrize("key", [None, "", "pk_test_unknown", "pk_test_" + "A" * 43, "\x00", "pk_live_" + "A" * 43])
def test_unknown_client_is_told_on_a_page_and_never_redirected(client: Client, team: Team, key: str | None) -> None:
    response = client.get("/link/auth", auth_query(team, client_id=key))
    assert "client_id" in shown(response, 400)
    assert "Location" not in response
    assert response["Content-Security-Policy"].startswith(CSP)
    assert not Consent.objects.exists()


def test_secret_and_ended_keys_open_nothing(client: Client, team: Team) -> None:
    shown(client.get("/link/auth", auth_query(team, client_id=team.secret_key)), 400)
    end_api_key(api_key=ApiKey.objects.get(public_value=team.publishable_key), by=SYSTEM, now=timezone.now())
    shown(client.get("/link/auth", auth_query(team)), 400)


@pytest.mark.parametrize(
    "uri",
    [
        None, "", "https://attacker.example/", CALLBACK + "/", CALLBACK + "?x=1", CALLBACK.upper(), CALLBACK[:-1],
        "\x00", CALLBACK + "\x00", "javascript:alert(1)", "http://[",
    ],
)  # fmt: skip
def test_unregistered_redirect_uri_is_told_on_a_page_and_never_redirected(
    client: Client, team: Team, uri: str | None
) -> None:
    response = client.get("/link/auth", auth_query(team, redirect_uri=uri))
    assert "redirect_uri" in shown(response, 400)
    assert "Location" not in response


def test_redirect_uri_of_another_mode_or_application_is_unregistered(
    client: Client, team: Team, other_team: Team
) -> None:
    live, foreign = "https://care.example/live", "https://zeta.example/callback"
    add_redirect_uri(application=team.application, mode=Mode.LIVE, uri=live, by=SYSTEM)
    add_redirect_uri(application=other_team.application, mode=Mode.TEST, uri=foreign, by=SYSTEM)
    for uri in (live, foreign):
        shown(client.get("/link/auth", auth_query(team, redirect_uri=uri)), 400)


REFUSED: list[tuple[dict[str, str | None], str]] = [
    ({"response_type": None}, "unsupported_response_type"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"code_challenge": "A" * 44}, "invalid_request"),
    ({"code_challenge": "=" * 43}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"scope": None}, "invalid_scope"),
    ({"scope": "offline_access"}, "invalid_scope"),
    ({"scope": "launch/patient system/*.read"}, "invalid_scope"),
    ({"flexpa_external_id": None}, "invalid_request"),
    ({"flexpa_external_id": ""}, "invalid_request"),
    ({"flexpa_external_id": "x" * 256}, "invalid_request"),
    ({"flexpa_external_id": "a\x00b"}, "invalid_request"),
    ({"flexpa_endpoint_id": "nothing"}, "invalid_request"),
    ({"flexpa_search_mode": "true"}, "invalid_request"),
    ({"flexpa_ial2_mode": "true"}, "invalid_request"),
    ({"flexpa_endpoint_id": "00000000-0000-4000-8000-000000000000"}, "invalid_request"),
    ({"state": "x" * 1001}, "invalid_request"),
    ({"state": "a\x00b"}, "invalid_request"),
]


@pytest.mark.parametrize(("changes", "error"), REFUSED)
def test_bad_request_is_told_to_the_application_with_its_own_state(
    client: Client, team: Team, changes: dict[str, str | None], error: str
) -> None:
    query = auth_query(team, **changes)
    answer = told(client.get("/link/auth", query))
    assert answer.keys() == {"error", "error_description", "state"}
    assert (answer["error"], answer["state"]) == (error, query["state"])
    assert not Consent.objects.exists()


def test_answer_without_state_has_none(client: Client, team: Team) -> None:
    assert "state" not in told(client.get("/link/auth", auth_query(team, state=None, scope=None)))


def test_answer_joins_the_redirect_uris_own_query(client: Client, team: Team) -> None:
    uri = "http://localhost:3000/callback?tenant=7"
    add_redirect_uri(application=team.application, mode=Mode.TEST, uri=uri, by=SYSTEM)
    response = client.get("/link/auth", auth_query(team, redirect_uri=uri, scope=None))
    assert response["Location"].startswith(uri + "&error=invalid_scope&")


def test_preselected_endpoint_leads_past_the_choice(client: Client, team: Team, payer_url: str) -> None:
    endpoint = endpoint_of("acme-1")
    first = open_pages(client, auth_query(team, flexpa_endpoint_id=str(endpoint.pk)))
    authorization = PatientAuthorization.objects.get()
    assert (authorization.endpoint, authorization.state, authorization.usage) == (endpoint, "CREATED", "ONE_TIME")
    assert f'href="{first}confirm/"' in shown(client.get(first))


def test_endpoint_of_the_other_mode_or_out_of_service_is_refused(client: Client, team: Team, payer_url: str) -> None:
    live, broken = endpoint_of("acme-1", "live"), endpoint_of("acme-1")
    type(broken).objects.filter(pk=broken.pk).update(status="BROKEN")
    for endpoint in (live, broken):
        answer = told(client.get("/link/auth", auth_query(team, flexpa_endpoint_id=str(endpoint.pk))))
        assert answer["error"] == "invalid_request"


def test_widget_opens_the_same_consent(client: Client, team: Team) -> None:
    open_pages(client, link_query(team), "/link/open")
    consent = consent_of(team.application)
    assert (consent.flow, consent.usage, consent.end_user.external_id) == ("link", "MULTIPLE", "user-1")


@pytest.mark.parametrize(
    "changes",
    [{"publishableKey": "x"}, {"usage": "TWICE"}, {"externalId": "x" * 256}, {"externalId": "\x00"}],
)
def test_bad_widget_request_is_a_page(client: Client, team: Team, changes: dict[str, str]) -> None:
    shown(client.get("/link/open", link_query(team, **changes)), 400)
    assert not Consent.objects.exists()


NAMES = [
    "client_id", "redirect_uri", "state", "scope", "code_challenge", "flexpa_external_id", "flexpa_endpoint_id", "x",
]  # fmt: skip


@given(changes=st.dictionaries(st.sampled_from(NAMES), st.text(st.characters(codec="utf-8"), max_size=1100)))
@hypothesis_settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_query_makes_the_page_fail(client: Client, team: Team, changes: dict[str, str]) -> None:
    assert client.get("/link/auth", {**auth_query(team), **changes}).status_code in (302, 400)
