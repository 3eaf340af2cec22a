"""Many deliveries at once: each exactly once, whoever works, whoever dies."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.destinations.models import BulkAction, Delivery, Destination
from apps.destinations.services import list_matching, run_next_bulk_item, start_bulk_action
from apps.destinations.states import BulkVerb
from tests.factories import World, make_delivery, make_sync_job, make_world

MANY = 12
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def acme() -> World:
    return make_world("acme")


def begin(world: World) -> BulkAction:
    """Ask for a replay of MANY failed deliveries."""
    furniture = world.test
    for _ in range(MANY):
        make_delivery(furniture.destination, make_sync_job(furniture.authorization), state="FAILED")
    failed = Delivery.objects.filter(application=world.application, mode="test", state="FAILED")
    ids = list_matching(failed.exclude(pk=furniture.delivery.pk))
    return start_bulk_action(
        application=world.application, mode="test", verb=BulkVerb.REPLAY, delivery_ids=ids,
        filter_used={"state": ["FAILED"]}, by=SYSTEM, now=timezone.now(),
    )  # fmt: skip


def in_thread(work: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except OperationalError:  # its connection was ended under it
            pass
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def drain() -> None:
    while run_next_bulk_item():
        pass


def check_each_once(action: BulkAction) -> None:
    action.refresh_from_db()
    assert (action.state, action.done_count, action.skipped_count) == ("COMPLETED", MANY, 0)
    made = list(action.items.values_list("made__replay_of", flat=True))
    assert sorted(map(str, made)) == sorted(map(str, action.items.values_list("delivery", flat=True)))
    assert Delivery.objects.filter(replay_of__in=made).count() == MANY


def test_workers_that_race_take_each_delivery_once(acme: World) -> None:
    action = begin(acme)
    threads = [in_thread(drain) for _ in range(3)]
    for thread in threads:
        thread.join()
    drain()
    check_each_once(action)


def test_worker_that_dies_in_the_middle_leaves_its_delivery_to_the_next(acme: World) -> None:
    action = begin(acme)
    for _ in range(3):
        assert run_next_bulk_item()
    with transaction.atomic():
        Destination.objects.select_for_update().get(pk=acme.test.destination.pk)
        dying = in_thread(run_next_bulk_item)  # waits for the destination, in the middle of its transaction
        with connection.cursor() as cursor:
            waiting: list[int] = []
            while not waiting:
                cursor.execute("SELECT pid FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")
                waiting = [row[0] for row in cursor.fetchall()]
            cursor.execute("SELECT pg_terminate_backend(%s)", [waiting[0]])
    dying.join()
    action.refresh_from_db()
    assert (action.state, action.done_count) == ("RUNNING", 3)
    assert action.items.exclude(made=None).count() == 3
    drain()
    check_each_once(action)


def test_action_that_somebody_works_on_keeps_nobody_waiting(acme: World) -> None:
    action = begin(acme)
    with transaction.atomic():
        BulkAction.objects.select_for_update().get(pk=action.pk)
        found: list[bool] = []
        in_thread(lambda: found.append(run_next_bulk_item())).join()
    assert found == [False]


def test_replays_carry_the_mark_and_the_hash_and_leave_health_alone(acme: World) -> None:
    health = ("fail_streak", "refused_streak", "state")
    before = Destination.objects.values(*health).get(pk=acme.test.destination.pk)
    action = begin(acme)
    drain()
    made = Delivery.objects.filter(made_by_item__action=action)
    assert {each.kind for each in made} == {"replay"}
    assert all(each.sha256 == each.replay_of.sha256 for each in made if each.replay_of)
    assert len({each.object_key for each in made}) == MANY
    assert Destination.objects.values(*health).get(pk=acme.test.destination.pk) == before
