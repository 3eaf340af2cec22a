"""`/readyz` says what is wrong, `/healthz` only that we answer."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.events import SYSTEM, Place
from apps.audit.models import AuditEvent
from apps.audit.services import record_event, seal_events
from apps.workers.clusters import ClusterFolder, ClusterState, Report
from apps.workers.sweeper import heartbeat_file, sweep
from portal import health

REQUEST = RequestFactory().get("/readyz")


def told() -> tuple[int, dict[str, str]]:
    answer = health.readyz(REQUEST)
    found: dict[str, Any] = json.loads(answer.content)
    assert found["status"] == ("ready" if answer.status_code == 200 else "not ready")
    return answer.status_code, found["checks"]


@pytest.fixture
def supervised() -> Iterator[ClusterFolder]:
    """A supervisor that lives and whose cluster is well."""
    folder = ClusterFolder(os.getpid())
    folder.report(Report(state=ClusterState.RUNNING))
    yield folder
    folder.remove()


@pytest.fixture
def swept(db: None, supervised: ClusterFolder, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("apps.workers.sweeper.ring_for_due_work", lambda: None)
    sweep()
    yield
    heartbeat_file().unlink(missing_ok=True)


def test_ready_after_a_sweep(swept: None) -> None:
    assert told() == (200, dict.fromkeys(["database", "migrations", "sealer", "sweeper", "workers"], "ok"))


@pytest.mark.parametrize("state", [ClusterState.STARTING, ClusterState.DEAF, ClusterState.RESTARTING])
def test_a_cluster_that_is_not_well_is_told_and_its_restarts_are_counted_by_cause(
    swept: None, supervised: ClusterFolder, state: ClusterState
) -> None:
    supervised.report(Report(state=state, restarts={"exit": 2, "stall": 1}))
    other = ClusterFolder(os.getppid())
    other.report(Report(state=ClusterState.RUNNING, restarts={"exit": 1, "stall": 0}))
    status, checks = told()
    other.remove()
    assert (status, checks["workers"]) == (503, f"cluster is {state}")
    assert json.loads(health.readyz(REQUEST).content)["restarts"] == {"exit": 2, "stall": 1}


def test_a_supervisor_that_is_gone_is_missed_where_workers_are_expected(
    swept: None, supervised: ClusterFolder, settings: Settings
) -> None:
    os.close(supervised._lock)  # as the kernel does when it is killed
    status, checks = told()
    assert (status, checks["workers"]) == (503, "no supervisor runs: start manage.py runworker")
    settings.EXPECT_LOCAL_WORKERS = False
    assert told()[0] == 200
    supervised._lock = os.open(supervised.path / "lock", os.O_RDWR)


def test_a_sweeper_that_stopped_is_told_and_one_elsewhere_is_not_missed(swept: None, settings: Settings) -> None:
    old = time.time() - health.SWEEPER_LATE_SECONDS - 60
    os.utime(heartbeat_file(), (old, old))
    status, checks = told()
    assert status == 503
    assert checks["sweeper"].startswith("last ran ")
    heartbeat_file().unlink()
    status, checks = told()
    assert (status, checks["sweeper"]) == (503, "has never run: start manage.py runworker")
    settings.EXPECT_LOCAL_WORKERS = False
    assert told()[0] == 200


def test_a_migration_that_is_not_applied_is_told(swept: None) -> None:
    recorder = MigrationRecorder(connection)
    (newest,) = MigrationLoader(connection).graph.leaf_nodes("destinations")
    recorder.record_unapplied(*newest)
    status, checks = told()
    assert status == 503
    assert "1 not applied" in checks["migrations"]


def test_an_audit_event_without_its_seal_for_too_long_is_told(swept: None) -> None:
    record_event(action="x.y", by=SYSTEM, place=Place(), target_type="x", target_id="1")
    assert told()[0] == 200
    late = timezone.now() + health.SEALER_LATE + dt.timedelta(minutes=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(timezone, "now", lambda: late)
        assert told()[1]["sealer"] != "ok"
    assert AuditEvent.objects.exists()
    seal_events()


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def down(*arguments: object) -> None:
        raise error("the connection is closed")

    monkeypatch.setattr(type(connection._connections[connection._alias]), "cursor", down)  # type: ignore[attr-defined]
    status, checks = told()
    assert (status, checks["database"]) == (503, "does not answer")
    assert checks["workers"].startswith("no supervisor")  # what is no question to the database is told all the same
    assert health.healthz(REQUEST).status_code == 200
