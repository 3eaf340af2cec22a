"""Back-fills: whatever happened, each sync ends up delivered once or says why not; what is live goes first."""

from __future__ import annotations

import threading
import uuid
from unittest import mock

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.destinations import services
from apps.destinations.backlog import count_missing, progress_of
from apps.destinations.models import Backfill, Delivery, Destination
from apps.destinations.services import claiming
from tests import factories

from .backfill_world import AHEAD, USERS, World, in_the_bucket_of, rolled_back

CONTENTS = st.fixed_dictionaries({"Patient": st.sampled_from("ab")}, optional={"Observation": st.sampled_from("ab")})
SYNCS = st.tuples(st.just("sync"), st.integers(0, USERS - 1), CONTENTS)
EVENTS = st.one_of(
    SYNCS,
    SYNCS,
    st.sampled_from(["off", "on", "ask", "step", "step", "die", "old"]).map(lambda name: (name,)),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    st.tuples(st.just("revoke"), st.just(0)),
)


def live_through(world: World, events: list[tuple[object, ...]]) -> None:
    for name, *given_values in events:
        before = world.ahead()
        match name:
            case "sync":
                world.sync(*given_values)  # type: ignore[arg-type]
            case "on":
                world.switch_on()
            case "off":
                world.switch_off()
            case "ask":
                world.ask()
            case "step":
                services.run_next_backfill_step()
            case "die":
                world.die_in_a_step()
            case "old":
                world.grow_old()
            case "deliver":
                world.deliver(*given_values)  # type: ignore[arg-type]
            case "revoke":
                world.revoke(*given_values)  # type: ignore[arg-type]
        if name in ("step", "die"):
            assert world.ahead() <= max(before, AHEAD)
            assert world.ahead() == before or (name == "step" and world.destination_is_on())


def drain(world: World) -> None:
    world.switch_on()
    world.ask()
    for _ in range(200):
        if not services.run_next_backfill_step() and not world.deliver(1):
            return
    pytest.fail("it does not come to an end")


def check(world: World) -> None:
    """Look at every sync there was, by the model alone."""
    for patient in world.patients:
        for seq, job in enumerate(patient.jobs, start=1):
            rows = list(Delivery.objects.filter(sync_job_id=job, kind__in=["live", "backfill"]))
            is_owed = seq >= patient.first_owed or (seq == len(patient.jobs) and not patient.is_revoked)
            assert len(rows) == 1 if is_owed else len(rows) <= 1
            for row in rows:
                ended = (row.state, row.reason or row.error_code)
                if row.state == "DELIVERED":
                    assert row.resources == len(patient.visible(seq))
                elif patient.is_revoked:
                    assert row.state == "CANCELLED"
                else:
                    assert ended in [("SKIPPED", "data_pruned"), ("FAILED", "data-pruned")]
                    assert not patient.is_kept(seq), "it could have been delivered"
    delivered = Delivery.objects.filter(state="DELIVERED").values_list("object_key", flat=True)
    assert sorted(key for _, key in world.bucket.objects) == sorted(delivered)
    assert len(world.bucket.asked) == len(set(world.bucket.asked)), "an object was written twice"
    assert not Backfill.objects.exclude(state="COMPLETED").exists()
    assert count_missing(world.destination, now=timezone.now()) == 0


@pytest.mark.django_db
@pytest.mark.timeout(600)
@hypothesis_settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(drafted=st.lists(SYNCS, max_size=4), events=st.lists(EVENTS, min_size=5, max_size=25))
def test_every_sync_is_delivered_once_or_says_why_not(
    drafted: list[tuple[object, ...]], events: list[tuple[object, ...]]
) -> None:
    with rolled_back(), mock.patch.object(settings, "BACKFILL_AHEAD", AHEAD):
        world = World()
        with in_the_bucket_of(world):
            live_through(world, drafted)
            world.finish_set_up()
            live_through(world, events)
            drain(world)
            check(world)


# -- one thing at a time ---------------------------------------------------------------------------------------------
@pytest.fixture
def world(transactional_db: None) -> World:
    """Three patients with two syncs each while the destination was off; then it is switched on."""
    made = World()
    made.finish_set_up()
    for content in "ab":
        for number in range(USERS):
            made.sync(number, {"Patient": content})
    made.switch_on()
    return made


def claim() -> tuple[str, int]:
    found = claiming.claim_next()
    assert found is not None
    return found.delivery.kind, found.delivery.seq


def test_live_row_is_claimed_before_waiting_back_fill_rows_and_those_in_the_order_in_which_they_were_made(
    world: World, settings: Settings
) -> None:
    settings.WORKERS_PER_DESTINATION = 100
    Destination.objects.update(concurrency=100)
    world.ask()
    while services.run_next_backfill_step():
        pass
    world.sync(0, {"Patient": "c"})  # last of all
    made = Delivery.objects.filter(kind="backfill").order_by("next_attempt_at")
    oldest_first = [("backfill", seq) for seq in (1, 2) * USERS]
    assert [("backfill", row.seq) for row in made] == oldest_first
    assert [claim() for _ in range(2 * USERS + 1)] == [("live", 3), *oldest_first]


def test_rows_are_made_only_as_long_as_few_wait(world: World, settings: Settings) -> None:
    settings.BACKFILL_AHEAD = 2
    begun = world.ask()
    while services.run_next_backfill_step():
        pass
    assert world.ahead() == 2
    begun.refresh_from_db()
    assert (begun.state, begun.planned_count, begun.made_count) == ("RUNNING", 6, 2)
    claim()
    assert services.run_next_backfill_step()
    assert not services.run_next_backfill_step()
    assert world.ahead() == 2


def test_back_fill_of_a_destination_without_room_keeps_no_other_waiting(world: World, settings: Settings) -> None:
    settings.BACKFILL_AHEAD = 1
    world.ask()
    assert services.run_next_backfill_step()
    assert not services.run_next_backfill_step()
    fields = {"name": "Other", "bucket": "other", "region": "us-east-1", "role_arn": factories.ROLE_ARN}
    made = services.create_destination(
        application=world.destination.application, mode=Mode.TEST, fields=fields, by=SYSTEM
    )
    first, world.destination = world.destination, made.destination
    world.switch_on()
    assert world.ask().planned_count == USERS  # the newest state of each: it was not there before
    assert services.run_next_backfill_step()
    assert Delivery.objects.filter(destination=made.destination).count() == 1
    assert Delivery.objects.filter(destination=first, kind="backfill").count() == 1


def test_back_fill_waits_while_its_destination_is_off_and_goes_on_with_what_it_missed_meanwhile(
    world: World,
) -> None:
    begun = world.ask()
    assert services.run_next_backfill_step()
    world.switch_off()
    world.sync(0, {"Patient": "while it is off"})  # of a patient whose turn is over
    assert not services.run_next_backfill_step()
    assert world.ask() == begun
    world.switch_on()
    while services.run_next_backfill_step():
        pass
    begun.refresh_from_db()
    assert (begun.state, begun.made_count) == ("COMPLETED", 7)
    assert not Delivery.objects.filter(state="SKIPPED").exists()


def test_back_fill_of_a_deleted_destination_ends(world: World) -> None:
    begun = world.ask()
    assert services.run_next_backfill_step()
    services.delete_destination(destination=world.destination, by=SYSTEM, now=timezone.now())
    assert services.run_next_backfill_step()
    assert not services.run_next_backfill_step()
    begun.refresh_from_db()
    assert (begun.state, world.ahead()) == ("COMPLETED", 0)


def test_sync_whose_records_are_not_kept_any_more_stays_skipped_and_says_so(world: World) -> None:
    world.grow_old()  # of each patient the first state has been superseded
    world.ask()
    while services.run_next_backfill_step():
        pass
    told = Delivery.objects.order_by("seq").values_list("seq", "state", "kind", "reason").distinct()
    assert list(told) == [(1, "SKIPPED", "live", "data_pruned"), (2, "PENDING", "backfill", "")]
    assert world.ask().planned_count == 0


def test_workers_that_race_make_each_row_once(world: World) -> None:
    begun = world.ask()

    def work() -> None:
        while services.run_next_backfill_step():
            pass
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work()
    begun.refresh_from_db()
    assert (begun.state, begun.made_count, world.ahead()) == ("COMPLETED", 6, 6)


def test_progress_tells_what_became_of_the_rows(world: World) -> None:
    begun = world.ask()
    while services.run_next_backfill_step():
        pass
    begun.refresh_from_db()
    rows = list(Delivery.objects.filter(kind="backfill").order_by("next_attempt_at"))
    ends = {"state": "DELIVERED", "sha256": "ab", "bytes": 1, "resources": 1, "delivered_at": timezone.now()}
    Delivery.objects.filter(pk__in=[row.pk for row in rows[:3]]).update(
        state="RUNNING", lease_token=uuid.uuid4(), lease_until=timezone.now()
    )
    free = {"lease_token": None, "lease_until": None}
    Delivery.objects.filter(pk__in=[rows[0].pk, rows[1].pk]).update(**ends, **free)
    Delivery.objects.filter(pk=rows[2].pk).update(state="FAILED", **free)
    Delivery.objects.filter(pk=rows[3].pk).update(state="CANCELLED")
    told = progress_of(begun)
    assert (told.waiting, told.held, told.delivered, told.failed, told.ended) == (2, 0, 2, 1, 1)
    assert told.is_live
