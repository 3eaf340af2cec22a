"""The patient's pages, one by one. Source: ux 1, rulings A1, B14, B17; architecture D12."""

from __future__ import annotations

import datetime as dt
import re
import time

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from apps.applications.models import RedirectUri
from apps.audit.models import AuditEvent
from apps.authorizations.models import Consent, ConsentText, PatientAuthorization, SourceSignIn, SourceToken
from apps.sandbox.payer.server import LocalPayer
from apps.sandbox.walker import Page
from tests.authorizations.journey import LOGIN, VERIFIER, endpoint_of, sign_in_at_source
from tests.flows.world import CALLBACK, Team

from .patient import (
    allow,
    auth_query,
    authorization_of,
    cancel_at_source,
    choose,
    come_back,
    consent_of,
    leave,
    link_query,
    open_pages,
    shown,
    told,
)

pytestmark = pytest.mark.django_db
STATE = "a state/+&=é"


def form_action(response: object) -> list[str]:
    policy: str = response["Content-Security-Policy"]  # type: ignore[index]
    directives = {part.split()[0]: part.split()[1:] for part in policy.split(";")}
    assert directives["default-src"] == directives["frame-ancestors"] == directives["base-uri"] == ["'none'"]
    assert directives["script-src"] == ["'self'"]
    return directives["form-action"]


def test_each_page_lets_forms_lead_to_this_requests_application_and_source_only(
    client: Client, team: Team, payer_url: str
) -> None:
    first = open_pages(client, auth_query(team))
    application = "http://localhost:3000"
    for page in (client.get(first), client.get(f"{first}source/"), client.get(f"{first}source/?q=foo")):
        shown(page)
        assert form_action(page) == ["'self'", application]
    confirm = choose(client, first)
    for page in (client.get(confirm), client.post(confirm, {})):
        shown(page)
        assert form_action(page) == ["'self'", application, payer_url]
    leaving = client.post(confirm, {"agreed": "yes", "allow": "yes"})
    assert leaving["Location"].startswith(f"{payer_url}/foomedical/")
    assert form_action(leaving) == ["'self'", payer_url]


def test_widget_pages_name_no_application_address(client: Client, team: Team, payer_url: str) -> None:
    first = open_pages(client, link_query(team), "/link/open")
    assert form_action(client.get(first)) == ["'self'"]
    assert form_action(client.get(choose(client, first))) == ["'self'", payer_url]


def test_an_address_cannot_add_to_the_policy(client: Client, team: Team) -> None:
    """A row from before the check, or written by hand: the header stays ours."""
    uri = "https://care.example; frame-ancestors */callback"
    RedirectUri.objects.create(application=team.application, mode="test", uri=uri)
    page = client.get(open_pages(client, auth_query(team, redirect_uri=uri)))
    assert form_action(page) == ["'self'"]
    assert page["Content-Security-Policy"].count("frame-ancestors") == 1


def test_introduction_says_who_asks_for_what_and_how_long(client: Client, team: Team) -> None:
    html = shown(client.get(open_pages(client, auth_query(team))))
    assert "Care asks for a copy of your health records" in html
    assert "90 days" in html
    once = shown(client.get(open_pages(client, auth_query(team, scope="launch/patient"))))
    assert "after 24 hours" in once


def test_sources_are_those_of_the_mode_the_popular_ones_first(client: Client, team: Team, payer_url: str) -> None:
    first = open_pages(client, auth_query(team))
    html = shown(client.get(f"{first}source/"))
    assert re.findall(r"<strong>(.*?)</strong>", html)[-3:] == ["FooMedical", "Humana", "Acme Health Plan"]
    assert str(endpoint_of("acme-1", "live").pk) not in html
    found = shown(client.get(f"{first}source/", {"q": "PLAN acme"}))
    assert "Acme Health Plan" in found
    assert "FooMedical" not in found
    assert "No plan or provider" in shown(client.get(f"{first}source/", {"q": "<script>"}))


def test_choosing_nothing_or_a_stranger_asks_again(client: Client, team: Team, payer_url: str) -> None:
    first = open_pages(client, auth_query(team))
    for chosen in ("", "x", str(endpoint_of("acme-1", "live").pk)):
        assert "Choose one from the list." in shown(client.post(f"{first}source/", {"endpoint": chosen}))
    assert not PatientAuthorization.objects.exists()
    assert client.get(f"{first}confirm/")["Location"] == f"{first}source/"


def test_nothing_is_ticked_beforehand_and_allow_needs_the_tick(client: Client, team: Team, payer_url: str) -> None:
    confirm = choose(client, open_pages(client, auth_query(team)))
    html = shown(client.get(confirm))
    assert "checked" not in html
    assert "selected" not in html
    for answer in ({"allow": "yes"}, {"allow": "yes", "agreed": "no"}, {"allow": "yes", "agreed": ""}):
        assert "Tick the box" in shown(client.post(confirm, answer))
    consent = consent_of(team.application)
    assert consent.agreed_at is None
    assert authorization_of(consent).state == "CREATED"


def test_duration_is_that_of_the_chosen_source(client: Client, team: Team, payer_url: str) -> None:
    """Asked for MULTIPLE, but this plan's access cannot be refreshed: the patient reads what will happen."""
    html = shown(client.get(choose(client, open_pages(client, auth_query(team)), "acme-4")))
    assert "deleted from our systems after 24 hours" in html
    assert "until you stop it" not in html


def test_allow_keeps_the_words_the_time_and_the_place(client: Client, team: Team, payer_url: str) -> None:
    confirm = choose(client, open_pages(client, auth_query(team)))
    client.post(confirm, {"agreed": "yes", "allow": "yes"}, headers={"User-Agent": "Browser/1"})
    consent = consent_of(team.application)
    text = ConsentText.objects.latest("created_at")
    assert consent.agreed_at is not None
    assert (consent.text, consent.terms_version) == (text, text.version)
    assert (consent.ip, consent.user_agent) == ("127.0.0.1", "Browser/1")
    assert "claims and coverage" in consent.shared_kinds
    assert authorization_of(consent).state == "AUTHORIZING"


@pytest.mark.parametrize("where", ["introduction", "confirm"])
def test_deny_tells_the_application_and_keeps_the_refusal_only(
    client: Client, team: Team, payer_url: str, where: str
) -> None:
    first = open_pages(client, auth_query(team))
    page = first if where == "introduction" else choose(client, first)
    answer = told(client.post(page, {"refuse": "yes", "agreed": "yes"}))
    assert (answer["error"], answer["state"]) == ("access_denied", STATE)
    consent = consent_of(team.application)
    assert consent.refused_at is not None
    assert (consent.agreed_at, consent.text, consent.ip, consent.shared_kinds) == (None, None, "", [])


def test_deny_after_allow_keeps_the_refusal_only(client: Client, team: Team, payer_url: str) -> None:
    confirm = choose(client, open_pages(client, auth_query(team)))
    allow(client, confirm)
    assert told(client.post(confirm, {"refuse": "yes"}))["error"] == "access_denied"
    consent = consent_of(team.application)
    assert (consent.agreed_at, consent.text, consent.terms_version) == (None, None, "")
    assert (consent.ip, consent.user_agent, consent.shared_kinds) == ("", "", [])
    assert authorization_of(consent).state == "BOUNCED"


def test_deny_in_the_widget_is_a_page(client: Client, team: Team) -> None:
    first = open_pages(client, link_query(team), "/link/open")
    assert "Nothing was shared" in shown(client.post(first, {"refuse": "yes"}))


def test_whole_way_gives_a_code_that_the_verifier_opens(client: Client, team: Team, payer_url: str) -> None:
    answer = told(come_back(client, leave(client, team), payer_url))
    assert answer.keys() == {"code", "state"}
    assert answer["state"] == STATE
    body = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
        "client_id": team.publishable_key,
    }
    found = client.post("/link/token", body).json()
    assert found["user"] == {"externalId": "user-1"}
    authorization = authorization_of(consent_of(team.application))
    assert authorization.state == "EXCHANGED"
    assert found["patient"] == f"Patient/{authorization.destination_patient_id}"


def test_whole_way_of_the_widget_ends_with_a_public_token(client: Client, team: Team, payer_url: str) -> None:
    url = allow(client, choose(client, open_pages(client, link_query(team), "/link/open")))
    page = come_back(client, url, payer_url)
    token = Page("http://x", shown(page)).public_token
    assert re.fullmatch(r"public_token_[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", token)
    body = {"public_token": token, "secret_key": team.secret_key}
    assert client.post("/link/exchange", body, content_type="application/json").status_code == 200


def test_another_browser_cannot_come_back_and_nothing_is_shared(client: Client, team: Team, payer_url: str) -> None:
    url = leave(client, team)
    stranger = Client()
    assert "not started in this browser" in shown(come_back(stranger, url, payer_url), 400)
    forged = Client()
    forged.cookies["consent"] = str(consent_of(team.application).pk)
    shown(come_back(forged, url, payer_url), 400)
    other = Client()
    open_pages(other, auth_query(team))  # a browser that holds the cookie of another consent
    shown(come_back(other, url, payer_url), 400)
    assert not SourceToken.objects.exists()
    assert "code" in told(come_back(client, url, payer_url)), "the own browser still can"


def test_coming_back_twice_is_refused(client: Client, team: Team, payer_url: str) -> None:
    query = sign_in_at_source(leave(client, team), LOGIN, payer_url)
    assert "code" in told(client.get("/link/callback", query))
    html = shown(client.get("/link/callback", query), 410)
    assert CALLBACK not in html, "the application, which has its code, is not told of an error"
    assert authorization_of(consent_of(team.application)).state == "AUTHORIZED"


@pytest.mark.parametrize("query", [{}, {"code": "x"}, {"state": ""}, {"state": "x", "code": "y"}, {"state": "\x00"}])
def test_coming_back_from_nowhere_is_a_page(client: Client, team: Team, query: dict[str, str]) -> None:
    open_pages(client, auth_query(team))
    shown(client.get("/link/callback", query), 400)


def test_refusal_at_the_source_is_bounced(client: Client, team: Team, payer_url: str) -> None:
    answer = told(client.get("/link/callback", cancel_at_source(leave(client, team))))
    assert (answer["error"], answer["state"]) == ("access_denied", STATE)
    assert authorization_of(consent_of(team.application)).state == "BOUNCED"
    assert not SourceToken.objects.exists()


def test_source_that_is_down_before_the_sign_in_is_errored_and_another_can_be_chosen(
    client: Client, team: Team, payer: LocalPayer, payer_url: str
) -> None:
    first = open_pages(client, auth_query(team))
    confirm = choose(client, first)
    payer.state.faults.plan({"type": "smart-configuration", "status": 503, "times": 100})
    page = client.get(confirm)
    shown(page)
    assert form_action(page) == ["'self'", "http://localhost:3000"]
    html = shown(client.post(confirm, {"agreed": "yes"}), 502)
    assert "does not answer" in html
    assert "error=server_error" in html
    failed = authorization_of(consent_of(team.application))
    assert (failed.state, failed.error_code) == ("ERRORED", "http-503")
    payer.state.faults.reset()
    assert "code" in told(come_back(client, allow(client, choose(client, first, "acme-1")), payer_url, "acme-1"))


def test_source_that_fails_at_the_token_is_errored(
    client: Client, team: Team, payer: LocalPayer, payer_url: str
) -> None:
    url = leave(client, team)
    payer.state.faults.plan({"type": "token", "status": 500})
    html = shown(come_back(client, url, payer_url), 502)
    assert "Nothing was shared" in html
    assert authorization_of(consent_of(team.application)).state == "ERRORED"
    assert not SourceToken.objects.exists()


def test_forged_and_old_tickets_are_410(client: Client, team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    first = open_pages(client, auth_query(team))
    ticket = first.split("/")[3]
    unknown = signing.dumps("00000000-0000-4000-8000-000000000000", salt="consent-ticket")
    for each in ("x", ticket[:-1], ticket + "x", signing.dumps("x", salt="other"), unknown):
        for page in ("", "source/", "confirm/"):
            shown(client.get(f"/link/c/{each}/{page}"), 410)
    later = timezone.now() + dt.timedelta(minutes=30, seconds=2)
    monkeypatch.setattr(time, "time", later.timestamp)
    shown(client.get(first), 410)


def test_consent_ends_after_thirty_minutes(client: Client, team: Team, payer_url: str) -> None:
    first = open_pages(client, auth_query(team))
    confirm = choose(client, first)
    url = allow(client, confirm)
    Consent.objects.update(expires_at=timezone.now())
    SourceSignIn.objects.update(expires_at=timezone.now())
    chosen = {"endpoint": str(endpoint_of("acme-1").pk)}
    for response in (
        client.post(f"{first}source/", chosen),
        client.post(confirm, {"agreed": "yes"}),
        client.post(first, {"refuse": "yes"}),
    ):
        shown(response, 410)
    shown(come_back(client, url, payer_url), 410)
    assert not SourceToken.objects.exists()


def test_finished_consent_is_closed(client: Client, team: Team, payer_url: str) -> None:
    first = open_pages(client, auth_query(team))
    confirm = choose(client, first)
    told(come_back(client, allow(client, confirm), payer_url))
    assert client.post(confirm, {"refuse": "yes"})["Location"] == f"{first}source/"
    shown(client.post(f"{first}source/", {"endpoint": str(endpoint_of("acme-1").pk)}), 410)
    shown(client.post(first, {"refuse": "yes"}), 410)
    consent = consent_of(team.application)
    assert (consent.refused_at, authorization_of(consent).state) == (None, "AUTHORIZED")


def test_sign_in_that_ends_after_the_refusal_shares_nothing(client: Client, team: Team, payer_url: str) -> None:
    """Allowed in one tab, refused in another, then signed in at the source."""
    first = open_pages(client, auth_query(team))
    url = allow(client, choose(client, first))
    told(client.post(first, {"refuse": "yes"}))
    assert "shared nothing" in shown(come_back(client, url, payer_url), 410)
    assert not SourceToken.objects.exists()
    assert authorization_of(consent_of(team.application)).state == "BOUNCED"


@pytest.mark.parametrize("ending", ["sign in", "cancel"])
def test_sign_in_at_a_source_that_was_replaced_shares_nothing(
    client: Client, team: Team, payer_url: str, ending: str
) -> None:
    """Back from the source's page, another plan chosen, then the first tab is finished."""
    first = open_pages(client, auth_query(team))
    url = allow(client, choose(client, first))
    second = allow(client, choose(client, first, "acme-1"))
    if ending == "sign in":
        shown(come_back(client, url, payer_url), 410)
    else:
        shown(client.get("/link/callback", cancel_at_source(url)), 410)
    assert not SourceToken.objects.exists()
    assert "code" in told(come_back(client, second, payer_url, "acme-1"))


def test_allow_pressed_twice_lets_the_last_sign_in_count(client: Client, team: Team, payer_url: str) -> None:
    confirm = choose(client, open_pages(client, auth_query(team)))
    url, again = allow(client, confirm), allow(client, confirm)
    shown(come_back(client, url, payer_url), 400)
    assert "code" in told(come_back(client, again, payer_url))


def test_names_are_escaped(client: Client, team: Team, payer_url: str) -> None:
    type(team.application).objects.filter(pk=team.application.pk).update(name="<b>{duration}</b>")
    confirm = choose(client, open_pages(client, auth_query(team)))
    html = shown(client.get(confirm))
    assert "<b>" not in html
    assert "&lt;b&gt;{duration}&lt;/b&gt;" in html


def test_patients_steps_are_in_the_audit_without_names_or_ids_of_the_patient(
    client: Client, team: Team, payer_url: str
) -> None:
    told(come_back(client, leave(client, team), payer_url))
    events = AuditEvent.objects.filter(actor_kind="patient").order_by("id")
    assert [event.action for event in events] == [
        "consent.opened",
        "authorization.created",
        "consent.agreed",
        "authorization.authorizing",
        "authorization.authorized",
    ]
    for event in events:
        assert event.ip == "127.0.0.1"
        assert event.request_id
        assert "foo-1" not in str(event.detail)
        assert "user-1" not in str(event.detail)
