"""`Idempotency-Key`: once, whatever the number of requests; never a secret kept."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.applications.authentication import KeyAccess
from apps.applications.idempotency import RUNNING_FOR, claim, purge_idempotency_records
from apps.applications.keys import Mode
from apps.applications.models import ApiKey, IdempotencyRecord
from apps.audit.events import SYSTEM
from apps.destinations.models import Destination
from portal.api_urls import urlpatterns

from .conftest import ROLE_ARN, World

FIELDS = {"name": "New", "bucket": "clinic-new", "region": "us-east-1", "role_arn": ROLE_ARN}


def test_a_repeat_answers_the_first_answer_and_does_nothing(world: World) -> None:
    first = world.care.api().post("keys", {"kind": "publishable"}, key="one")
    again = world.care.api().post("keys", {"kind": "publishable"}, key="one")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert ApiKey.objects.filter(application=world.care.application, mode="test", kind="publishable").count() == 3


def test_a_repeat_of_a_secret_answer_is_200_without_the_secret(world: World) -> None:
    first = world.care.api().post("destinations", FIELDS, key="one")
    again = world.care.api().post("destinations", dict(reversed(FIELDS.items())), key="one")
    assert again.status_code == 200
    expected = {name: value for name, value in first.json().items() if name != "external_id"}
    assert again.json() == {**expected, "secret_already_shown": True}
    assert Destination.objects.filter(name="New").count() == 1


def test_no_stored_answer_holds_a_secret(world: World) -> None:
    destination = world.care.api().post("destinations", FIELDS, key="one").json()
    key = world.care.api().post("keys", {"kind": "secret"}, key="two").json()
    with connection.cursor() as cursor:
        cursor.execute("SELECT r::text FROM applications_idempotencyrecord r")
        stored = " ".join(row[0] for row in cursor.fetchall())
    assert destination["id"] in stored
    assert destination["external_id"] not in stored
    assert key["value"] not in stored


def test_another_body_under_the_same_key_is_422(world: World) -> None:
    world.care.api().post("destinations", FIELDS, key="one")
    answer = world.care.api().post("destinations", {**FIELDS, "name": "Other"}, key="one")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert world.care.api().post("keys", FIELDS, key="one").status_code == 422


def test_the_same_key_in_another_mode_or_application_is_another_key(world: World) -> None:
    for scope in (world.care, world.care_live, world.other):
        assert scope.api().post("destinations", FIELDS, key="one").status_code == 201


def test_a_refused_request_leaves_its_key_free(world: World) -> None:
    assert world.care.api().post("destinations", {**FIELDS, "region": "mars"}, key="one").status_code == 400
    assert world.care.api().post("destinations", FIELDS, key="one").status_code == 201


def test_a_repeat_needs_the_scope_like_the_first(world: World) -> None:
    world.care.api().post("destinations", FIELDS, key="one")
    assert world.care.api(world.care.secret).post("destinations", FIELDS, key="one").status_code == 403


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\there", "é"])
def test_a_key_that_is_no_key_is_400(world: World, key: str) -> None:
    answer = world.care.api().post("destinations", FIELDS, key=key)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


def test_after_a_day_the_key_is_free_and_the_record_is_purged(world: World) -> None:
    world.care.api().post("destinations", FIELDS, key="one")
    now = timezone.now()
    assert purge_idempotency_records(now=now + dt.timedelta(hours=23)) == 0
    IdempotencyRecord.objects.update(expires_at=now - dt.timedelta(seconds=1))
    assert (
        world.care.api().post("destinations", {**FIELDS, "name": "Second", "prefix": "two/"}, key="one").status_code
        == 201
    )
    assert purge_idempotency_records(now=now + dt.timedelta(hours=25)) == 1


def test_while_the_first_runs_a_repeat_is_409_and_a_dead_one_is_taken_over(world: World) -> None:
    access = KeyAccess(
        application=world.care.application, mode=Mode.TEST, scopes=frozenset(), actor=SYSTEM, holder="A test"
    )
    now = timezone.now()
    assert world.care.api().post("keys", {"kind": "publishable"}, key="other").status_code == 201
    done = IdempotencyRecord.objects.get(key="other")
    running = claim(access=access, key="one", request_sha256=done.request_sha256, now=now)
    assert running.status is None
    answer = world.care.api().post("keys", {"kind": "publishable"}, key="one")
    assert (answer.status_code, answer.json()["code"]) == (409, "still_running")
    IdempotencyRecord.objects.filter(pk=running.pk).update(created_at=now - RUNNING_FOR)
    assert world.care.api().post("keys", {"kind": "publishable"}, key="one").status_code == 201


def test_every_post_of_the_api_honours_the_header() -> None:
    found = 0
    for pattern in urlpatterns:
        view: Any = pattern.callback
        actions: dict[str, str] = getattr(view, "actions", None) or {}
        if "post" in actions:
            assert getattr(getattr(view.cls, actions["post"]), "is_idempotent", False), pattern
            found += 1
    assert found >= 18
