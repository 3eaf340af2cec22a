"""Pages of deliveries, of many at once and of sync jobs: what they say, and what their buttons do."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.destinations.models import BulkAction, Delivery
from apps.destinations.services import run_next_bulk_item
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role
from tests.factories import World, client_of, make_delivery, make_sync_job


def text_of(client: Client, world: World, path: str) -> str:
    answer = client.get(world.base("test") + path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def made(world: World, state: str, **fields: object) -> Delivery:
    furniture = world.test
    delivery = make_delivery(furniture.destination, make_sync_job(furniture.authorization), state=state)
    Delivery.objects.filter(pk=delivery.pk).update(**fields)
    delivery.refresh_from_db()
    return delivery


# -- the list -------------------------------------------------------------------------------------------
def test_retrying_row_says_which_try_and_when_it_gives_up(acme: World, owner: Client) -> None:
    today = timezone.now().replace(hour=14, minute=32)
    far = dt.datetime(2027, 1, 24, 14, 2, tzinfo=dt.UTC)
    made(acme, "RETRYING", attempts=6, next_attempt_at=today, give_up_at=far)
    assert "Try 7, next 14:32 UTC, gives up 24 Jan 14:02 UTC" in plain(text_of(owner, acme, "deliveries/")).replace(
        " ,", ","
    )


def test_failed_row_carries_its_code_and_the_code_is_a_filter(acme: World, owner: Client) -> None:
    made(acme, "FAILED", error_code="NoSuchBucket")
    text = text_of(owner, acme, "deliveries/")
    assert '<span class="second bad">NoSuchBucket</span>' in text
    assert "?error_code=NoSuchBucket" in text
    assert "1 row matches" in text_of(owner, acme, "deliveries/?error_code=NoSuchBucket")


def test_list_asks_the_same_number_of_queries_for_one_row_and_for_many(
    acme: World, owner: Client, django_assert_max_num_queries: object
) -> None:
    for _ in range(24):
        made(acme, "DELIVERED")
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        text_of(owner, acme, "deliveries/?state=DELIVERED")
    assert len(text_of(owner, acme, "deliveries/").encode()) < 60_000


def test_viewer_gets_no_ticks_and_no_buttons(acme: World) -> None:
    text = text_of(client_of(acme.people[Role.VIEWER]), acme, "deliveries/")
    assert "retry-many" not in text
    assert 'form="ticked"' not in text


# -- many at once ---------------------------------------------------------------------------------------
def test_replay_of_all_that_match_shows_the_count_first_and_then_its_progress(acme: World, owner: Client) -> None:
    for _ in range(3):
        made(acme, "DELIVERED")
    address = acme.base("test") + "deliveries/replay-many/?state=DELIVERED"
    asked = owner.get(address).content.decode()
    assert "<bdi>Replay 3 deliveries</bdi>" in asked
    (seen,) = re.findall(r'name="seen" value="(\w+)"', asked)
    answer = owner.post(address, {"seen": seen})
    action = BulkAction.objects.get(state="PENDING")
    assert answer.headers["Location"].endswith(f"/bulk-actions/{action.pk}/")
    path = f"bulk-actions/{action.pk}/"
    assert "data-live" in text_of(owner, acme, path)
    assert run_next_bulk_item()
    assert '<progress value="1" max="3"' in text_of(owner, acme, path)
    while run_next_bulk_item():
        pass
    ended = text_of(owner, acme, path)
    assert "3 replayed, 0 skipped, of 3." in ended
    assert "data-live" not in ended
    assert f"?bulk_action_id={action.pk}" in ended
    assert "3 rows match" in text_of(owner, acme, f"deliveries/?bulk_action_id={action.pk}")


def test_set_that_changed_since_it_was_seen_is_shown_again_and_nothing_begins(acme: World, owner: Client) -> None:
    made(acme, "DELIVERED")
    address = acme.base("test") + "deliveries/replay-many/?state=DELIVERED"
    (seen,) = re.findall(r'name="seen" value="(\w+)"', owner.get(address).content.decode())
    made(acme, "DELIVERED")
    before = BulkAction.objects.count()
    answer = owner.post(address, {"seen": seen}).content.decode()
    assert "The list has changed since you looked" in answer
    assert "<bdi>Replay 2 deliveries</bdi>" in answer
    assert BulkAction.objects.count() == before


def test_ticked_ones_are_taken_and_foreign_ones_are_not(acme: World, owner: Client) -> None:
    mine, theirs = made(acme, "FAILED"), acme.live.delivery
    address = acme.base("test") + f"deliveries/retry-many/?id={mine.pk}&id={theirs.pk}"
    asked = owner.get(address).content.decode()
    assert "<bdi>Retry 1 delivery</bdi>" in asked
    (seen,) = re.findall(r'name="seen" value="(\w+)"', asked)
    owner.post(address, {"seen": seen})
    action = BulkAction.objects.get(verb="retry")
    assert list(action.items.values_list("delivery", flat=True)) == [mine.pk]


def test_skipped_ones_are_listed_with_their_reason(acme: World, owner: Client) -> None:
    done = made(acme, "DELIVERED")
    address = acme.base("test") + f"deliveries/retry-many/?id={done.pk}"
    (seen,) = re.findall(r'name="seen" value="(\w+)"', owner.get(address).content.decode())
    owner.post(address, {"seen": seen})
    while run_next_bulk_item():
        pass
    text = text_of(owner, acme, f"bulk-actions/{BulkAction.objects.get(verb='retry').pk}/")
    assert "DELIVERED cannot become RETRYING." in text
    assert f"/deliveries/{done.pk}/" in text


@pytest.mark.parametrize("query", ["?id=42", "?object_key__contains=x", "?state=NOPE"])
def test_set_that_cannot_be_read_is_400(query: str, acme: World, owner: Client) -> None:
    assert owner.get(f"{acme.base('test')}deliveries/replay-many/{query}").status_code == 400


def test_more_than_one_action_takes_leads_back_with_words(acme: World, owner: Client, settings: Settings) -> None:
    settings.BULK_ACTION_DELIVERIES = 1
    made(acme, "FAILED")
    answer = owner.get(acme.base("test") + "deliveries/retry-many/?state=FAILED", follow=True)
    assert "More than 1 deliveries match" in answer.content.decode()


# -- one delivery -----------------------------------------------------------------------------------------
def test_delivery_shows_each_attempt_newest_open_and_whose_turn_it_is(acme: World, owner: Client) -> None:
    failed = made(acme, "FAILED")
    first = failed.attempt_rows.get()
    failed.attempt_rows.create(
        number=2, started_at=first.started_at, milliseconds=1500, succeeded=False, stage="assume_role",
        code="AccessDenied", message="AWS refused.", owner="customer", request_id="REQ-2", config_version=4,
        worker="w:1",
    )  # fmt: skip
    text = text_of(owner, acme, f"deliveries/{failed.pk}/")
    assert re.findall(r'<details class="attempt"( open)?><summary><strong>Attempt (\d)', text) == [
        (" open", "2"),
        ("", "1"),
    ]
    words = plain(text)
    for expected in (
        "Assuming your role", "You, in your AWS account", "REQ-2", "Version 4 of the destination", "1.5 s", "w:1",
    ):  # fmt: skip
        assert expected in words
    assert failed.object_key in text
    assert "Not kept: the object itself" in words


def test_delivered_one_offers_a_replay_and_lists_those_that_were_made(acme: World, owner: Client) -> None:
    done = made(acme, "DELIVERED")
    page = f"deliveries/{done.pk}/"
    assert "under a new object key" in plain(text_of(owner, acme, page))
    owner.post(f"{acme.base('test')}{page}replay/")
    replay = Delivery.objects.get(replay_of=done)
    assert f"/deliveries/{replay.pk}/" in text_of(owner, acme, page)
    assert f"/deliveries/{done.pk}/" in text_of(owner, acme, f"deliveries/{replay.pk}/")


# -- sync jobs ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("reason", ["forbidden", "failed", "cut", "short", "shrunk", "not-offered"])
def test_every_gap_is_told_in_plain_words(reason: str, acme: World, owner: Client) -> None:
    gap = {"type": "CareTeam", "reason": reason, "code": "c-1", "message": "The source said no.", "page": 3}
    SyncJob.objects.filter(pk=acme.test.sync_job.pk).update(gaps=[gap])
    words = plain(text_of(owner, acme, f"sync-jobs/{acme.test.sync_job.pk}/"))
    assert "The source said no." in words
    assert "is kept" in words
    assert f" {reason} " not in words.replace("Test connection", "")


def test_sync_job_has_its_deliveries_and_their_attempts(acme: World, owner: Client) -> None:
    text = text_of(owner, acme, f"sync-jobs/{acme.test.sync_job.pk}/")
    assert f"/deliveries/{acme.test.delivery.pk}/" in text
    assert "1 attempt" in plain(text)
    assert "The role may not write below the prefix." in text


def test_outcome_of_a_source_is_shown_as_text_and_never_runs(acme: World, owner: Client) -> None:
    outcome = '{"resourceType":"OperationOutcome","text":"<script>alert(1)</script>"}'
    SyncJob.objects.filter(pk=acme.test.sync_job.pk).update(source_outcome=outcome)
    text = text_of(owner, acme, f"sync-jobs/{acme.test.sync_job.pk}/")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text
