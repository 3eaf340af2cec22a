"""A destination that is down for hours, by a moved clock: its breaker, its alerts, its end, and its neighbours.

Source: rulings B3 and A7; design, queue 5.7 and case 14.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.breaker import OPENS_AT, SLOW_SECONDS, open_seconds
from apps.destinations.models import Delivery, DeliveryAttempt, Destination
from apps.destinations.services.claiming import claim_next
from apps.mails.models import Mail
from tests import factories
from tests.records.partitions import Filled, Resource

from . import world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
MINUTE = dt.timedelta(minutes=1)
CLOCKS = {
    Delivery: ("next_attempt_at", "give_up_at", "held_at", "lease_until", "created_at"),
    Destination: ("open_until", "first_failure_at", "last_served_at", "retest_at", "test_passed_at"),
}


def pass_time(by: dt.timedelta) -> None:
    """Every instant moves into the past."""
    for model, names in CLOCKS.items():
        model._default_manager.update(**{name: F(name) - by for name in names})


def sweep() -> None:
    """Do the sweeper's duties that concern deliveries."""
    services.sweep_deliveries(now=timezone.now())
    services.warn_of_trouble(now=timezone.now())


class Patients:
    """Authorizations with records, and syncs of them on demand."""

    def __init__(self, team: world.Team, count: int) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        self.all = [
            factories.make_authorization(team.application, Mode.TEST, endpoint, user=f"user-{number}")
            for number in range(count)
        ]
        self.filled = [Filled.of(each) for each in self.all]

    @transaction.atomic
    def sync(self, number: int = 0, **columns: Any) -> None:
        filled, authorization = self.filled[number], self.all[number]
        filled.stage([Resource("Patient", "me", content=str(filled.seq))])
        counts = filled.close("Patient").counts
        job = uuid.uuid4()
        PatientAuthorization.objects.filter(pk=authorization.pk).update(
            current_seq=filled.seq, current_sync_job_id=job, **columns
        )
        authorization.refresh_from_db()
        services.schedule_deliveries(
            authorization=authorization, sync_job_id=job, seq=filled.seq, resource_counts=counts, now=timezone.now()
        )


@pytest.fixture
def team(cloud_url: str) -> world.Team:
    return world.make_team()


@pytest.fixture
def down(cloud_url: str, team: world.Team) -> Iterator[Destination]:
    """A destination whose bucket answers "later" to every write, until `come_back`; botocore repeats others."""
    destination = world.make_destination(team, cloud_url, bucket=f"down-{uuid.uuid4().hex[:8]}", name="Down")
    plan = {"count": 100_000, "service": "s3", "method": "PUT", "path": f"/{destination.bucket}/flexpa",
            "status": 409, "code": "OperationAborted"}  # fmt: skip
    httpx.post(f"{cloud_url}/_fake/faults", json=plan, trust_env=False).raise_for_status()
    yield destination
    come_back(cloud_url)


def come_back(cloud_url: str) -> None:
    httpx.delete(f"{cloud_url}/_fake/faults", trust_env=False).raise_for_status()


def drain() -> int:
    attempts = 0
    while services.deliver_next():
        attempts += 1
        assert attempts < 500, "it goes on for ever"
    return attempts


def subjects() -> list[str]:
    return [mail.kind for mail in Mail.objects.order_by("created_at")]


def test_five_failures_in_a_row_open_the_breaker_and_one_probe_follows(team: world.Team, down: Destination) -> None:
    patients = Patients(team, 8)
    for number in range(8):
        patients.sync(number)
    assert drain() == OPENS_AT
    down.refresh_from_db()
    assert down.open_until is not None
    assert down.open_until > timezone.now()
    Delivery.objects.update(next_attempt_at=timezone.now())
    assert drain() == 0, "nothing is claimed while the breaker is open"
    pass_time(MINUTE)
    assert drain() == 1, "one probe"
    down.refresh_from_db()
    assert down.fail_streak == OPENS_AT + 1


def test_the_first_success_closes_the_breaker_for_everything_that_waits(
    team: world.Team, down: Destination, cloud_url: str
) -> None:
    patients = Patients(team, 8)
    for number in range(8):
        patients.sync(number)
    drain()
    come_back(cloud_url)
    pass_time(dt.timedelta(hours=1))
    assert drain() == 8
    assert set(Delivery.objects.values_list("state", flat=True)) == {"DELIVERED"}
    down.refresh_from_db()
    assert (down.fail_streak, down.open_until, down.first_failure_at) == (0, None, None)


def test_a_day_of_outage_loses_nothing_burns_few_attempts_and_leaves_the_others_alone(
    team: world.Team, down: Destination, cloud_url: str
) -> None:
    fine = world.make_destination(team, cloud_url, bucket=f"fine-{uuid.uuid4().hex[:8]}", name="Fine")
    patients = Patients(team, 40)
    for number in range(40):
        patients.sync(number)
    drain()
    assert Delivery.objects.filter(destination=fine, state="DELIVERED").count() == 40
    before, hours = DeliveryAttempt.objects.count(), 26
    for _ in range(hours * 4):
        pass_time(15 * MINUTE)
        sweep()
        drain()
    assert DeliveryAttempt.objects.count() - before <= hours * 4, "more than one probe at a time"
    assert set(Delivery.objects.filter(destination=down).values_list("state", flat=True)) <= {"PENDING", "RETRYING"}
    come_back(cloud_url)
    pass_time(dt.timedelta(hours=1))
    drain()
    assert not Delivery.objects.exclude(state="DELIVERED").exists()
    assert len(world.objects(cloud_url, down.bucket)) == 40


def test_alerts_go_out_at_36_50_and_65_hours_and_at_72_the_destination_is_paused(
    team: world.Team, down: Destination
) -> None:
    patients = Patients(team, 2)
    patients.sync(0)
    drain()
    Mail.objects.all().delete()
    told: dict[int, list[str]] = {}
    for hour in range(1, 75):
        pass_time(dt.timedelta(hours=1))
        if hour == 71:
            patients.sync(1)
        sweep()
        drain()
        sweep()
        new = subjects()
        if new:
            told[hour] = new
        Mail.objects.all().delete()
    assert told == {
        36: ["delivery_trouble"], 50: ["delivery_trouble"], 65: ["delivery_trouble"], 72: ["destination_paused"]
    }  # fmt: skip
    down.refresh_from_db()
    assert (down.state, "72 hours" in down.paused_reason) == ("PAUSED", True)
    old, new_row = Delivery.objects.filter(destination=down).order_by("seq", "created_at")
    assert {old.state, new_row.state} == {"FAILED", "HELD"}


def test_after_the_repair_everything_leaves_with_the_key_that_it_had(
    team: world.Team, down: Destination, cloud_url: str
) -> None:
    patients = Patients(team, 1)
    patients.sync()
    drain()
    for _ in range(76):
        pass_time(dt.timedelta(hours=1))
        sweep()
        drain()
    (row,) = Delivery.objects.filter(destination=down)
    assert row.state == "FAILED"
    come_back(cloud_url)
    assert services.test_connection(destination=down, by=SYSTEM, now=timezone.now()).passed
    down.refresh_from_db()
    services.enable_destination(destination=down, by=SYSTEM, now=timezone.now())
    services.retry_delivery(delivery=row, by=SYSTEM, now=timezone.now())
    drain()
    row.refresh_from_db()
    assert (row.state, list(world.objects(cloud_url, down.bucket))) == ("DELIVERED", [row.object_key])


def test_owners_are_warned_half_way_to_a_purge_that_comes_before_the_clock_ends(
    team: world.Team, down: Destination
) -> None:
    patients = Patients(team, 1)
    patients.sync(purge_at=timezone.now() + dt.timedelta(hours=24))
    drain()
    Mail.objects.all().delete()
    pass_time(dt.timedelta(hours=11))
    services.warn_of_trouble(now=timezone.now())
    assert subjects() == []
    pass_time(dt.timedelta(hours=2))
    services.warn_of_trouble(now=timezone.now())
    services.warn_of_trouble(now=timezone.now())
    assert subjects() == ["delivery_trouble"]


def test_what_never_left_this_machine_says_nothing_of_the_destination(
    team: world.Team, cloud_url: str, settings: Any, tmp_path: Any
) -> None:
    destination = world.make_destination(team, cloud_url, bucket=f"ours-{uuid.uuid4().hex[:8]}")
    Patients(team, 1).sync()
    settings.SPOOL_DIR = tmp_path / "a file" / "spool"
    (tmp_path / "a file").write_text("")
    services.deliver_next()
    destination.refresh_from_db()
    assert Delivery.objects.get().error_code == "spool-failed"
    assert (destination.fail_streak, destination.first_failure_at) == (0, None)


def test_a_destination_that_hangs_leaves_a_worker_to_the_others(team: world.Team, cloud_url: str) -> None:
    """One attempt of it runs and does not end: whatever else is asked for next belongs to the others."""
    hanging = world.make_destination(team, cloud_url, bucket=f"hang-{uuid.uuid4().hex[:8]}", name="Hanging")
    fine = world.make_destination(team, cloud_url, bucket=f"fine-{uuid.uuid4().hex[:8]}", name="Fine")
    patients = Patients(team, 5)
    for number in range(5):
        patients.sync(number)
    Destination.objects.filter(pk=fine.pk).update(last_served_at=timezone.now())
    held = claim_next()
    assert held is not None
    assert held.delivery.destination_id == hanging.pk
    assert drain() == 5
    assert Delivery.objects.filter(destination=fine, state="DELIVERED").count() == 5
    assert Delivery.objects.filter(destination=hanging, state="RUNNING").count() == 1


def test_a_failure_that_held_a_worker_for_long_opens_the_breaker_at_once() -> None:
    assert open_seconds(1, took_seconds=SLOW_SECONDS - 0.1) == 0.0
    assert [open_seconds(streak, took_seconds=SLOW_SECONDS) for streak in (1, 2, 3, 60)] == [30.0, 60.0, 120.0, 900.0]
    assert [open_seconds(streak) for streak in (OPENS_AT - 1, OPENS_AT, OPENS_AT + 1, 60)] == [0.0, 30.0, 60.0, 900.0]
