"""How the figures are taken: the best or the median of some runs, compared within one run only."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed line; `target` is what the design asks for, empty where it asks for nothing."""

    what: str
    value: str
    target: str = ""


def best_of_each(
    runs: int, works: Sequence[Callable[[], object]], prepare: Callable[[], object] = lambda: None
) -> list[float]:
    """Return the shortest time of each in seconds."""
    return [min(each) for each in taken_in_turn(runs, works, prepare)]


def medians_of(runs: int, works: Sequence[Callable[[], object]]) -> list[float]:
    """Return the median time of each in seconds."""
    return [statistics.median(each) for each in taken_in_turn(runs, works)]


def taken_in_turn(
    runs: int, works: Sequence[Callable[[], object]], prepare: Callable[[], object] = lambda: None
) -> list[list[float]]:
    """Return the times of each in seconds; they take turns, so that a busy moment hits all alike."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        prepare()
        for found, work in zip(times, works, strict=True):
            began = time.perf_counter()
            work()
            found.append(time.perf_counter() - began)
    return times


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values lies (nearest rank)."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
