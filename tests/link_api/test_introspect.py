"""`GET /link/introspect`. Source: wire contract 3d, C3, C4, C5; records-api seed, introspect."""

from __future__ import annotations

import base64
import datetime as dt
import json

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from apps.authorizations.models import AccessToken
from tests.authorizations.journey import exchange, sign_in
from tests.flows import world
from tests.flows.world import Team

from .wire import SUPPORTED, read, refused

pytestmark = pytest.mark.django_db
INTROSPECT = "/link/introspect"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_introspect_answers_every_field(client: Client, team: Team, payer_url: str) -> None:
    signed_in = sign_in(team, payer_url, external_id="1234567890")
    now = timezone.now()
    issued = exchange(team, signed_in, now=now)
    found = read(client.get(INTROSPECT, headers=bearer(issued.access_token)))
    token, authorization = AccessToken.objects.get(), issued.authorization
    until = found.pop("timeUntilMaxAuth")
    assert isinstance(until, int)
    assert found == {
        "jti": str(token.jti),
        "iat": int(now.timestamp()),
        "exp": int(now.timestamp()) + 86400,
        "active": True,
        "iss": "http://localhost:8000",
        "aud": "http://localhost:8000",
        "sub": str(authorization.pk),
        "patient": f"Patient/{authorization.destination_patient_id}",
        "client_id": str(team.application.pk),
        "user": {"externalId": "1234567890"},
        "state": "EXCHANGED",
        "usage": "MULTIPLE",
        "consent_id": str(signed_in.consent.pk),
        "patient_authorizations": [str(authorization.pk)],
        "endpoint": {
            "id": "a5c22966-244d-4f36-b43a-4d4a619f89cc",
            "label": ["FooMedical"],
            "name": "flexpa-sandbox",
            "refreshable": True,
        },
        "sync": {"resourceTypes": dict.fromkeys(SUPPORTED, 0), "state": "WAITING", "lastSyncedAt": None},
    }


@pytest.mark.django_db(transaction=True)
def test_introspect_after_a_sync_counts_what_is_visible(client: Client, team: Team, payer_url: str) -> None:
    signed_in = sign_in(team, payer_url)
    issued = exchange(team, signed_in)
    before = int(timezone.now().timestamp())
    job = world.sync(signed_in.authorization)
    sync = read(client.get(INTROSPECT, headers=bearer(issued.access_token)))["sync"]
    assert sync["state"] == "COMPLETED"
    assert isinstance(sync["lastSyncedAt"], int)
    assert before <= sync["lastSyncedAt"] <= int(timezone.now().timestamp())
    assert set(SUPPORTED) <= set(sync["resourceTypes"])
    assert {name: count for name, count in sync["resourceTypes"].items() if count} == job.resource_counts
    assert sync["resourceTypes"]["Patient"] == 1
    assert 0 in sync["resourceTypes"].values()


def test_expired_revoked_and_ended_tokens_are_the_same_401(client: Client, team: Team, payer_url: str) -> None:
    day = dt.timedelta(days=1, seconds=1)
    expired = exchange(team, sign_in(team, payer_url, now=timezone.now() - day), now=timezone.now() - day)
    revoked = exchange(team, sign_in(team, payer_url, external_id="user-2"))
    AccessToken.objects.filter(consent=revoked.authorization.consent).update(revoked_at=timezone.now())
    ended = exchange(team, sign_in(team, payer_url, external_id="user-3"))
    type(ended.authorization).objects.filter(pk=ended.authorization.pk).update(purge_at=timezone.now())
    answers = [client.get(INTROSPECT, headers=bearer(each.access_token)) for each in (expired, revoked, ended)]
    for answer in answers:
        assert read(answer, 401) == {
            "statusCode": 401,
            "error": "Unauthorized",
            "message": "Invalid access token",
            "error_description": "Invalid access token",
        }
        assert answer["WWW-Authenticate"].startswith("Bearer ")


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_forged_tokens_are_401(client: Client, team: Team, payer_url: str) -> None:
    token = exchange(team, sign_in(team, payer_url)).access_token
    header, claims, signature = token.split(".")
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    other = part({**json.loads(base64.urlsafe_b64decode(claims + "==")), "jti": "0"})
    deep = base64.urlsafe_b64encode(b"[" * 5000).rstrip(b"=").decode()
    forged = [
        "x", "a.b.c", f"{header}.{claims}.", f"{header}.{other}.{signature}", token + "x",
        f"{part({'alg': 'none'})}.{claims}.", f"{part({'alg': 'HS256', 'kid': kid})}.{claims}.{signature}",
        f"{part({'alg': 'ES256', 'kid': 'nobody'})}.{claims}.{signature}",
        f"{part({'alg': 'ES256', 'kid': 7})}.{claims}.{signature}",
        f"{part({'alg': 'ES256', 'kid': []})}.{claims}.{signature}",
        f"{part([])}.{claims}.{signature}",
        f"{part({'alg': 'ES256', 'kid': kid, 'crit': ['b64'], 'b64': False})}.{claims}.{signature}",
        f"{part({'alg': 'ES256', 'kid': kid, 'zip': 'DEF'})}.{claims}.{signature}", f"{deep}.{claims}.{signature}",
        f"{header}.{deep}.{signature}", team.secret_key, "\xe9",
    ]  # fmt: skip
    for each in forged:
        assert refused(client.get(INTROSPECT, headers=bearer(each)), 401, "Unauthorized") == "Invalid access token"
    for header_value in (token, f"Basic {token}", "Bearer", "Bearer ", ""):
        answer = client.get(INTROSPECT, headers={"Authorization": header_value})
        message = refused(answer, 401, "Unauthorized")
        assert message == "No access token was sent: send Authorization: Bearer <the patient's access token>."
        assert answer["WWW-Authenticate"] == 'Bearer realm="link"'  # RFC 6750 3.1: no error code without a token
    read(client.get(INTROSPECT, headers={"Authorization": f"bearer {token}"}))


LEAF = st.none() | st.integers() | st.text()
JSON = st.recursive(LEAF, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
HEADER: st.SearchStrategy[dict[str, object]] = st.dictionaries(
    st.sampled_from(["alg", "kid", "typ", "crit", "b64", "enc", "jwk"]),
    st.sampled_from(["ES256", "none", 1, None, []]),
)
SEGMENT = st.one_of(
    st.binary(max_size=30).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
    JSON.map(part),
    HEADER.map(part),
    st.text("abc=_-.é", max_size=10),
)


@given(segments=st.lists(SEGMENT, min_size=1, max_size=5))
@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bearer_text_makes_introspect_fail(client: Client, segments: list[str]) -> None:
    answer = client.get(INTROSPECT, headers=bearer(".".join(segments)))
    refused(answer, 401, "Unauthorized")
