"""Who works on a comparison, what becomes of one whose worker is lost, and the command."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.destinations import services
from apps.destinations.connectors.s3 import reading
from apps.destinations.manifests import Role
from apps.destinations.models import Reconciliation
from apps.destinations.services import comparing, ledgers, reconciling
from apps.destinations.services.reconciling import run_next_reconciliation
from tests.flows.customer import clear_faults, fault

from .conftest import Make
from .lake import BODIES, found

pytestmark = pytest.mark.django_db(transaction=True)


# -- leases and ends -------------------------------------------------------------------------------------
def test_second_comparison_waits_for_the_first_to_end(lakes: Make) -> None:
    lake = lakes()
    services.start_reconciliation(destination=lake.destination, by=SYSTEM, now=timezone.now())
    with pytest.raises(services.AlreadyReconciling):
        services.start_reconciliation(destination=lake.destination, by=SYSTEM, now=timezone.now())
    assert run_next_reconciliation()
    assert not run_next_reconciliation()
    services.start_reconciliation(destination=lake.destination, by=SYSTEM, now=timezone.now())


def test_worker_that_is_lost_leaves_its_place_to_the_next(lakes: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lakes()
    mine = lake.authorize()
    rows = [lake.deliver(mine, {Role.DATA: next(BODIES)}) for _ in range(6)]
    lake.lose(rows[0].object_key)
    lake.lose(rows[5].object_key)
    monkeypatch.setattr(reconciling, "CHUNK", 2)
    run = services.start_reconciliation(destination=lake.destination, by=SYSTEM, now=timezone.now())
    judged = 0

    def die_at_the_second(self: comparing.Judge, pairs: object) -> list[comparing.Finding]:
        nonlocal judged
        judged += 1
        if judged == 2:
            raise KeyboardInterrupt
        return judge(self, pairs)  # type: ignore[arg-type]

    judge = comparing.Judge.judge
    with monkeypatch.context() as dying:
        dying.setattr(comparing.Judge, "judge", die_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            run_next_reconciliation()
    run.refresh_from_db()
    assert (run.state, run.counts["delivered"], len(run.findings)) == ("RUNNING", 2, 1)
    assert not run_next_reconciliation()
    Reconciliation.objects.update(lease_until=Now() - dt.timedelta(seconds=1))
    assert run_next_reconciliation()
    run.refresh_from_db()
    assert found(run) == {("missing", rows[0].object_key), ("missing", rows[5].object_key)}
    assert (run.counts["delivered"], run.crashes) == (6, 1)


def test_worker_that_lost_its_lease_writes_nothing(lakes: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lakes()
    lake.deliver(lake.authorize(), {Role.DATA: next(BODIES)})
    run = services.start_reconciliation(destination=lake.destination, by=SYSTEM, now=timezone.now())
    judge = comparing.Judge.judge

    def lose_the_lease(self: comparing.Judge, pairs: object) -> list[comparing.Finding]:
        Reconciliation.objects.filter(pk=run.pk).update(lease_token=uuid.uuid4())
        return judge(self, pairs)  # type: ignore[arg-type]

    monkeypatch.setattr(comparing.Judge, "judge", lose_the_lease)
    assert run_next_reconciliation()
    run.refresh_from_db()
    assert (run.state, run.counts) == ("RUNNING", {})


def test_third_lost_worker_fails_the_run(lakes: Make) -> None:
    lake = lakes()
    run = services.start_reconciliation(destination=lake.destination, by=SYSTEM, now=timezone.now())
    lost = {"lease_token": uuid.uuid4(), "lease_until": Now() - dt.timedelta(seconds=1)}
    Reconciliation.objects.filter(pk=run.pk).update(state="RUNNING", crashes=2, **lost)
    assert run_next_reconciliation()
    run.refresh_from_db()
    assert (run.state, run.error_code, run.error_owner) == ("FAILED", "worker-crashed", "us")


def test_busy_storage_is_asked_again_later_from_where_it_was(lakes: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = lakes()
    mine = lake.authorize()
    for _ in range(4):
        lake.deliver(mine, {Role.DATA: next(BODIES)})
    monkeypatch.setattr(reading, "PAGE", 2)
    monkeypatch.setattr(reconciling, "CHUNK", 2)
    run = services.start_reconciliation(destination=lake.destination, by=SYSTEM, now=timezone.now())
    fault(lake.cloud_url, service="s3", method="HEAD", count=99, status=503, code="SlowDown")
    assert run_next_reconciliation()
    run.refresh_from_db()
    assert (run.state, run.next_attempt_at > timezone.now()) == ("PENDING", True)
    assert not run_next_reconciliation()
    clear_faults(lake.cloud_url)
    Reconciliation.objects.update(next_attempt_at=Now())
    assert run_next_reconciliation()
    run.refresh_from_db()
    assert (found(run), run.counts["delivered"]) == (set(), 4)


def test_no_more_findings_than_a_thousand_are_kept_and_all_are_counted(
    lakes: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledgers, "MOST_FINDINGS", 3)
    lake = lakes()
    for number in range(7):
        lake.put(f"{lake.destination.prefix}extra-{number}", b"x")
    run = lake.reconcile()
    assert (len(run.findings), run.counts["extra"]) == (3, 7)


# -- the command -----------------------------------------------------------------------------------------
def test_command_prints_findings_and_exits_by_them(lakes: Make, capsys: pytest.CaptureFixture[str]) -> None:
    lake, closed = lakes(), lakes(readable=False)
    row = lake.deliver(lake.authorize(), {Role.DATA: next(BODIES)})
    call_command("reconcile", "--destination", str(lake.destination.pk), "--json")
    assert json.loads(capsys.readouterr().out)["counts"]["delivered"] == 1
    lake.lose(row.object_key)
    with pytest.raises(CommandError) as differs:
        call_command("reconcile", "--destination", str(lake.destination.pk))
    assert (differs.value.returncode, row.object_key in capsys.readouterr().out) == (1, True)
    with pytest.raises(CommandError) as unmade:
        call_command("reconcile", "--all")
    out = capsys.readouterr().out
    assert unmade.value.returncode == 2
    for words in (row.object_key, "s3:ListBucket", '"s3:prefix": "flexpa/*"', str(closed.destination.pk)):
        assert words in out


def test_command_takes_its_run_before_any_worker_can(lakes: Make) -> None:
    lake = lakes()
    run = services.reconcile_now(destination=lake.destination, by=SYSTEM)
    assert (run.state, run.attempts) == ("COMPLETED", 1)
    assert not run_next_reconciliation()
