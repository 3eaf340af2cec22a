"""Who gets in: keys of every kind, ended and broken ones, and what each scope opens."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from apps.applications.keys import KeyKind, Scope, new_key
from apps.applications.models import ApiKey
from apps.applications.services import end_api_key
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent

from .conftest import Api, World

NEEDED = "Send a management key"
WRITES = {
    ("POST", "destinations"): Scope.DESTINATIONS_WRITE,
    ("PATCH", "destinations/{destination}"): Scope.DESTINATIONS_WRITE,
    ("DELETE", "destinations/{destination}"): Scope.DESTINATIONS_WRITE,
    ("POST", "destinations/{destination}/test"): Scope.DESTINATIONS_WRITE,
    ("POST", "destinations/{destination}/enable"): Scope.DESTINATIONS_WRITE,
    ("POST", "destinations/{destination}/disable"): Scope.DESTINATIONS_WRITE,
    ("POST", "destinations/{destination}/rotate-external-id"): Scope.DESTINATIONS_WRITE,
    ("POST", "destinations/{destination}/backfill"): Scope.DESTINATIONS_WRITE,
    ("POST", "deliveries/{delivery}/retry"): Scope.DELIVERIES_REPLAY,
    ("POST", "deliveries/{delivery}/replay"): Scope.DELIVERIES_REPLAY,
    ("POST", "deliveries/retry"): Scope.DELIVERIES_REPLAY,
    ("POST", "deliveries/replay"): Scope.DELIVERIES_REPLAY,
    ("POST", "authorizations/{authorization}/sync"): Scope.AUTHORIZATIONS_WRITE,
    ("POST", "authorizations/{authorization}/revoke"): Scope.AUTHORIZATIONS_WRITE,
    ("POST", "keys"): Scope.KEYS_WRITE,
    ("POST", "keys/{key}/roll"): Scope.KEYS_WRITE,
    ("POST", "keys/{key}/end"): Scope.KEYS_WRITE,
}


def path_of(world: World, path: str) -> str:
    care = world.care
    return path.format(
        destination=care.destination.pk,
        delivery=care.delivery.pk,
        authorization=care.authorization.pk,
        key=care.key.pk,
    )


def refusal(authorization: str | None) -> tuple[str, str]:
    """Return detail and challenge of the 401 that this header gets."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = Client().get("/api/v1/keys", headers=headers)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    return answer.json()["detail"], answer["WWW-Authenticate"]


@pytest.mark.django_db
def test_no_key_is_401_that_says_what_to_send() -> None:
    detail, challenge = refusal(None)
    assert detail.startswith("No key was sent.")
    assert NEEDED in detail
    assert challenge.startswith("Bearer")


@pytest.mark.django_db
def test_another_scheme_is_401_and_is_not_repeated() -> None:
    detail, _ = refusal("Basic c2VjcmV0OnNlY3JldA==")
    assert "another scheme" in detail
    assert "c2Vj" not in detail


@pytest.mark.django_db
@pytest.mark.parametrize("value", ["", "nonsense", "mk_prod_" + "a" * 43, "mk_test_short", "mk_test_" + "é" * 43])
def test_a_malformed_key_is_401_and_is_not_repeated(value: str) -> None:
    detail, _ = refusal(f"Bearer {value}")
    assert "not a key of the form" in detail
    assert not value or value not in detail


def test_a_publishable_key_is_401_that_names_its_kind(world: World) -> None:
    detail, _ = refusal(f"Bearer {world.care.publishable}")
    assert detail.startswith("A key of the form pk_test_… was sent: a publishable key")
    assert world.care.publishable not in detail


@pytest.mark.django_db
def test_a_key_that_we_never_issued_is_401_that_names_kind_and_mode() -> None:
    from apps.applications.keys import Mode

    value = new_key(KeyKind.MANAGEMENT, Mode.LIVE)
    detail, _ = refusal(f"Bearer {value}")
    assert detail.startswith("A key of the form mk_live_… was sent; no live key here")
    assert value not in detail


def test_a_key_with_the_word_of_another_mode_is_401(world: World) -> None:
    detail, _ = refusal(f"Bearer {world.care.management.replace('mk_test', 'mk_live')}")
    assert "no live key here" in detail


def test_an_ended_key_is_401_that_says_when_it_ended(world: World) -> None:
    end_api_key(api_key=world.care.key, by=SYSTEM, now=timezone.now() - dt.timedelta(days=1))
    detail, _ = refusal(f"Bearer {world.care.management}")
    assert "it ended at" in detail


def test_a_request_notes_the_use_of_its_key(world: World) -> None:
    assert world.care.key.last_used_at is None
    world.care.api().get("keys")
    assert world.care.key.last_used_at is not None
    assert world.care.key.last_used_ip == "127.0.0.1"


def test_a_write_is_audited_with_the_key_as_actor(world: World) -> None:
    answer = world.care.api().send("PATCH", f"destinations/{world.care.destination.pk}", {"name": "Ocean"})
    event = AuditEvent.objects.get(action="destination.changed")
    assert (event.actor_kind, event.actor_id) == ("key", str(world.care.key.pk))
    assert event.request_id == answer["X-Request-Id"]
    assert event.ip == "127.0.0.1"


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_a_secret_key_may_not_write_and_hears_which_scope_is_missing(world: World, method: str, path: str) -> None:
    answer = world.care.api(world.care.secret).send(method, path_of(world, path), {})
    assert answer.status_code == 403
    body = answer.json()
    assert body["code"] == "missing_scope"
    assert f"needs the scope {WRITES[method, path]}." in body["detail"]
    assert "records:read" in body["detail"]
    assert "Use a management key (mk_test_…)" in body["detail"]
    assert world.care.secret not in answer.content.decode()


@pytest.mark.parametrize("missing", sorted(set(WRITES.values())))
def test_each_write_needs_its_own_scope_and_no_other(world: World, missing: Scope) -> None:
    key = world.care.key
    ApiKey.objects.filter(pk=key.pk).update(scopes=[scope for scope in key.scopes if scope != missing])
    for (method, path), scope in WRITES.items():
        if path.endswith(("/end", "/roll")) and scope != missing:
            continue  # would end the very key that asks
        answer = world.care.api().send(method, path_of(world, path), {"unknown": 1})
        refused = answer.status_code == 403 and answer.json()["code"] == "missing_scope"
        assert refused == (scope == missing), (method, path, answer.status_code)


def test_a_key_without_records_read_reads_nothing(world: World) -> None:
    ApiKey.objects.filter(pk=world.care.key.pk).update(scopes=["destinations:write"])
    for name in (
        "keys",
        "endpoints",
        "destinations",
        "deliveries",
        "authorizations",
        "sync-jobs",
        "audit-events",
    ):
        assert world.care.api().get(name).status_code == 403, name


def test_below_the_scope_a_key_is_refused_even_with_the_right_mode(world: World) -> None:
    base = world.care.session(world.stranger).base
    answer = Api(Client(), base, {"Authorization": f"Bearer {world.care.management}"}).get("keys")
    assert answer.status_code == 401
    assert "send keys to /api/v1/" in answer.json()["detail"]
