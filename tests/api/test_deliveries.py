"""Retry and replay by API, one by one and many at once."""

from __future__ import annotations

import uuid

import pytest
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import BulkAction, Delivery, Destination
from apps.destinations.services import run_next_bulk_item

from .conftest import World, make_delivery, make_sync_job


def switch_on(destination: Destination) -> None:
    """Tested, then enabled: the database takes no shorter way."""
    row = Destination.objects.filter(pk=destination.pk)
    row.update(state="READY", tested_version=F("config_version"))
    row.update(state="ENABLED")


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
    answer = world.care.api().post(f"deliveries/{world.care.delivery.pk}/replay")
    made = answer.json()
    assert answer.status_code == 201
    assert (made["kind"], made["replay_of_id"]) == ("replay", str(world.care.delivery.pk))
    assert made["object_key"] != world.care.delivery.object_key
    assert made["id"] != str(world.care.delivery.pk)


def test_a_replay_of_purged_data_is_410_and_makes_nothing(world: World) -> None:
    purge(world)
    answer = world.care.api().post(f"deliveries/{world.care.delivery.pk}/replay")
    assert (answer.status_code, answer.json()["code"]) == (410, "data_purged")
    assert Delivery.objects.filter(kind="replay").count() == 0


# -- many at once ------------------------------------------------------------------------------------
def purge(world: World) -> None:
    rows = PatientAuthorization.objects.filter(pk=world.care.authorization.pk)
    rows.update(purge_at=timezone.now(), purged_at=timezone.now())


def failed_deliveries(world: World, number: int) -> list[Delivery]:
    care = world.care
    return [
        make_delivery(care.destination, care.authorization, care.sync_job, kind="replay", state="FAILED",
                      delivered_at=None, error_code="AccessDenied")
        for _ in range(number)
    ]  # fmt: skip


def work_off() -> None:
    while run_next_bulk_item():
        pass


def test_replay_of_all_that_match_takes_exactly_those(world: World) -> None:
    failed = failed_deliveries(world, 5)
    answer = world.care.api().post("deliveries/replay", {"filter": {"state": "FAILED"}})
    begun = answer.json()
    assert answer.status_code == 202
    assert (begun["action"], begun["state"], begun["delivery_count"]) == ("replay", "PENDING", 5)
    assert begun["filter"] == {"state": ["FAILED"]}
    failed_deliveries(world, 1)  # too late to be meant
    work_off()
    ended = world.care.api().get(f"bulk-actions/{begun['id']}").json()
    assert (ended["state"], ended["done_count"], ended["skipped_count"]) == ("COMPLETED", 5, 0)
    items = world.care.api().get(f"bulk-actions/{begun['id']}/items").json()["data"]
    assert [row["delivery_id"] for row in items] == [str(each.pk) for each in failed]
    made = Delivery.objects.filter(pk__in=[row["new_delivery_id"] for row in items])
    assert {each.replay_of_id for each in made} == {each.pk for each in failed}
    own = world.care.api().get("deliveries", {"bulk_action_id": begun["id"]}).json()["data"]
    assert {row["id"] for row in own} == {row["new_delivery_id"] for row in items}


def test_replay_of_named_ones_takes_each_once(world: World) -> None:
    ids = [str(each.pk) for each in failed_deliveries(world, 2)]
    begun = world.care.api().post("deliveries/replay", {"delivery_ids": [*ids, *ids]}).json()
    assert (begun["delivery_count"], begun["filter"]) == (2, None)
    work_off()
    assert Delivery.objects.filter(replay_of__in=[uuid.UUID(each) for each in ids]).count() == 2


def test_what_cannot_be_done_is_skipped_and_says_why(world: World) -> None:
    switch_on(world.care.destination)
    failed = failed_deliveries(world, 1)
    begun = world.care.api().post("deliveries/retry", {"filter": {}}).json()
    work_off()
    items = world.care.api().get(f"bulk-actions/{begun['id']}/items").json()["data"]
    by_id = {row["delivery_id"]: row for row in items}
    assert by_id[str(failed[0].pk)]["state"] == "DONE"
    assert by_id[str(world.care.delivery.pk)] == {
        "number": 1,
        "delivery_id": str(world.care.delivery.pk),
        "state": "SKIPPED",
        "code": "illegal_transition",
        "message": "DELIVERED cannot become RETRYING.",
        "new_delivery_id": None,
    }
    failed[0].refresh_from_db()
    assert failed[0].state == "RETRYING"


def test_purged_data_is_skipped_by_a_replay_of_many(world: World) -> None:
    purge(world)
    begun = world.care.api().post("deliveries/replay", {"filter": {}}).json()
    work_off()
    items = world.care.api().get(f"bulk-actions/{begun['id']}/items").json()["data"]
    assert {row["code"] for row in items} == {"data_purged"}
    assert not Delivery.objects.filter(kind="replay").exists()


def test_a_key_makes_one_bulk_action_however_often_it_is_sent(world: World) -> None:
    body = {"filter": {"state": ["DELIVERED"]}}
    first = world.care.api().post("deliveries/replay", body, key="again")
    second = world.care.api().post("deliveries/replay", body, key="again")
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json() == second.json()
    assert BulkAction.objects.filter(mode="test").count() == 1


def test_a_filter_that_matches_nothing_ends_at_once(world: World) -> None:
    begun = world.care.api().post("deliveries/retry", {"filter": {"error_code": "NoSuchThing"}}).json()
    assert (begun["state"], begun["delivery_count"]) == ("COMPLETED", 0)


def test_more_than_one_action_takes_is_409_and_makes_nothing(world: World, settings: Settings) -> None:
    settings.BULK_ACTION_DELIVERIES = 2
    failed_deliveries(world, 3)
    answer = world.care.api().post("deliveries/replay", {"filter": {"state": "FAILED"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_deliveries")
    assert not BulkAction.objects.exists()


def test_deliveries_of_elsewhere_are_404_and_no_filter_reaches_them(world: World) -> None:
    for scope in (world.care_live, world.other):
        answer = world.care.api().post("deliveries/replay", {"delivery_ids": [str(scope.delivery.pk)]})
        assert answer.status_code == 404
    begun = world.care.api().post("deliveries/replay", {"filter": {}}).json()
    items = BulkAction.objects.get(pk=begun["id"]).items.values_list("delivery_id", flat=True)
    assert list(items) == [world.care.delivery.pk]


def test_each_event_of_a_bulk_action_names_who_asked_and_no_user(world: World) -> None:
    user = world.care.delivery.external_id
    world.care.api().post("deliveries/replay", {"filter": {"external_id": user}})
    work_off()
    events = AuditEvent.objects.filter(action__in=["bulk_action.started", "delivery.replayed", "bulk_action.completed"])
    assert [event.action for event in events.order_by("id")] == [
        "bulk_action.started", "delivery.replayed", "bulk_action.completed",
    ]  # fmt: skip
    assert {event.actor_label for event in events} == {str(world.care.key)}
    assert events.order_by("id")[0].detail == {"verb": "replay", "deliveries": 1, "filtered_by": ["external_id"]}
    assert not any(user in str(event.detail) for event in events)


@pytest.mark.parametrize("verb", ["retry", "replay"])
@pytest.mark.parametrize("body", [{}, {"delivery_ids": [str(uuid.uuid4())], "filter": {}}], ids=["none", "both"])
def test_one_of_the_two_ways_must_be_taken_and_both_are_named(world: World, verb: str, body: object) -> None:
    answer = world.care.api().post(f"deliveries/{verb}", body)
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {"delivery_ids", "filter"}


@pytest.mark.parametrize("verb", ["retry", "replay"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"delivery_ids": []}, "delivery_ids"),
        ({"delivery_ids": ["no-uuid"]}, "delivery_ids.0"),
        ({"delivery_ids": "text"}, "delivery_ids"),
        ({"delivery_ids": None}, "delivery_ids"),
        ({"filter": "state=FAILED"}, "filter"),
        ({"filter": {"sort": "bytes"}}, "filter.sort"),
        ({"filter": {"state": "NOPE"}}, "filter.state"),
        ({"filter": {"state": 3}}, "filter.state"),
        ({"filter": {"state": []}}, "filter.state"),
        ({"filter": {"kind": ["live", None]}}, "filter.kind"),
        ({"filter": {"created_after": "yesterday"}}, "filter.created_after"),
        ({"filter": {"object_key__contains": "x"}}, "filter.object_key__contains"),
    ],
)
def test_a_bad_body_is_400_and_says_where(world: World, verb: str, body: object, field: str) -> None:
    answer = world.care.api().post(f"deliveries/{verb}", body)
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} == {field}
