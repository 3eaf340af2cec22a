"""Retry and replay by API."""

from __future__ import annotations

import uuid

import pytest
from django.db.models import F
from django.utils import timezone

from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery, Destination

from .conftest import Json, World, make_delivery, make_sync_job


def switch_on(destination: Destination) -> None:
    """Tested, then enabled: the database takes no shorter way."""
    row = Destination.objects.filter(pk=destination.pk)
    row.update(state="READY", tested_version=F("config_version"))
    row.update(state="ENABLED")


def replay(world: World, *ids: object) -> tuple[int, Json]:
    answer = world.care.api().post("deliveries/replay", {"delivery_ids": [str(each) for each in ids]})
    return answer.status_code, answer.json()


def test_a_failed_delivery_is_retried_in_the_same_row_with_the_same_key(world: World) -> None:
    care = world.care
    job = make_sync_job(care.authorization, seq=2)
    failed = make_delivery(care.destination, care.authorization, job, state="FAILED", delivered_at=None)
    switch_on(care.destination)
    body = care.api().post(f"deliveries/{failed.pk}/retry").json()
    assert (body["state"], body["id"]) == ("RETRYING", str(failed.pk))
    assert body["object_key"] == failed.object_key
    assert body["next_attempt_at"] is not None


def test_a_retry_waits_for_a_destination_that_is_off(world: World) -> None:
    care = world.care
    job = make_sync_job(care.authorization, seq=2)
    failed = make_delivery(care.destination, care.authorization, job, state="FAILED", delivered_at=None)
    assert care.api().post(f"deliveries/{failed.pk}/retry").json()["state"] == "HELD"


def test_a_delivered_delivery_cannot_be_retried(world: World) -> None:
    answer = world.care.api().post(f"deliveries/{world.care.delivery.pk}/retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert answer.json()["detail"] == "DELIVERED cannot become RETRYING."


def test_a_replay_is_a_new_row_with_a_new_key(world: World) -> None:
    status, body = replay(world, world.care.delivery.pk)
    assert status == 201
    (made,) = body["data"]
    assert (made["kind"], made["replay_of_id"]) == ("replay", str(world.care.delivery.pk))
    assert made["object_key"] != world.care.delivery.object_key
    assert made["id"] != str(world.care.delivery.pk)


def test_a_delivery_and_its_replay_are_replayed_together_under_two_keys(world: World) -> None:
    _, body = replay(world, world.care.delivery.pk)
    first = body["data"][0]["id"]
    status, body = replay(world, world.care.delivery.pk, first, world.care.delivery.pk)
    assert status == 201
    assert [row["replay_of_id"] for row in body["data"]] == [str(world.care.delivery.pk), first]


def test_a_replay_of_purged_data_is_410_and_makes_nothing(world: World) -> None:
    PatientAuthorization.objects.filter(pk=world.care.authorization.pk).update(
        purge_at=timezone.now(), purged_at=timezone.now()
    )
    status, body = replay(world, world.care.delivery.pk)
    assert (status, body["code"]) == (410, "data_purged")
    assert Delivery.objects.filter(kind="replay").count() == 0


@pytest.mark.parametrize("ids", [[], ["no-uuid"], [str(uuid.uuid4())] * 101, "text", None])
def test_a_bad_list_of_ids_is_400(world: World, ids: object) -> None:
    answer = world.care.api().post("deliveries/replay", {"delivery_ids": ids})
    assert answer.status_code == 400
    assert all(error["field"].startswith("delivery_ids") for error in answer.json()["errors"])
