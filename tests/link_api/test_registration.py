"""`POST /oauth/register`. Source: RFC 7591 2, 3.2; wire contract 3a."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey, RedirectUri
from apps.applications.selectors import find_api_key
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from tests.consent_pages.patient import auth_query, open_pages
from tests.flows.world import Team

from .wire import basic, post, read, refused

pytestmark = pytest.mark.django_db
REGISTER, URI = "/oauth/register", "https://agent.example/callback"


@pytest.fixture
def management(team: Team) -> str:
    return issue_api_key(application=team.application, mode=Mode.TEST, kind=KeyKind.MANAGEMENT, by=SYSTEM).value


def register(client: Client, key: str, **body: Any) -> Any:
    return post(client, REGISTER, body, authorization=f"Bearer {key}")


def test_a_public_client_gets_an_id_that_opens_the_consent_pages(client: Client, team: Team, management: str) -> None:
    body = {"redirect_uris": [URI], "token_endpoint_auth_method": "none", "client_name": "Agent", "software_id": "x"}
    found = read(register(client, management, **body), 201)
    client_id, issued_at = found.pop("client_id"), found.pop("client_id_issued_at")
    assert found == {
        "client_name": "Agent", "redirect_uris": [URI], "grant_types": ["authorization_code"],
        "response_types": ["code"], "token_endpoint_auth_method": "none", "scope": "launch/patient offline_access",
    }  # fmt: skip
    key = ApiKey.objects.get(public_value=client_id)
    assert (key.application, key.mode, key.note) == (team.application, "test", "Agent")
    assert issued_at == int(key.created_at.timestamp())
    open_pages(client, auth_query(team, client_id=client_id, redirect_uri=URI))
    assert AuditEvent.objects.filter(action="api_key.created", target_id=str(key.pk)).count() == 1


def test_a_confidential_client_gets_a_secret_too_unless_it_says_otherwise(
    client: Client, team: Team, management: str
) -> None:
    """RFC 7591 2: client_secret_basic is what an absent method means."""
    found = read(register(client, management, redirect_uris=[URI], grant_types=["authorization_code"]), 201)
    assert found["token_endpoint_auth_method"] == "client_secret_basic"
    assert found["client_secret_expires_at"] == 0
    secret = find_api_key(found["client_secret"], now=timezone.now())
    assert secret is not None
    assert (secret.kind, secret.mode, secret.application) == (KeyKind.SECRET, "test", team.application)
    pair = basic(found["client_id"], found["client_secret"])
    body = {"grant_type": "refresh_token", "refresh_token": "unknown"}
    refused(post(client, "/oauth/token", body, authorization=pair), 400, "invalid_grant")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "invalid_redirect_uri"),
    ({"redirect_uris": []}, "invalid_redirect_uri"),
    ({"redirect_uris": URI}, "invalid_redirect_uri"),
    ({"redirect_uris": [7]}, "invalid_redirect_uri"),
    ({"redirect_uris": [URI, "http://agent.example/"]}, "invalid_redirect_uri"),
    ({"redirect_uris": [f"{URI}#x"]}, "invalid_redirect_uri"),
    ({"redirect_uris": [f"{URI}/{n}" for n in range(21)]}, "invalid_redirect_uri"),
    ({"redirect_uris": [URI], "token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    ({"redirect_uris": [URI], "grant_types": ["password"]}, "invalid_client_metadata"),
    ({"redirect_uris": [URI], "grant_types": "authorization_code"}, "invalid_client_metadata"),
    ({"redirect_uris": [URI], "response_types": ["token"]}, "invalid_client_metadata"),
    ({"redirect_uris": [URI], "client_name": "two\nlines"}, "invalid_client_metadata"),
    ({"redirect_uris": [URI], "client_name": 7}, "invalid_client_metadata"),
    (
        {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "none"},
        "invalid_client_metadata",
    ),
]


@pytest.mark.parametrize(("body", "error"), WRONG)
def test_wrong_metadata_is_named_and_registers_nothing(
    client: Client, team: Team, management: str, body: dict[str, Any], error: str
) -> None:
    before = (ApiKey.objects.count(), RedirectUri.objects.count())
    refused(register(client, management, **body), 400, error)
    assert (ApiKey.objects.count(), RedirectUri.objects.count()) == before


def test_only_a_management_key_registers(client: Client, team: Team, live_keys: tuple[str, str]) -> None:
    before = ApiKey.objects.count()
    for key in ("", "x", team.secret_key, team.publishable_key, live_keys[1], "mk_test_" + "A" * 43):
        answer = register(client, key, redirect_uris=[URI])
        assert key == "" or key not in refused(answer, 401, "invalid_token")
        assert answer["WWW-Authenticate"].startswith("Bearer ")
    assert ApiKey.objects.count() == before


def test_a_live_key_registers_in_live(client: Client, team: Team, live_keys: tuple[str, str]) -> None:
    live = issue_api_key(application=team.application, mode=Mode.LIVE, kind=KeyKind.MANAGEMENT, by=SYSTEM).value
    found = read(register(client, live, redirect_uris=[URI]), 201)
    assert found["client_id"].startswith("pk_live_")
    assert RedirectUri.objects.filter(uri=URI, mode="live").exists()
    loopback = {"redirect_uris": ["http://localhost:3000/callback"]}
    refused(register(client, live, **loopback), 400, "invalid_redirect_uri")
