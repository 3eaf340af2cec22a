"""The one queue task: it drains both lanes, stops when told, and never raises."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from apps.outbox.doorbell import DRAIN, Lane
from apps.outbox.draining import draining_flag
from apps.workers import tasks


class Work:
    """Two lanes with so much to do each; what was done, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **left: int) -> None:
        self.left = left
        self.done: list[str] = []
        monkeypatch.setattr(tasks, "deliver_next", lambda: self.one("deliver"))
        monkeypatch.setattr(
            tasks, "WORK", {Lane.SYNC: lambda: self.one("sync"), Lane.DELIVER: lambda: self.one("deliver")}
        )

    def one(self, lane: str) -> bool:
        if not self.left.get(lane):
            return False
        self.left[lane] -= 1
        self.done.append(lane)
        return True


@pytest.fixture
def stopping() -> Iterator[None]:
    draining_flag().parent.mkdir(parents=True, exist_ok=True)
    draining_flag().touch()
    yield
    draining_flag().unlink()


def test_the_sync_lane_drains_deliveries_before_each_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch, deliver=3, sync=2)
    tasks.drain("sync")
    assert work.done == ["deliver", "deliver", "deliver", "sync", "sync"]


def test_a_delivery_that_a_sync_makes_goes_before_the_next_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch, deliver=0, sync=2)

    def sync() -> bool:
        work.left["deliver"] += work.left["sync"] > 0
        return work.one("sync")

    monkeypatch.setitem(tasks.WORK, Lane.SYNC, sync)
    tasks.drain("sync")
    assert work.done == ["sync", "deliver", "sync", "deliver"]


def test_the_delivery_lane_leaves_syncs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch, deliver=2, sync=2)
    tasks.drain("deliver")
    assert work.done == ["deliver", "deliver"]


def test_nothing_is_begun_while_the_supervisor_stops(monkeypatch: pytest.MonkeyPatch, stopping: None) -> None:
    work = Work(monkeypatch, deliver=2, sync=2)
    tasks.drain("sync")
    assert work.done == []


def test_it_ends_in_time_although_work_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(monkeypatch, deliver=10)
    monkeypatch.setattr(tasks, "DRAIN_SECONDS", 0.0)
    tasks.drain("deliver")
    assert work.done == []


@pytest.mark.parametrize("lane", ["sync", "deliver"])
def test_a_fault_is_logged_by_its_class_alone_and_not_raised(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, lane: str
) -> None:
    def fail() -> bool:
        raise RuntimeError("Amy Shaw, born 1987")

    monkeypatch.setattr(tasks, "deliver_next", lambda: False)
    monkeypatch.setitem(tasks.WORK, Lane(lane), fail)
    with caplog.at_level(logging.ERROR):
        tasks.drain(lane)
    assert "RuntimeError" in caplog.text
    assert "Amy" not in caplog.text


def test_the_doorbell_names_this_task() -> None:
    module, _, name = DRAIN.rpartition(".")
    assert (module, getattr(tasks, name)) == (tasks.__name__, tasks.drain)
