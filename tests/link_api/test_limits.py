"""Requests per minute: per key, access token, address. Source: rulings B14; wire contract 4, "Rate limiting"."""

from __future__ import annotations

import datetime as dt
import threading
import time
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.models import RateWindow
from apps.applications.services import count_request, throttling
from tests.authorizations.journey import exchange, sign_in
from tests.consent_pages.patient import auth_query
from tests.flows.world import Team

from .wire import basic, post, read, refused

pytestmark = pytest.mark.django_db
FULL = "More than 3 requests in a minute. Send the next one after "


HALF_A_DAY = 43_200


@pytest.fixture(autouse=True)
def three(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests, in a window that does not end under the test: the database's clock cannot be set."""
    settings.LINK_PER_MINUTE = settings.TOKEN_PER_MINUTE = 3
    monkeypatch.setattr(throttling, "WINDOW_SECONDS", HALF_A_DAY)


def throttled(response: Any) -> None:
    message = refused(response, 429, "throttled")
    assert message.startswith(FULL)
    seconds = int(response["Retry-After"])
    assert 1 <= seconds <= HALF_A_DAY
    assert (response["X-RateLimit-Limit"], response["X-RateLimit-Remaining"]) == ("3", "0")
    assert 0 < int(response["X-RateLimit-Reset"]) - time.time() <= HALF_A_DAY + 1


def test_a_key_has_its_own_minute_and_every_answer_says_what_is_left(
    client: Client, team: Team, other_team: Team
) -> None:

    def ask(key: str) -> Any:
        return post(client, "/link/exchange", {"public_token": "public_token_x", "secret_key": key})

    for left in ("2", "1", "0"):
        answer = ask(team.secret_key)
        refused(answer, 400, "Bad Request")
        assert (answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) == ("3", left)
        assert "Retry-After" not in answer
    throttled(ask(team.secret_key))
    refused(ask(other_team.secret_key), 400, "Bad Request")
    RateWindow.objects.update(began_at=timezone.now() - dt.timedelta(days=1))
    refused(ask(team.secret_key), 400, "Bad Request")


def test_whoever_has_no_key_shares_the_minute_of_the_address(client: Client, team: Team) -> None:
    for path, body, header in (
        ("/link/exchange", {"public_token": "x", "secret_key": "sk_test_x"}, ""),
        ("/link/token", {"grant_type": "refresh_token", "refresh_token": "x"}, basic("pk_test_x", "sk_test_x")),
        ("/oauth/register", {}, "Bearer mk_test_x"),
    ):
        assert post(client, path, body, authorization=header).status_code == 401
    throttled(post(client, "/link/exchange", {"public_token": "x", "secret_key": "sk_test_x"}))
    # Nobody guesses a signature: a token that has ended hears 401 however often it asks.
    refused(client.get("/link/introspect", headers={"Authorization": "Bearer x.y.z"}), 401, "Unauthorized")
    elsewhere = client.post("/link/exchange", {"public_token": "x", "secret_key": "y"}, REMOTE_ADDR="192.0.2.9")
    refused(elsewhere, 401, "Unauthorized")
    assert post(client, "/link/exchange", {"public_token": "x", "secret_key": team.secret_key}).status_code == 400


def test_an_access_token_has_its_own_minute(client: Client, team: Team, payer_url: str) -> None:
    first, second = (exchange(team, sign_in(team, payer_url, external_id=each)) for each in ("user-1", "user-2"))
    for path in ("/link/introspect", "/oauth/introspect", "/rest/consent"):
        read(client.get(path, headers={"Authorization": f"Bearer {first.access_token}"}))
    throttled(client.get("/link/introspect", headers={"Authorization": f"Bearer {first.access_token}"}))
    read(client.get("/link/introspect", headers={"Authorization": f"Bearer {second.access_token}"}))


def test_a_throttled_refresh_uses_no_token_up(client: Client, team: Team, payer_url: str) -> None:
    """The SDK sends the same request again after Retry-After: it must then still work."""
    issued = exchange(team, sign_in(team, payer_url))
    pair = basic(team.publishable_key, team.secret_key)
    for _ in range(3):
        refused(post(client, "/link/token", {"grant_type": "x"}, authorization=pair), 400, "unsupported_grant_type")
    wrong = {"grant_type": "refresh_token", "refresh_token": "unknown"}
    for _ in range(3):
        refused(post(client, "/link/token", wrong, authorization=pair), 400, "invalid_grant")
    body = {"grant_type": "refresh_token", "refresh_token": issued.refresh_token}
    throttled(post(client, "/link/token", body, authorization=pair))
    RateWindow.objects.all().delete()
    read(post(client, "/link/token", body, authorization=pair))


def test_a_public_client_is_counted_with_its_address(client: Client, team: Team) -> None:
    """Its key is public: nobody elsewhere may use up its minute."""
    body = {
        "grant_type": "authorization_code", "code": "c", "redirect_uri": "https://x.example", "code_verifier": "v",
        "client_id": team.publishable_key,
    }  # fmt: skip
    for _ in range(3):
        refused(post(client, "/link/token", body), 400, "invalid_grant")
    throttled(post(client, "/link/token", body))
    elsewhere = client.post("/link/token", body, content_type="application/json", REMOTE_ADDR="192.0.2.9")
    refused(elsewhere, 400, "invalid_grant")


def test_consents_are_opened_so_often_and_then_a_page_says_when_to_come_back(client: Client, team: Team) -> None:
    for _ in range(3):
        assert client.get("/link/auth", auth_query(team)).status_code == 302
    answer = client.get("/link/auth", auth_query(team))
    assert (answer.status_code, "Retry-After" in answer) == (429, True)
    assert answer["Content-Type"].startswith("text/html")


def test_a_window_is_a_minute_of_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    allowance = count_request(what="x", who="one", per_minute=1)
    assert allowance is not None
    assert allowance.reset_at % 60 == 0
    assert 1 <= allowance.retry_after_seconds <= 60


def test_zero_sets_no_limit(client: Client, team: Team, settings: Settings) -> None:
    settings.LINK_PER_MINUTE = 0
    for _ in range(5):
        body = {"public_token": "x", "secret_key": team.secret_key}
        answer = post(client, "/link/exchange", body)
        refused(answer, 400, "Bad Request")
        assert "X-RateLimit-Limit" not in answer
    assert not RateWindow.objects.exists()


def test_nothing_readable_is_kept_of_who_asked_and_old_windows_go(client: Client, team: Team) -> None:
    old = timezone.now() - dt.timedelta(days=2)
    RateWindow.objects.bulk_create(RateWindow(subject=f"{n:064}", began_at=old, count=1) for n in range(7))
    post(client, "/link/exchange", {"public_token": "x", "secret_key": team.secret_key})
    assert RateWindow.objects.filter(began_at=old).count() == 2
    subject = RateWindow.objects.exclude(began_at=old).get().subject
    assert len(subject) == 64
    assert all(sign in "0123456789abcdef" for sign in subject)


@pytest.mark.django_db(transaction=True)
def test_many_processes_count_as_one() -> None:
    """As several web processes do it: each with a connection of its own, at the same time."""
    counted: list[int] = []

    def ask() -> None:
        try:
            for _ in range(10):
                allowance = count_request(what="x", who="one", per_minute=1000)
                assert allowance is not None
                counted.append(allowance.remaining)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counted, reverse=True) == list(range(999, 949, -1))


@pytest.mark.django_db(transaction=True)
def test_the_table_is_not_logged() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'applications_ratewindow'")
        assert cursor.fetchone() == ("u",)
