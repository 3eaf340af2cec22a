"""Every duty is done although others fail, the mark is set, and hints are rung anew."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.destinations.models import BulkAction, Delivery, Destination
from apps.mails.models import Mail
from apps.outbox.doorbell import Lane
from apps.syncs.models import SyncJob
from apps.workers import sweeper
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace
from tests import factories

pytestmark = pytest.mark.django_db
# How `sweep` calls each duty: by these names in its own module.
DUTIES = {
    "sync_jobs": "sweep_sync_jobs",
    "deliveries": "sweep_deliveries",
    "purged": "purge_expired",
    "abandoned": "abandon_expired",
    "refreshes": "enqueue_due_syncs",
    "versions": "prune_versions",
    "indexed": "index_outdated",
    "spool": "clean_spool",
    "idempotency": "purge_idempotency_records",
    "seals": "seal_events",
    "warnings": "warn_of_trouble",
    "mails": "sweep_mails",
    "old_tests": "prune_tests",
    "retests": "retest_due",
}


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[Lane]:
    lanes: list[Lane] = []
    monkeypatch.setattr(sweeper, "ring", lanes.append)
    return lanes


def test_a_sweep_of_an_empty_product_does_every_duty_and_counts() -> None:
    assert sweeper.sweep() == dict.fromkeys(DUTIES, 0)


@pytest.mark.parametrize("failing", DUTIES)
def test_one_duty_that_raises_keeps_no_other_from_running(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, failing: str
) -> None:
    def fail(**arguments: object) -> int:
        raise RuntimeError("Amy Shaw, born 1987")

    monkeypatch.setattr(sweeper, DUTIES[failing], fail)
    sweeper.heartbeat_file().unlink(missing_ok=True)
    with caplog.at_level(logging.ERROR):
        done = sweeper.sweep()
    assert done.keys() == DUTIES.keys() - {failing}
    assert failing in caplog.text
    assert "Amy" not in caplog.text
    assert sweeper.heartbeat_file().exists()


def test_a_fault_of_the_database_in_one_duty_leaves_the_others_their_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**arguments: object) -> int:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        return 0

    monkeypatch.setattr(sweeper, "sweep_deliveries", fail)
    assert sweeper.sweep().keys() == DUTIES.keys() - {"deliveries"}


@pytest.mark.parametrize(
    ("delivery", "destination", "job", "wanted"),
    [
        ("PENDING", "ENABLED", "WAITING", {Lane.SYNC, Lane.DELIVER}),
        ("RETRYING", "ENABLED", "COMPLETED", {Lane.DELIVER}),
        ("PENDING", "READY", "COMPLETED", set()),
        ("DELIVERED", "ENABLED", "WAITING", {Lane.SYNC}),
        ("FAILED", "ENABLED", "COMPLETED", set()),
    ],
)
def test_hints_are_rung_for_what_is_due_and_for_nothing_else(
    rung: list[Lane], delivery: str, destination: str, job: str, wanted: set[Lane]
) -> None:
    owner = User.objects.create_user("owner@workers.example")
    workspace = create_workspace(name="Workers", slug="workers", owner=owner, by=SYSTEM)
    application = create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM)
    made = factories.make_furniture(application, Mode.TEST)
    # Rows as they would lie there: triggers look at changes of state, so new rows are made.
    BulkAction.objects.all().delete()
    Delivery.objects.all().delete()
    Destination.objects.filter(pk=made.destination.pk).delete()
    SyncJob.objects.all().delete()
    Mail.objects.all().delete()
    due = timezone.now() - dt.timedelta(hours=1)
    place = Destination.objects.create(
        application=application, mode="test", name="Lake", bucket="lake", region="us-east-1", role_arn="x",
        prefix="", state=destination, tested_version=1,
    )  # fmt: skip
    row = factories.make_sync_job(made.authorization)
    factories.make_delivery(place, row, state=delivery)
    Delivery.objects.update(next_attempt_at=due)
    if job == "WAITING":
        SyncJob.objects.create(
            authorization=made.authorization, application=application, mode="test", cause="manual", seq=2,
            state="WAITING", next_attempt_at=due,
        )  # fmt: skip
    sweeper.ring_for_due_work()
    assert set(rung) == wanted
    rung.clear()
    Delivery.objects.update(next_attempt_at=timezone.now() + dt.timedelta(hours=1))
    SyncJob.objects.update(next_attempt_at=timezone.now() + dt.timedelta(hours=1))
    sweeper.ring_for_due_work()
    assert rung == []
