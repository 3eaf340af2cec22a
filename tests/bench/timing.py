"""How the figures are taken: the best of some runs, compared within one run only."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed line; `target` is what the design asks for, empty where it asks for nothing."""

    what: str
    value: str
    target: str = ""


def best_of(runs: int, work: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> float:
    """Return the shortest time in seconds."""
    times = []
    for _ in range(runs):
        prepare()
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values lies (nearest rank)."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
