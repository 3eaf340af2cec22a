"""The widget's pages: who may frame them, no cookie, and how the frame learns the end. Source: rulings A1, B25."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.keys import Mode
from apps.applications.models import AllowedOrigin
from apps.applications.services import add_allowed_origin, remove_allowed_origin
from apps.audit.events import SYSTEM
from apps.authorizations.models import Consent, OneTimeToken
from tests.authorizations.journey import sign_in_at_source
from tests.flows.world import Team
from tests.link_api.wire import post

from .patient import cancel_at_source, choose, consent_of, link_query, open_pages

pytestmark = pytest.mark.django_db
ORIGIN, SECOND = "https://app.example", "https://two.example:8443"
FRAMED = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
ALONE = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


@pytest.fixture
def allowed(team: Team) -> AllowedOrigin:
    add_allowed_origin(application=team.application, mode=Mode.TEST, origin=SECOND, by=SYSTEM)
    add_allowed_origin(application=team.application, mode=Mode.LIVE, origin="https://live.example", by=SYSTEM)
    return add_allowed_origin(application=team.application, mode=Mode.TEST, origin=ORIGIN, by=SYSTEM)[0]


@pytest.fixture
def first(client: Client, team: Team, allowed: AllowedOrigin) -> str:
    return open_pages(client, link_query(team, openerOrigin=ORIGIN), "/link/open")


def result(client: Client, first: str, status: int = 200, **headers: str) -> dict[str, str]:
    answer = client.post(f"{first}result/", headers={"Sec-Fetch-Site": "same-origin", **headers})
    assert answer.status_code == status
    found: dict[str, str] = answer.json() if status == 200 else {}
    return found


def leave_in_tab(client: Client, first: str) -> tuple[Client, str]:
    """Allow in a tab of its own, which has no cookie of the frame; return it and the source's address."""
    tab = Client()
    confirm = choose(client, first)
    answer = tab.post(confirm, {"agreed": "yes"}, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 302
    return tab, answer["Location"]


def ancestors(answer: Any) -> str:
    policy = dict(each.strip().partition(" ")[::2] for each in answer["Content-Security-Policy"].split(";"))
    return str(policy["frame-ancestors"])


def test_every_page_of_the_frame_may_stand_on_the_allowed_origins_only(
    client: Client, first: str, allowed: AllowedOrigin, payer_url: str
) -> None:
    choose(client, first)
    for part in ("", "source/", "confirm/", "waiting/"):
        answer = client.get(first + part, headers=FRAMED)
        assert answer.status_code == 200, part
        assert ancestors(answer) == f"{ORIGIN} {SECOND}"
        assert "X-Frame-Options" not in answer
        assert f'data-opener="{ORIGIN}"' in answer.content.decode()
    remove_allowed_origin(allowed_origin=allowed, by=SYSTEM)
    assert ancestors(client.get(first, headers=FRAMED)) == SECOND


def test_pages_that_no_widget_opened_may_stand_in_no_frame(client: Client, team: Team, allowed: AllowedOrigin) -> None:
    page = open_pages(client, link_query(team), "/link/open")
    answer = client.get(page)
    assert (ancestors(answer), answer["X-Frame-Options"]) == ("'none'", "DENY")
    assert "<script" not in answer.content.decode()


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example", f"{ORIGIN}/", f"{ORIGIN}:443", "http://app.example", "null", "*", ORIGIN.upper(),
        "\x00",
    ],
)  # fmt: skip
def test_an_origin_that_is_not_allowed_opens_nothing(
    client: Client, team: Team, allowed: AllowedOrigin, origin: str
) -> None:
    answer = client.get("/link/open", link_query(team, openerOrigin=origin))
    assert (answer.status_code, ancestors(answer)) == (400, "'none'")
    assert "openerOrigin" in answer.content.decode()
    assert not Consent.objects.exists()


def test_an_origin_of_the_other_mode_or_application_is_not_allowed(
    client: Client, team: Team, other_team: Team
) -> None:
    add_allowed_origin(application=team.application, mode=Mode.LIVE, origin=ORIGIN, by=SYSTEM)
    add_allowed_origin(application=other_team.application, mode=Mode.TEST, origin=ORIGIN, by=SYSTEM)
    assert client.get("/link/open", link_query(team, openerOrigin=ORIGIN)).status_code == 400


def test_the_root_is_the_frame_for_builds_that_open_it_there_and_the_portal_for_people(
    client: Client, team: Team, allowed: AllowedOrigin
) -> None:
    answer = client.get("/", {"publishableKey": team.publishable_key, "openerOrigin": ORIGIN, "brandColor": "red"})
    assert answer["Location"].startswith("/link/c/")
    assert consent_of(team.application).opener_origin == ORIGIN
    assert client.get("/")["Location"].startswith("/accounts/login/")


def test_the_frame_has_no_cookie_and_the_tab_gets_one(client: Client, first: str, payer_url: str) -> None:
    assert not client.cookies
    tab, _ = leave_in_tab(client, first)
    assert tab.cookies["consent"]["samesite"] == "Lax"
    assert not client.cookies


def test_the_frame_gets_the_public_token_and_the_tab_does_not(
    client: Client, first: str, team: Team, payer_url: str
) -> None:
    assert result(client, first)["type"] == ""
    tab, url = leave_in_tab(client, first)
    assert result(client, first)["type"] == ""
    answer = tab.get("/link/callback", sign_in_at_source(url, "patient1@flexpa.com", payer_url))
    assert "Signed in" in answer.content.decode()
    assert "public_token" not in answer.content.decode()
    OneTimeToken.objects.update(expires_at=timezone.now())
    assert result(client, first)["type"] == "CLOSED"
    OneTimeToken.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=5))
    told, again = result(client, first), result(client, first)
    assert (told["type"], again["type"]) == ("SUCCESS", "SUCCESS")
    # A second look makes the first text worthless: one token is there, whatever the frame lost.
    for token, status in ((told["payload"], 400), (again["payload"], 200), (again["payload"], 400)):
        body = {"public_token": token, "secret_key": team.secret_key}
        assert post(client, "/link/exchange", body).status_code == status
    assert result(client, first)["type"] == "CLOSED"


def test_the_callback_of_another_browser_ends_nothing(client: Client, first: str, payer_url: str) -> None:
    _, url = leave_in_tab(client, first)
    back = sign_in_at_source(url, "patient1@flexpa.com", payer_url)
    assert Client().get("/link/callback", back).status_code == 400
    assert result(client, first)["type"] == ""


@pytest.mark.parametrize("how", ["refused here", "refused at the source", "too late"])
def test_the_frame_is_told_every_other_end(client: Client, first: str, payer_url: str, how: str) -> None:
    if how == "refused here":
        page = client.post(first, {"refuse": "yes"}, headers={"Sec-Fetch-Site": "same-origin"})
        assert 'data-say="REJECTED"' in page.content.decode()
    elif how == "refused at the source":
        tab, url = leave_in_tab(client, first)
        tab.get("/link/callback", cancel_at_source(url))
    else:
        leave_in_tab(client, first)
        Consent.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    told = result(client, first)
    assert told["type"] == ("REJECTED" if "refused" in how else "TIMEOUT")
    assert told["message"] == told["payload"] != ""
    assert not OneTimeToken.objects.exists()


def test_a_page_of_the_frame_is_refused_where_the_browser_says_that_it_is_none(
    client: Client, first: str, payer_url: str
) -> None:
    """Or a link to it would be a way to have a stranger's records sent to the frame's owner."""
    confirm = choose(client, first)
    for part in ("", "source/", "confirm/", "waiting/"):
        answer = client.get(first + part, headers=ALONE)
        assert (answer.status_code, ancestors(answer)) == (403, "'none'"), part
    for site in ("cross-site", "same-site", "none"):
        assert client.post(confirm, {"agreed": "yes"}, headers={"Sec-Fetch-Site": site}).status_code == 403
        assert result(client, first, 403, **{"Sec-Fetch-Site": site}) == {}
    assert Consent.objects.get().agreed_at is None


def test_the_result_is_for_frames_only(client: Client, team: Team) -> None:
    page = open_pages(client, link_query(team), "/link/open")
    assert result(client, page, 403) == {}


def test_a_ticket_that_is_too_old_asks_for_nothing(client: Client, first: str, settings: Settings) -> None:
    settings.CONSENT_SESSION_SECONDS = -1
    assert result(client, first, 410) == {}


def test_the_script_names_our_own_address(client: Client) -> None:
    answer = client.get("/v1/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    text = answer.content.decode()
    assert 'var base = "http://localhost:8000";' in text
    assert "__BASE__" not in text
    assert answer["Cache-Control"] == "public, max-age=3600"
