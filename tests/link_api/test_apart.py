"""Two consents, both tokens, every route of the Link API: none opens, ends or renews the other's.

And the same token at once: one winner. Source: issue 7, "done when"; RFC 6749 4.1.2; RFC 9700 4.14.2.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from apps.audit.models import AuditEvent
from apps.authorizations.models import AccessToken, Consent, PatientAuthorization, RefreshToken
from apps.authorizations.services import IssuedTokens
from tests.authorizations.journey import VERIFIER, exchange, sign_in
from tests.bad_input.routes import Face, routes_of
from tests.flows.world import CALLBACK, Team

from .wire import basic, post, read, refused

# What each route is asked below; a new route of the Link API needs a row.
ASKED = {
    "/link/introspect", "/oauth/introspect", "/rest/consent", "/link/revoke", "/oauth/revoke", "/link/token",
    "/oauth/token", "/link/exchange",
}  # fmt: skip
# No patient's token and no consent is read there.
NOT_ASKED = {"/oauth/register", "/link/sandbox/public_token", "/link/sandbox/authorize"}


@pytest.fixture
def two(team: Team, other_team: Team, payer_url: str) -> dict[str, tuple[Team, IssuedTokens]]:
    """One person at two applications: the same source, two consents."""
    return {each.application.workspace.slug: (each, exchange(each, sign_in(each, payer_url)))
            for each in (team, other_team)}  # fmt: skip


@pytest.mark.django_db
def test_every_route_is_asked() -> None:
    assert {str(route) for route in routes_of(Face.LINK)} == ASKED | NOT_ASKED


@pytest.mark.django_db
@pytest.mark.parametrize(("mine", "theirs"), [("acme", "zeta"), ("zeta", "acme")])
def test_reading_routes_show_the_tokens_own_consent_and_nothing_of_the_other(
    client: Client, two: dict[str, tuple[Team, IssuedTokens]], mine: str, theirs: str
) -> None:
    (_, issued), (_, other) = two[mine], two[theirs]
    for path in ("/link/introspect", "/oauth/introspect", "/rest/consent"):
        text = str(read(client.get(path, headers={"Authorization": f"Bearer {issued.access_token}"})))
        assert str(issued.authorization.pk) in text
        foreign = (other.authorization.pk, other.authorization.consent_id, other.authorization.destination_patient_id)
        assert [each for each in foreign if str(each) in text] == [], path


@pytest.mark.django_db
@pytest.mark.parametrize(("mine", "theirs"), [("acme", "zeta"), ("zeta", "acme")])
def test_writing_routes_refuse_the_others_token_and_leave_it_whole(
    client: Client, two: dict[str, tuple[Team, IssuedTokens]], payer_url: str, mine: str, theirs: str
) -> None:
    (team, _), (their_team, other) = two[mine], two[theirs]
    pair = basic(team.publishable_key, team.secret_key)
    for path in ("/link/revoke", "/oauth/revoke"):
        body = {"secret_key": team.secret_key}
        refused(post(client, path, body, authorization=f"Bearer {other.access_token}"), 401, "Unauthorized")
    code = sign_in(their_team, payer_url, flow=Consent.Flow.OAUTH, external_id="user-2").token
    public_token = sign_in(their_team, payer_url, external_id="user-3").token
    for path in ("/link/token", "/oauth/token"):
        body = {"grant_type": "refresh_token", "refresh_token": str(other.refresh_token)}
        refused(post(client, path, body, authorization=pair), 400, "invalid_grant")
        refused(post(client, path, code_body(team, code)), 400, "invalid_grant")
    taken = {"public_token": public_token, "secret_key": team.secret_key}
    refused(post(client, "/link/exchange", taken), 400, "Bad Request")
    assert not PatientAuthorization.objects.filter(state="REVOKED").exists()
    assert not AccessToken.objects.exclude(revoked_at=None).exists()
    own = basic(their_team.publishable_key, their_team.secret_key)
    body = {"grant_type": "refresh_token", "refresh_token": str(other.refresh_token)}
    read(post(client, "/link/token", body, authorization=own))
    read(post(client, "/link/token", code_body(their_team, code)))
    read(post(client, "/link/exchange", {**taken, "secret_key": their_team.secret_key}))


def code_body(team: Team, code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code", "code": code, "code_verifier": VERIFIER, "redirect_uri": CALLBACK,
        "client_id": team.publishable_key, **changes,
    }  # fmt: skip


@pytest.mark.django_db
def test_a_code_used_again_ends_what_it_issued_and_nothing_else(client: Client, team: Team, payer_url: str) -> None:
    other = exchange(team, sign_in(team, payer_url, external_id="user-2"))
    code = sign_in(team, payer_url, flow=Consent.Flow.OAUTH).token
    issued = read(post(client, "/link/token", code_body(team, code)))
    # Whoever has only seen the code can end nothing.
    for changes in ({"code_verifier": "x" * 43}, {"redirect_uri": f"{CALLBACK}/"}):
        refused(post(client, "/link/token", code_body(team, code, **changes)), 400, "invalid_grant")
    read(client.get("/link/introspect", headers={"Authorization": f"Bearer {issued['access_token']}"}))
    refused(post(client, "/link/token", code_body(team, code)), 400, "invalid_grant")
    answer = client.get("/link/introspect", headers={"Authorization": f"Bearer {issued['access_token']}"})
    refused(answer, 401, "Unauthorized")
    pair = basic(team.publishable_key, team.secret_key)
    body = {"grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
    refused(post(client, "/link/token", body, authorization=pair), 400, "invalid_grant")
    read(client.get("/link/introspect", headers={"Authorization": f"Bearer {other.access_token}"}))
    assert AuditEvent.objects.filter(action="code.reused").count() == 1


def at_once(count: int, ask: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Send the same request from `count` threads that start together."""
    gate, answers = threading.Barrier(count), list[httpx.Response]()

    def send() -> None:
        gate.wait(30)
        answers.append(ask())

    threads = [threading.Thread(target=send) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.mark.django_db(transaction=True)
def test_many_refreshes_with_one_token_have_one_winner_and_end_its_family(
    live_server: LiveServer, team: Team, payer_url: str
) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    connection.close()
    body = {"grant_type": "refresh_token", "refresh_token": str(issued.refresh_token)}
    answers = at_once(6, lambda: token(live_server.url, body, basic(team.publishable_key, team.secret_key)))
    assert sorted(each.status_code for each in answers) == [200, 400, 400, 400, 400, 400]
    assert {each.json()["error"] for each in answers if each.status_code == 400} == {"invalid_grant"}
    assert not RefreshToken.objects.filter(revoked_at=None).exists()
    assert not AccessToken.objects.filter(revoked_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_many_exchanges_of_one_code_have_one_winner_and_end_what_it_issued(
    live_server: LiveServer, team: Team, payer_url: str
) -> None:
    code = sign_in(team, payer_url, flow=Consent.Flow.OAUTH).token
    connection.close()
    answers = at_once(6, lambda: token(live_server.url, code_body(team, code), ""))
    assert sorted(each.status_code for each in answers) == [200, 400, 400, 400, 400, 400]
    assert not AccessToken.objects.filter(revoked_at=None).exists()
    assert AccessToken.objects.count() == 1


def token(base: str, body: dict[str, Any], authorization: str) -> httpx.Response:
    headers = {"Authorization": authorization} if authorization else {}
    return httpx.post(f"{base}/link/token", data=body, headers=headers, trust_env=False, timeout=60)
