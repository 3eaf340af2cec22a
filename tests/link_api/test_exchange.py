"""`POST /link/exchange`. Source: wire contract 3d, C2, C3, C16; records-api seed, exchange."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.applications.keys import KeyKind, Mode
from apps.applications.services import end_api_key, issue_api_key
from apps.audit.events import SYSTEM
from apps.authorizations.models import OneTimeToken
from apps.authorizations.states import Usage
from apps.syncs.models import SyncJob
from tests.authorizations.journey import secret_key_of, sign_in
from tests.flows.world import Team

from .wire import SUPPORTED, post, read, refused

pytestmark = pytest.mark.django_db
EXCHANGE = "/link/exchange"
HUMANA = "d39433b7-0fbd-4bc2-bdae-fb276799979f"


def test_exchange_of_multiple_answers_every_field_of_the_contract(client: Client, team: Team, payer_url: str) -> None:
    signed_in = sign_in(team, payer_url, login="HUser00004", external_id="1234567890")
    body = read(post(client, EXCHANGE, {"public_token": signed_in.token, "secret_key": team.secret_key}))
    access_token, refresh_token = body.pop("access_token"), body.pop("refresh_token")
    assert access_token.count(".") == 2
    assert len(refresh_token) >= 43
    until = body.pop("timeUntilMaxAuth")
    assert isinstance(until, int)
    assert 7_889_000 < until <= 7_890_000
    patient = uuid.uuid5(uuid.UUID(settings.ID_NAMESPACE), f"{team.application.pk}/test/{HUMANA}/hum-m-00004")
    assert body == {
        "expires_in": 86400,
        "usage": "MULTIPLE",
        "refresh_expires_in": 7776000,
        "patient": f"Patient/{patient}",
        "user": {"externalId": "1234567890"},
        "endpoint": {"id": HUMANA, "label": ["Humana"], "name": "humana-sandbox", "refreshable": True},
        "sync": {"resourceTypes": dict.fromkeys(SUPPORTED, 0), "state": "WAITING", "lastSyncedAt": None},
    }
    signed_in.authorization.refresh_from_db()
    assert signed_in.authorization.state == "EXCHANGED"
    assert SyncJob.objects.get(authorization=signed_in.authorization).cause == "first"


def test_exchange_of_one_time_has_the_samples_fields_and_no_refresh_token(
    client: Client, team: Team, payer_url: str
) -> None:
    signed_in = sign_in(team, payer_url, usage=Usage.ONE_TIME)
    body = read(post(client, EXCHANGE, {"public_token": signed_in.token, "secret_key": team.secret_key}))
    sample = {
        "access_token", "expires_in", "usage", "refresh_expires_in", "patient", "user", "endpoint", "timeUntilMaxAuth",
    }  # fmt: skip
    assert body.keys() == sample | {"sync"}
    assert (body["usage"], body["expires_in"], body["refresh_expires_in"]) == ("ONE_TIME", 86400, 86400)


def test_multiple_asked_at_an_endpoint_that_is_not_refreshable_resolves_to_one_time(
    client: Client, team: Team, payer_url: str
) -> None:
    signed_in = sign_in(team, payer_url, login="acme-4", usage=Usage.MULTIPLE)
    body = read(post(client, EXCHANGE, {"public_token": signed_in.token, "secret_key": team.secret_key}))
    assert body["usage"] == "ONE_TIME"
    assert "refresh_token" not in body
    assert body["timeUntilMaxAuth"] == "unsupported"
    assert body["endpoint"]["refreshable"] is False


@pytest.mark.parametrize(("seconds", "told"), [(None, "unknown"), (0, "indefinite"), (1, 0)])
def test_time_until_max_auth_has_its_three_forms(
    client: Client, team: Team, payer_url: str, seconds: int | None, told: object
) -> None:
    signed_in = sign_in(team, payer_url, now=timezone.now() - dt.timedelta(minutes=1))
    endpoint = signed_in.authorization.endpoint
    endpoint.max_auth_seconds = seconds
    endpoint.save()
    body = read(post(client, EXCHANGE, {"public_token": signed_in.token, "secret_key": team.secret_key}))
    assert body["timeUntilMaxAuth"] == told


def test_data_and_token_of_a_one_time_exchange_end_together(client: Client, team: Team, payer_url: str) -> None:
    """`expires_in` must be true: the data may not be gone while the token still runs."""
    signed_in = sign_in(team, payer_url, usage=Usage.ONE_TIME, now=timezone.now() - dt.timedelta(minutes=20))
    before = timezone.now()
    read(post(client, EXCHANGE, {"public_token": signed_in.token, "secret_key": team.secret_key}))
    signed_in.authorization.refresh_from_db()
    assert signed_in.authorization.purge_at is not None
    assert signed_in.authorization.purge_at >= before + dt.timedelta(seconds=86400)


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_json_is_read_whatever_the_content_type_says(
    client: Client, team: Team, payer_url: str, content_type: str
) -> None:
    body = json.dumps({"public_token": sign_in(team, payer_url).token, "secret_key": team.secret_key})
    assert "access_token" in read(client.generic("POST", EXCHANGE, "\n" + body, content_type))


def test_form_bodies_are_read_in_both_encodings(client: Client, team: Team, payer_url: str) -> None:
    fields = {"public_token": sign_in(team, payer_url).token, "secret_key": team.secret_key}
    multipart = {**fields, "public_token": sign_in(team, payer_url).token}
    form = client.generic("POST", EXCHANGE, urlencode(fields), "application/x-www-form-urlencoded")
    assert "access_token" in read(form)
    assert "access_token" in read(post(client, EXCHANGE, multipart, as_json=False))


def test_used_public_token_answers_the_contracts_words(client: Client, team: Team, payer_url: str) -> None:
    body = {"public_token": sign_in(team, payer_url).token, "secret_key": team.secret_key}
    read(post(client, EXCHANGE, body))
    again = read(post(client, EXCHANGE, body), 400)
    assert again == {
        "statusCode": 400,
        "error": "Bad Request",
        "message": "Invalid public token. Public token has expired.",
        "error_description": "Invalid public token. Public token has expired.",
    }


def test_public_token_ends_after_thirty_minutes(client: Client, team: Team, payer_url: str) -> None:
    old = sign_in(team, payer_url, now=timezone.now() - dt.timedelta(minutes=30, seconds=1))
    message = refused(
        post(client, EXCHANGE, {"public_token": old.token, "secret_key": team.secret_key}), 400, "Bad Request"
    )
    assert message == "Invalid public token. Public token has expired."
    nearly = sign_in(team, payer_url, now=timezone.now() - dt.timedelta(minutes=29))
    read(post(client, EXCHANGE, {"public_token": nearly.token, "secret_key": team.secret_key}))


def test_unknown_public_token_is_refused(client: Client, team: Team) -> None:
    for token in ("public_token_950fae5f-0000-4000-8000-000000000000", "x" * 5000):
        response = post(client, EXCHANGE, {"public_token": token, "secret_key": team.secret_key})
        assert refused(response, 400, "Bad Request").startswith("Invalid public token.")


def test_another_application_can_neither_use_nor_use_up_a_public_token(
    client: Client, team: Team, other_team: Team, payer_url: str, live_keys: tuple[str, str]
) -> None:
    token = sign_in(team, payer_url).token
    for stranger in (other_team.secret_key, live_keys[1]):
        refused(post(client, EXCHANGE, {"public_token": token, "secret_key": stranger}), 400, "Bad Request")
    assert OneTimeToken.objects.get().used_at is None
    read(post(client, EXCHANGE, {"public_token": token, "secret_key": team.secret_key}))


def test_anything_but_a_running_secret_key_is_401(client: Client, team: Team, payer_url: str) -> None:
    token = sign_in(team, payer_url).token
    application = team.application
    management = issue_api_key(application=application, mode=Mode.TEST, kind=KeyKind.MANAGEMENT, by=SYSTEM).value
    ended = issue_api_key(application=application, mode=Mode.TEST, kind=KeyKind.SECRET, by=SYSTEM)
    end_api_key(api_key=ended.api_key, by=SYSTEM, now=timezone.now())
    for key in ("sk_test_short", team.publishable_key, management, ended.value, team.secret_key[:-1] + "!"):
        message = refused(post(client, EXCHANGE, {"public_token": token, "secret_key": key}), 401, "Unauthorized")
        assert key not in message
    read(post(client, EXCHANGE, {"public_token": token, "secret_key": team.secret_key}))
    assert secret_key_of(team).last_used_at is not None


def test_only_post_is_answered(client: Client) -> None:
    for path in (EXCHANGE, "/link/token", "/oauth/token", "/link/revoke"):
        answer = client.get(path)
        assert refused(answer, 405, "Method Not Allowed") == f"{path} takes POST only, this was GET."
        assert answer["Allow"] == "POST"
    assert client.post("/link/introspect")["Allow"] == "GET"


BAD_BODIES: list[bytes] = [
    b"", b"{", b"{}", b"[]", b"null", b"{\"a\":" + b"[" * 30_000, b"\xff\xfe{", b"{\"secret_key\": \"\xff\"}",
    b"{\"secret_key\": 7, \"public_token\": {}}", b"{\"secret_key\": \"sk_test_\\ud800\"}",
    b"{\"secret_key\": \"\\u0000\"}", b"secret_key=%00&public_token=%FF", b"{" + b" " * 100_000 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("path", [EXCHANGE, "/link/token", "/link/revoke"])
@pytest.mark.parametrize("number", range(len(BAD_BODIES)))
def test_bad_bodies_are_refused_in_json(client: Client, team: Team, path: str, number: int) -> None:
    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        response = client.generic("POST", path, BAD_BODIES[number], content_type)
        assert response.status_code in (400, 401, 413)
        assert response.json()["statusCode"] == response.status_code


ODD_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
VALUES: st.SearchStrategy[Any] = st.one_of(ODD_TEXT, st.none(), st.integers(), st.lists(ODD_TEXT, max_size=2))


@pytest.mark.usefixtures("unlimited")
@given(public_token=VALUES, secret=st.booleans(), secret_key=VALUES)
@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_json_text_makes_an_exchange_fail(
    client: Client, team: Team, public_token: Any, secret: bool, secret_key: Any
) -> None:
    body = {"public_token": public_token, "secret_key": team.secret_key if secret else secret_key}
    response = client.generic("POST", EXCHANGE, json.dumps(body), "application/json")
    assert response.status_code in (400, 401)
    assert response.json()["message"]
