"""A deaf cluster is told from a busy, an idle and a starting one, and not before enough looks agree."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from apps.workers.watchdog import Look, Watchdog

IDLE = Look(answers=True, tasks=0, results=0, hints=0, is_busy=False, worker_beat=1, monitor_beat=1)


def look(**found: object) -> Look:
    return dataclasses.replace(IDLE, **found)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "stuck"),
    [
        (IDLE, IDLE, False),
        (look(tasks=1), look(tasks=1), True),
        (look(tasks=1), look(tasks=2), True),
        (look(tasks=1), IDLE, False),
        (look(tasks=1), look(tasks=1, worker_beat=2), False),
        (look(tasks=1), look(tasks=1, is_busy=True), False),
        (look(tasks=1, is_busy=True), look(tasks=1), False),
        (look(hints=1), look(hints=3), True),
        (look(hints=1), look(hints=3, worker_beat=2), False),
        (look(hints=1), look(hints=3, is_busy=True), False),
        (look(results=1), look(results=4), True),
        (look(results=1), look(results=4, monitor_beat=2), False),
        (look(results=1), look(results=4, is_busy=True, worker_beat=9), True),
        (look(answers=False), look(answers=False), True),
        (look(answers=False), IDLE, False),
        (IDLE, look(answers=False), False),
    ],
)
def test_what_is_a_standstill(before: Look, now: Look, stuck: bool) -> None:
    assert now.is_stuck_since(before) is stuck


@pytest.fixture
def dog(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Watchdog:
    settings.STALL_SECONDS, settings.STALL_LOOKS = 20.0, 3
    monkeypatch.setattr("apps.workers.watchdog.time.monotonic", lambda: 0.0)
    return Watchdog(cluster=1, folder=tmp_path, hints=lambda: 0)


def test_it_bites_after_as_many_standstills_as_it_was_told_and_never_between_looks(
    dog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dog, "_stat", lambda: (1, 0))
    looks = {now: dog.is_deaf(float(now)) for now in range(0, 101, 5)}
    assert [now for now, deaf in looks.items() if deaf] == [80, 100]


def test_one_move_starts_the_count_again(dog: Watchdog, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = iter([1, 1, 1, 0, 1, 1, 1, 1])
    monkeypatch.setattr(dog, "_stat", lambda: (1, 0))
    dog.is_deaf(0.0)
    monkeypatch.setattr(dog, "_stat", lambda: (next(tasks), 0))
    assert [dog.is_deaf(20.0 * number) for number in range(1, 9)] == [False] * 7 + [True]


def test_a_cluster_that_never_says_anything_has_a_minute(dog: Watchdog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dog, "_stat", lambda: None)
    assert [dog.is_deaf(now) for now in (1.0, 59.0, 61.0)] == [False, False, True]


def test_a_look_asks_no_database(settings: Settings, tmp_path: Path) -> None:
    """The database may be what is away; here every access to it raises."""
    settings.STALL_SECONDS = 0.0
    dog = Watchdog(cluster=1, folder=tmp_path, hints=lambda: 0)
    dog.is_up = True
    assert dog.is_deaf(dog.looked + 1) is False
