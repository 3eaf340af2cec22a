"""A supervisor and what django-q2 does not survive: deaf queues, a frozen guard, a stop that hangs."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from apps.outbox.doorbell import DRAIN
from tests.chaos.workers import Workers, kill, wait_until
from tests.flows.fault_scripts import Control

from .conftest import SHORT
from .place import Place, senders

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]
WATCHFUL = SHORT | {"STALL_SECONDS": "0.5", "STALL_LOOKS": "3"}


def restarts(machine: Workers) -> dict[str, int]:
    """Read what the supervisor counts, where `/readyz` reads it."""
    for path in (machine.var / "run").glob("cluster.*/report"):
        counted: dict[str, int] = json.loads(path.read_text())["restarts"]
        return counted
    return {}


def wait_until_idle(machine: Workers) -> list[int]:
    """Wait until its one worker and its monitor have done something and wait for more; returns its main process."""
    machine.wait_until_up()
    async_task(DRAIN, "deliver")
    wait_until(lambda: list((machine.var / "run").glob("cluster.*/beat.monitor")), what="a result")
    roles, looks = machine.wait_until_up(), list[bool]()

    def is_waiting() -> bool:
        waits = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S" for pid in idle]
        looks.append(all(waits))
        return looks[-3:] == [True] * 3

    idle = roles["worker"] + roles["monitor"]
    wait_until(is_waiting, what="rest")
    return roles["main"]


@pytest.mark.parametrize("role", ["worker", "monitor"])
def test_a_cluster_made_deaf_by_the_death_of_an_idle_process_is_replaced(role: str, place: Place) -> None:
    case = place.make_case()
    with place.machine(**WATCHFUL, Q_WORKERS="1") as machine:
        (before,) = wait_until_idle(machine)
        assert machine.kill(role)  # it held its queue's lock: whoever follows waits for ever
        case.link()
        case.wait_for_delivered()
        case.check_each_delivered_once()
        wait_until(lambda: restarts(machine).get("stall"), what="the restart")
        (after,) = machine.wait_until_up()["main"]
        assert after != before
        assert restarts(machine) == {"exit": 0, "stall": 1}


def test_a_busy_cluster_is_not_deaf(place: Place) -> None:
    case = place.make_case()
    with place.machine(**WATCHFUL, Q_WORKERS="1") as machine:
        machine.wait_until_up()
        place.plan_at_aws(delay_seconds=5, count=1, path=case.destination.bucket)
        case.link()
        for _ in range(20):
            async_task(DRAIN, "deliver")  # they wait behind the one worker for many looks
        case.wait_for_delivered()
        case.check_each_delivered_once()
        assert case.deliveries.get().attempts == 1
        assert restarts(machine) == {"exit": 0, "stall": 0}


def test_a_frozen_guard_is_noticed(place: Place) -> None:
    case = place.make_case()
    with place.machine(**WATCHFUL) as machine:
        kill(machine.wait_until_up()["sentinel"], signal.SIGSTOP)
        wait_until(lambda: restarts(machine).get("stall") == 1, what="the restart")
        case.link()
        case.wait_for_delivered()
        case.check_each_delivered_once()


def test_an_exit_of_the_main_process_is_counted_and_leaves_nobody(place: Place) -> None:
    with place.machine(**SHORT) as machine:
        machine.wait_until_up()
        session = machine.session()
        machine.kill("sentinel")  # the main process then ends with 0, and its workers live on
        wait_until(lambda: restarts(machine) == {"exit": 1, "stall": 0}, what="the restart")
        machine.wait_until_up()
        assert machine.session() != session
        assert "cluster ended with 0" in machine.log.read_text()
    assert machine.left_over() == []


def test_a_stop_lets_what_runs_end_and_begins_nothing_more(place: Place) -> None:
    case = place.make_case()
    with place.machine(**SHORT, Q_WORKERS="1") as machine:
        machine.wait_until_up()
        case.link()
        case.wait_for_delivered()
        place.plan_at_aws(delay_seconds=2, count=1, path=case.destination.bucket)
        case.make_due(3)
        async_task(DRAIN, "deliver")
        wait_until(lambda: senders(machine.var / "spool"), what="a write")
        assert machine.stop() == 0
    assert machine.left_over() == []
    assert sorted(case.deliveries.values_list("state", flat=True)) == ["DELIVERED", "DELIVERED", "PENDING", "PENDING"]
    with place.machine(**SHORT):
        case.wait_for_delivered(4)
    case.check_each_delivered_once(4)


def test_a_stop_in_the_middle_of_a_sync_keeps_its_pages(place: Place) -> None:
    case, control = place.make_case(), Control(place.payer_url)
    control.reset()
    control.play([{"type": "ExplanationOfBenefit", "times": 1, "delay_seconds": 1.5}])
    with place.machine(**SHORT | {"LEASE_SECONDS": "20"}) as machine:
        machine.wait_until_up()
        case.link()
        wait_until(lambda: case.jobs.filter(state="ACTIVE").exists() and control.strikes().types, what="the slow page")
        assert machine.stop() == 0
    assert machine.left_over() == []
    job = case.jobs.get()
    assert (job.state, job.lease_token, job.crashes) == ("WAITING", None, 0)
    kept = job.pages.count()
    assert kept
    with place.machine(**SHORT):
        case.wait_for_delivered()
    case.check_each_delivered_once()
    control.reset()


def test_a_stop_that_hangs_ends_in_time_and_the_lease_hands_the_row_back(place: Place) -> None:
    case = place.make_case()
    with place.machine(**SHORT | {"STOP_SECONDS": "1"}) as machine:
        machine.wait_until_up()
        place.plan_at_aws(delay_seconds=60, count=1, path=case.destination.bucket)
        case.link()
        wait_until(lambda: senders(machine.var / "spool"), what="a write")
        assert machine.stop() == 0
        assert machine.left_over() == []
        assert "did not stop in 1.0 s: killing it" in machine.log.read_text()
    with place.machine(**SHORT):
        case.wait_for_delivered()
    case.check_each_delivered_once()
    assert case.deliveries.get().crashes == 1


def test_what_a_lost_supervisor_left_is_ended_by_the_next(place: Place) -> None:
    case = place.make_case()
    with place.machine(**SHORT) as machine:
        left = {pid for pids in machine.wait_until_up().values() for pid in pids}
        assert machine.process is not None
        kill([machine.process.pid])
        machine.process.wait()
        assert set(machine.left_over()) == left
        machine.start()
        machine.wait_until_up()
        assert left.isdisjoint(machine.left_over())
        case.link()
        case.wait_for_delivered()
        case.check_each_delivered_once()
    assert machine.left_over() == []


def test_two_supervisors_of_one_folder_leave_each_other_alone(place: Place) -> None:
    case = place.make_case()
    with place.machine(**SHORT) as first, Workers(first.var, first.env) as second:
        first.wait_until_up()
        second.wait_until_up()
        assert second.stop() == 0
        assert first.wait_until_up()["main"][0] == first.session()
        case.link()
        case.wait_for_delivered()
        case.check_each_delivered_once()


def test_hints_signed_with_an_older_key_are_lost_and_rung_anew(place: Place) -> None:
    case = place.make_case()
    case.link()
    assert OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lte=timezone.now()).exists()
    with place.machine(**SHORT, SECRET_KEY="rotated-" + "k" * 50):
        case.wait_for_delivered()
        case.check_each_delivered_once()
        wait_until(lambda: not OrmQ.objects.filter(lock__lte=timezone.now()).exists(), what="an empty queue")
