"""Deliveries whose processes are killed or frozen, whose answers and hints are lost: each is once in effect."""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Iterator

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from apps.audit.models import AuditEvent
from apps.destinations.models import Delivery, DeliveryAttempt
from apps.destinations.services import sweep_deliveries
from apps.outbox.doorbell import DRAIN
from apps.outbox.faults import FaultPoint
from apps.workers.sweeper import heartbeat_file
from tests.chaos.workers import ROLES, Workers, kill, wait_until
from tests.flows import world

from .place import Case, Place, senders

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _whole(workers: Workers, place: Place) -> Iterator[None]:
    """Every case begins with a whole cluster and an AWS without plans."""
    workers.wait_until_up()
    yield
    place.forget_plans()


@pytest.fixture
def case(place: Place) -> Case:
    return place.make_case()


def wait_for_sender(workers: Workers, delivery: str = "") -> int:
    """Wait until a spooled file is held at two looks: one that is being written is let go between them."""
    looks: list[list[int]] = [[], []]

    def is_held() -> bool:
        looks[:] = [looks[1], senders(workers.var / "spool", delivery)]
        return bool(set(looks[0]) & set(looks[1]))

    wait_until(is_held, what="a write")
    return looks[1][0]


# -- Processes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [*ROLES, "group"])
def test_a_process_killed_in_mid_delivery(role: str, case: Case, place: Place, workers: Workers) -> None:
    place.plan_at_aws(delay_seconds=3, count=1, path=case.destination.bucket)
    case.link()
    sender, session = wait_for_sender(workers), workers.session()
    assert kill([sender]) if role == "worker" else workers.kill(role)
    case.wait_for_delivered()
    case.check_each_delivered_once()
    workers.wait_until_up()
    # Without its sentinel or main the cluster is replaced; nothing of the old one lives on.
    replaced = role in ("sentinel", "main", "group")
    assert (workers.session() != session) is replaced
    ours = {workers.process.pid if workers.process else 0}
    assert {pid for pids in workers.roles().values() for pid in pids} | ours == set(workers.left_over())


def test_a_death_in_mid_upload_leaves_no_visible_object(case: Case, place: Place, workers: Workers) -> None:
    place.plan_at_aws(delay_seconds=30, count=1, path=case.destination.bucket)
    case.link()
    kill([wait_for_sender(workers)])
    assert world.objects(place.cloud_url, case.destination.bucket) == {}
    case.wait_for_delivered()
    case.check_each_delivered_once()


@pytest.mark.parametrize("point", [FaultPoint.DELIVERY_NOTED, FaultPoint.DELIVERY_WRITTEN])
def test_a_worker_that_outlives_its_lease_writes_nothing_to_the_row(
    point: FaultPoint, case: Case, workers: Workers
) -> None:
    plan, mark = workers.var / "run" / "fault", workers.var / "run" / f"fault.{point}"
    mark.unlink(missing_ok=True)
    plan.write_text(f"{point} STOP")
    case.link()
    case.wait_for_delivered()
    plan.unlink()
    told = Delivery.objects.values().get(destination=case.destination)
    assert (told["attempts"], told["crashes"]) == (2, 1)
    frozen = int(mark.read_text())
    assert kill([frozen], signal.SIGCONT) == [frozen]
    wait_until(lambda: f"{told['id']} finished after its lease" in workers.log.read_text())
    assert Delivery.objects.values().get(destination=case.destination) == told
    case.check_each_delivered_once()
    # Only what was really written late is named in the audit.
    late = AuditEvent.objects.filter(action="delivery.finished_late", target_id=str(told["id"]))
    assert late.exists() is (point == FaultPoint.DELIVERY_WRITTEN)


def test_a_row_that_kills_its_worker_is_failed_after_three_and_the_others_arrive(
    case: Case, place: Place, workers: Workers
) -> None:
    case.link()
    case.wait_for_delivered()
    poison, *others = case.make_due(21)
    place.plan_at_aws(delay_seconds=60, count=10, path=poison.object_key)
    for _ in range(3):
        kill([wait_for_sender(workers, str(poison.pk))])
    wait_until(lambda: Delivery.objects.filter(pk=poison.pk, state="FAILED").exists())
    poison.refresh_from_db()
    assert (poison.crashes, poison.attempts, poison.error_code, poison.error_owner) == (3, 3, "worker-crashed", "us")
    case.wait_for_delivered(1 + len(others))
    assert set(world.objects(place.cloud_url, case.destination.bucket)) == {
        row.object_key for row in case.deliveries.exclude(pk=poison.pk)
    }


# -- Answers --------------------------------------------------------------------------------------


def test_an_answer_lost_after_the_write_is_found_at_the_next_attempt(
    case: Case, place: Place, workers: Workers
) -> None:
    place.plan_at_aws(lost=True, count=1, path=case.destination.bucket)
    case.link()
    wait_until(lambda: case.deliveries.filter(state__in=["RETRYING", "DELIVERED"]).exists())
    case.deliveries.filter(state="RETRYING").update(next_attempt_at=timezone.now())
    case.wait_for_delivered()
    case.check_each_delivered_once()


# -- Hints ----------------------------------------------------------------------------------------


def test_deleted_hints_are_rung_anew(case: Case, workers: Workers) -> None:
    case.link()
    case.wait_for_delivered()
    case.make_due(20)
    for wanted in (8, 21):  # at the start, and in the middle
        OrmQ.objects.all().delete()
        case.wait_for_delivered(wanted)
    case.check_each_delivered_once(21)


def test_every_hint_twice_and_hundreds_for_nothing(case: Case, workers: Workers) -> None:
    from django_q.tasks import async_task

    for _ in range(150):
        async_task(DRAIN, "deliver")
    case.link()
    hints = list(OrmQ.objects.all())
    OrmQ.objects.bulk_create(OrmQ(key=each.key, payload=each.payload, lock=each.lock) for each in hints)
    case.wait_for_delivered()
    case.check_each_delivered_once()
    wait_until(lambda: not OrmQ.objects.filter(lock__lte=timezone.now()).exists(), what="an empty queue")


def test_a_broken_row_in_the_schedule_table_stops_nothing(case: Case, workers: Workers) -> None:
    bad = Schedule.objects.create(
        func="no.such.thing", args="(1,", schedule_type=Schedule.MINUTES, minutes=1, next_run=timezone.now()
    )
    swept = workers.var / "run" / heartbeat_file().name
    before = swept.stat().st_mtime_ns
    case.link()
    case.wait_for_delivered()
    wait_until(lambda: swept.stat().st_mtime_ns > before, what="a sweep")
    assert Conf.SCHEDULER is False  # nothing of ours is in that table, so nobody reads it
    bad.delete()


# -- Rows -----------------------------------------------------------------------------------------


def test_many_sweeps_at_once_count_one_lost_worker_once(case: Case, place: Place, workers: Workers) -> None:
    place.plan_at_aws(delay_seconds=30, count=1, path=case.destination.bucket)
    case.link()
    kill([wait_for_sender(workers)])
    sweepers = [threading.Thread(target=_sweep_until_delivered, args=[case]) for _ in range(4)]
    for sweeper in sweepers:
        sweeper.start()
    for sweeper in sweepers:
        sweeper.join()
    case.check_each_delivered_once()
    assert (case.deliveries.get().crashes, case.deliveries.get().attempts) == (1, 2)


def _sweep_until_delivered(case: Case) -> None:
    while case.deliveries.exclude(state="DELIVERED").exists() or not case.deliveries.exists():
        sweep_deliveries(now=timezone.now())
    connection.close()


def test_one_delivery_for_a_sync_and_destination_is_the_databases_own_rule(case: Case, workers: Workers) -> None:
    case.link()
    case.wait_for_delivered()
    first = case.deliveries.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        case.make_due(1, sync_job_id=first.sync_job_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        case.make_due(1, object_key=first.object_key)


def test_a_quiet_team_beside_a_noisy_one_waits_for_a_few_of_its_rows(place: Place, workers: Workers) -> None:
    noisy, quiet = place.make_case(), place.make_case()
    type(noisy.destination).objects.filter(pk=noisy.destination.pk).update(concurrency=1)
    for each in (noisy, quiet):
        each.link()
        each.wait_for_delivered()
    place.plan_at_aws(delay_seconds=0.05, count=10_000)
    with transaction.atomic():
        noisy.make_due(30)
        quiet.make_due(8)
    most = 0
    while quiet.deliveries.exclude(state="DELIVERED").exists():
        most = max(most, noisy.deliveries.filter(state="RUNNING", lease_until__gt=timezone.now()).count())
    noisy.wait_for_delivered(31)
    assert most == 1
    begun = list(
        DeliveryAttempt.objects.filter(delivery__in=[*noisy.deliveries, *quiet.deliveries], succeeded=True)
        .order_by("started_at")
        .values_list("delivery__destination", flat=True)
    )[2:]
    # Two workers, each in turn for whoever was served longest ago.
    last = max(place for place, destination in enumerate(begun) if destination == quiet.destination.pk)
    assert last < 3 * 8
    noisy.check_each_delivered_once(31)
    quiet.check_each_delivered_once(9)


def test_no_row_can_join_test_and_live(case: Case, place: Place, workers: Workers) -> None:
    case.link()
    case.wait_for_delivered()
    with pytest.raises(IntegrityError), transaction.atomic():
        case.make_due(1, mode="live", sync_job_id=uuid.uuid4())
