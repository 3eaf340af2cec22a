"""Tells a deaf cluster from a busy one: work is there, nobody is at it, and nothing has moved for several looks.

Owns the judgement; refuses to kill. A killed worker or monitor may take its queue's lock with it: whoever follows
waits for ever, and django-q2 calls that healthy (queue.md 4). Busy is not deaf: while a worker is in a task its queue
may wait, because its time-out ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.cache import caches

from .beats import MONITOR, WORKER, busy_workers, last_beat

# A cluster that has never said anything has this long to come up.
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Look:
    """What one look finds. `tasks` and `results` lie in the cluster's own queues, `hints` before its door."""

    answers: bool
    tasks: int
    results: int
    hints: int
    is_busy: bool
    worker_beat: int
    monitor_beat: int

    def is_stuck_since(self, before: Look) -> bool:
        if not (self.answers or before.answers):
            return True
        worked = self.is_busy or before.is_busy or self.worker_beat != before.worker_beat
        if not worked and (min(self.tasks, before.tasks) > 0 or min(self.hints, before.hints) > 0):
            return True
        return min(self.results, before.results) > 0 and self.monitor_beat == before.monitor_beat


class Watchdog:
    """Looks at one cluster from its start to its end."""

    def __init__(self, *, cluster: int, folder: Path, hints: Callable[[], int]) -> None:
        self.cluster, self.folder, self.hints = cluster, folder, hints
        self.started = self.looked = time.monotonic()
        self.is_up = False
        self.unmoved = 0
        self._before: Look | None = None

    def is_deaf(self, now: float) -> bool:
        """Look, if it is time to; True when STALL_LOOKS in a row have found the same standstill."""
        if not self.is_up:
            self.is_up = self._stat() is not None
            return not self.is_up and now > self.started + START_SECONDS
        if now < self.looked + settings.STALL_SECONDS:
            return False
        self.looked = now
        look = self._look()
        stuck = self._before is not None and look.is_stuck_since(self._before)
        self.unmoved = self.unmoved + 1 if stuck else 0
        self._before = look
        return bool(self.unmoved >= settings.STALL_LOOKS)

    def _look(self) -> Look:
        stat = self._stat()
        return Look(
            answers=stat is not None,
            tasks=stat[0] if stat else 0,
            results=stat[1] if stat else 0,
            hints=self.hints(),
            is_busy=bool(busy_workers(self.folder)),
            worker_beat=last_beat(self.folder, WORKER),
            monitor_beat=last_beat(self.folder, MONITOR),
        )

    def _stat(self) -> tuple[int, int] | None:
        """Return (tasks, results) in this cluster's queues; None when its guard says nothing.

        Read from the file cache where the guard leaves it: asking django-q2's broker would ask the database.
        """
        from django_q.conf import Conf
        from django_q.signing import BadSignature, SignedPackage

        cache = caches[settings.Q_CLUSTER["cache"]]
        for key in cache.get(Conf.Q_STAT) or []:
            with suppress(BadSignature):
                if (pack := cache.get(key)) and (stat := SignedPackage.loads(pack)).pid == self.cluster:
                    return stat.task_q_size, stat.done_q_size
        return None
