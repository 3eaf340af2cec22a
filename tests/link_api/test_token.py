"""`POST /link/token`, also as `/oauth/token`. Source: wire contract 1, 3d, C15, C18, C22, C39; RFC 6749 5."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.utils import timezone

from apps.authorizations.models import AccessToken, Consent, OneTimeToken
from apps.authorizations.states import Usage
from tests.authorizations.journey import VERIFIER, exchange, sign_in
from tests.flows.world import CALLBACK, Team

from .wire import SUPPORTED, basic, post, read, refused

pytestmark = pytest.mark.django_db
TOKEN = "/link/token"


def code_body(team: Team, code: str, **changes: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": VERIFIER,
        "redirect_uri": CALLBACK,
        "client_id": team.publishable_key,
        **changes,
    }


def sign_in_for_code(team: Team, payer_url: str, **more: Any) -> str:
    return sign_in(team, payer_url, flow=Consent.Flow.OAUTH, **more).token


@pytest.fixture
def pair(team: Team) -> str:
    return basic(team.publishable_key, team.secret_key)


@pytest.mark.parametrize("path", [TOKEN, "/oauth/token"])
def test_code_of_a_public_client_by_form_answers_every_field(
    client: Client, team: Team, payer_url: str, path: str
) -> None:
    """The SDK's request: form body, no Authorization."""
    body = code_body(team, sign_in_for_code(team, payer_url))
    found = read(client.generic("POST", path, urlencode(body), "application/x-www-form-urlencoded"))
    assert found.keys() == {
        "access_token", "expires_in", "token_type", "scope", "refresh_token", "refresh_expires_in", "usage",
        "patient", "user", "endpoint", "sync", "timeUntilMaxAuth",
    }  # fmt: skip
    assert (found["token_type"], found["expires_in"]) == ("Bearer", 86400)
    assert found["scope"] == "launch/patient offline_access"
    assert found["refresh_expires_in"] == 7776000


def test_code_of_a_confidential_client_by_json(client: Client, team: Team, payer_url: str, pair: str) -> None:
    body = code_body(team, sign_in_for_code(team, payer_url))
    del body["client_id"]
    assert "access_token" in read(post(client, TOKEN, body, authorization=pair))


def test_scope_without_a_refresh_token_does_not_promise_one(client: Client, team: Team, payer_url: str) -> None:
    """RFC 6749 5.1: scope is required where it differs from what was asked."""
    found = read(post(client, TOKEN, code_body(team, sign_in_for_code(team, payer_url, login="acme-4"))))
    assert "refresh_token" not in found
    assert found["scope"] == "launch/patient"


def test_code_is_used_once(client: Client, team: Team, payer_url: str) -> None:
    body = code_body(team, sign_in_for_code(team, payer_url))
    read(post(client, TOKEN, body))
    assert refused(post(client, TOKEN, body), 400, "invalid_grant").startswith("Invalid authorization code")


WRONG: list[dict[str, str]] = [
    {"code": "unknown"},
    {"code_verifier": VERIFIER + "x"},
    {"code_verifier": VERIFIER[:-1] + "K"},
    {"code_verifier": "é" * 43},
    {"redirect_uri": CALLBACK + "/"},
]


@pytest.mark.parametrize("changes", WRONG)
def test_wrong_grant_is_refused_and_uses_nothing_up(
    client: Client, team: Team, payer_url: str, changes: dict[str, str]
) -> None:
    body = code_body(team, sign_in_for_code(team, payer_url))
    refused(post(client, TOKEN, json.dumps({**body, **changes})), 400, "invalid_grant")
    read(post(client, TOKEN, body))


def test_code_ends_after_five_minutes(client: Client, team: Team, payer_url: str) -> None:
    old = sign_in_for_code(team, payer_url, now=timezone.now() - dt.timedelta(minutes=5, seconds=1))
    refused(post(client, TOKEN, code_body(team, old)), 400, "invalid_grant")


def test_code_of_another_client_is_refused_and_stays(
    client: Client, team: Team, other_team: Team, payer_url: str, live_keys: tuple[str, str]
) -> None:
    code = sign_in_for_code(team, payer_url)
    for stranger in (other_team.publishable_key, live_keys[0]):
        refused(post(client, TOKEN, code_body(team, code, client_id=stranger)), 400, "invalid_grant")
    assert OneTimeToken.objects.get().used_at is None
    for unknown in ("", "pk_test_x", team.secret_key):
        refused(post(client, TOKEN, code_body(team, code, client_id=unknown)), 401, "invalid_client")
    read(post(client, TOKEN, code_body(team, code)))


def test_public_token_is_no_code_and_code_no_public_token(client: Client, team: Team, payer_url: str) -> None:
    refused(post(client, TOKEN, code_body(team, sign_in(team, payer_url).token)), 400, "invalid_grant")
    body = {"public_token": sign_in_for_code(team, payer_url), "secret_key": team.secret_key}
    refused(post(client, "/link/exchange", body), 400, "Bad Request")


@pytest.mark.parametrize("as_json", [True, False])
def test_refresh_answers_every_field_and_rotates(
    client: Client, team: Team, payer_url: str, pair: str, as_json: bool
) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    body = {"grant_type": "refresh_token", "refresh_token": issued.refresh_token}
    found = read(post(client, TOKEN, body, as_json=as_json, authorization=pair))
    assert found.pop("access_token") != issued.access_token
    assert found.pop("refresh_token") != issued.refresh_token
    assert isinstance(found.pop("timeUntilMaxAuth"), int)
    assert found == {
        "expires_in": 86400,
        "token_type": "Bearer",
        "refresh_expires_in": 7776000,
        "sync": {"resourceTypes": dict.fromkeys(SUPPORTED, 0), "state": "WAITING", "lastSyncedAt": None},
    }
    issued.authorization.refresh_from_db()
    assert issued.authorization.state == "REFRESHED"


def test_refresh_token_used_twice_ends_everything_although_the_request_is_refused(
    client: Client, team: Team, payer_url: str, pair: str
) -> None:
    first = exchange(team, sign_in(team, payer_url))
    body = {"grant_type": "refresh_token", "refresh_token": first.refresh_token}
    second = read(post(client, TOKEN, body, authorization=pair))
    refused(post(client, TOKEN, body, authorization=pair), 400, "invalid_grant")
    newer = {**body, "refresh_token": second["refresh_token"]}
    refused(post(client, TOKEN, newer, authorization=pair), 400, "invalid_grant")
    for token in (first.access_token, second["access_token"]):
        answer = client.get("/link/introspect", headers={"Authorization": f"Bearer {token}"})
        assert refused(answer, 401, "Unauthorized") == "Invalid access token"


def test_refresh_needs_the_pair_of_its_own_application(
    client: Client, team: Team, other_team: Team, payer_url: str, live_keys: tuple[str, str]
) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    body = {"grant_type": "refresh_token", "refresh_token": issued.refresh_token}
    mismatched = [
        "",
        "Basic",
        "Basic !!!",
        "Basic \xe9\xe9",
        "Basic " + "gICA",  # not UTF-8 inside
        f"Bearer {team.secret_key}",
        basic(team.publishable_key, other_team.secret_key),
        basic(other_team.publishable_key, team.secret_key),
        basic(team.publishable_key, live_keys[1]),
        basic(live_keys[0], team.secret_key),
        basic(team.secret_key, team.publishable_key),
        basic(team.publishable_key, team.publishable_key),
        basic(team.publishable_key, ""),
    ]
    for header in mismatched:
        response = post(client, TOKEN, body, authorization=header)
        assert refused(response, 401, "invalid_client").startswith("Unauthorized: Invalid credentials")
        assert response["WWW-Authenticate"].startswith("Basic realm=")
    for stranger in (basic(other_team.publishable_key, other_team.secret_key), basic(*live_keys)):
        refused(post(client, TOKEN, body, authorization=stranger), 400, "invalid_grant")
    own = basic(team.publishable_key, team.secret_key)
    read(post(client, TOKEN, body, authorization=own))


def test_refresh_token_of_a_consent_that_ended_is_refused(
    client: Client, team: Team, payer_url: str, pair: str
) -> None:
    issued = exchange(team, sign_in(team, payer_url))
    bearer = f"Bearer {issued.access_token}"
    read(post(client, "/link/revoke", {"secret_key": team.secret_key}, authorization=bearer))
    body = {"grant_type": "refresh_token", "refresh_token": issued.refresh_token}
    refused(post(client, TOKEN, body, authorization=pair), 400, "invalid_grant")


def test_one_time_access_cannot_be_refreshed(client: Client, team: Team, payer_url: str, pair: str) -> None:
    assert exchange(team, sign_in(team, payer_url, usage=Usage.ONE_TIME)).refresh_token is None
    body = {"grant_type": "refresh_token", "refresh_token": ""}
    refused(post(client, TOKEN, body, authorization=pair), 400, "invalid_request")


def test_client_credentials_with_test_keys_are_403(client: Client, pair: str) -> None:
    refused(post(client, TOKEN, {"grant_type": "client_credentials"}, authorization=pair), 403, "unauthorized_client")
    assert not AccessToken.objects.exists()


@pytest.mark.parametrize("as_json", [True, False])
def test_client_credentials_with_live_keys_give_half_an_hour(
    client: Client, live_keys: tuple[str, str], as_json: bool
) -> None:
    body = {"grant_type": "client_credentials"}
    found = read(post(client, TOKEN, body, as_json=as_json, authorization=basic(*live_keys)))
    token = found.pop("access_token")
    assert found == {"expires_in": 1800, "token_type": "Bearer"}
    answer = client.get("/link/introspect", headers={"Authorization": f"Bearer {token}"})
    refused(answer, 401, "Unauthorized")


def test_client_credentials_without_a_pair_are_401(client: Client, live_keys: tuple[str, str]) -> None:
    for header in ("", basic(live_keys[0], "sk_live_x"), f"Bearer {live_keys[1]}"):
        body = {"grant_type": "client_credentials"}
        refused(post(client, TOKEN, body, authorization=header), 401, "invalid_client")


@pytest.mark.parametrize("grant", ["password", "implicit", "AUTHORIZATION_CODE"])
def test_other_grants_are_named_as_unsupported(client: Client, pair: str, grant: str) -> None:
    refused(post(client, TOKEN, {"grant_type": grant}, authorization=pair), 400, "unsupported_grant_type")


def test_live_and_test_of_one_application_stay_apart(
    client: Client, team: Team, payer_url: str, live_keys: tuple[str, str]
) -> None:
    live = exchange(team, sign_in(team, payer_url, mode="live"))
    body = {"grant_type": "refresh_token", "refresh_token": live.refresh_token}
    test_pair = basic(team.publishable_key, team.secret_key)
    refused(post(client, TOKEN, body, authorization=test_pair), 400, "invalid_grant")
    read(post(client, TOKEN, body, authorization=basic(*live_keys)))
