"""What is done to the product: one injury every one to two and a half seconds, of kinds drawn by the seed."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django_q.models import OrmQ

from .machines import World, patiently
from .workers import Workers, kill

# How often each is drawn, relative to the others.
WEIGHTS = {
    "worker": 6, "monitor": 3, "pusher": 3, "sentinel": 3, "main": 3, "group": 3, "supervisor": 2, "frozen worker": 2,
    "database": 2, "hints deleted": 2, "hints doubled": 2, "lost answers": 3, "5xx": 2, "slow answers": 3,
}  # fmt: skip
DOWN_FROM, DOWN_UNTIL = 0.25, 0.5  # of the run: one destination answers nothing but 503
FROZEN_SECONDS = 8.0  # longer than a lease


@dataclass(frozen=True)
class Injury:
    kind: str
    at: float  # time.time()


class Injuries:
    """Draws them, does them, remembers them."""

    def __init__(self, world: World, seed: int, seconds: float) -> None:
        self.world, self.random, self.seconds = world, random.Random(seed), seconds
        self.done: list[Injury] = []
        self.began = time.monotonic()
        self.next_at = self.began + self._pause()
        self.is_down = False
        self.gave_up: list[str] = []
        self.timers: list[threading.Timer] = []

    def counts(self) -> Counter[str]:
        return Counter(each.kind for each in self.done)

    def go_on(self) -> None:
        """Do what is due, and start again what a service manager would."""
        now = time.monotonic()
        for machine in self.world.machines:
            if machine.process is not None and (status := machine.process.poll()) is not None:
                if status != -signal.SIGKILL:
                    self.gave_up.append(f"a supervisor ended by itself with {status}")
                machine.start()
        part = (now - self.began) / self.seconds
        if self.is_down != (DOWN_FROM <= part < DOWN_UNTIL):
            self._take_down(not self.is_down)
        if now >= self.next_at:
            self.next_at = now + self._pause()
            self._injure()

    def end(self) -> None:
        """Let everything that is not dead live."""
        for timer in self.timers:
            timer.join()
        self.world.forget_plans()
        self.go_on()

    def _pause(self) -> float:
        return self.random.uniform(1.0, 2.5)

    def _injure(self) -> None:
        (kind,) = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))
        machine = self.random.choice(self.world.machines)
        others: dict[str, Callable[[], bool]] = {
            "supervisor": lambda: self._kill_supervisor(machine),
            "frozen worker": lambda: self._freeze(machine),
            "database": self._crash_database,
            "hints deleted": lambda: bool(patiently(lambda: OrmQ.objects.all().delete()[0])),
            "hints doubled": self._double_hints,
            "lost answers": lambda: self._plan(count=2, lost=True),
            "5xx": lambda: self._plan(count=2, status=500, code="InternalError"),
            "slow answers": lambda: self._plan(count=3, delay_seconds=3.0),
        }
        at = time.time()
        if others[kind]() if kind in others else machine.kill(kind):
            self.done.append(Injury(kind, at))

    def _plan(self, **how: object) -> bool:
        self.world.plan_at_aws(service="s3", method="PUT", path=".ndjson", **how)
        return True

    def _take_down(self, down: bool) -> None:
        self.is_down = down
        if down:
            self.world.plan_at_aws(path=self.world.destinations[-1].bucket, status=503, code="SlowDown", count=10**9)
            self.done.append(Injury("destination down", time.time()))
        else:
            self.world.forget_plans()

    def _kill_supervisor(self, machine: Workers) -> bool:
        return machine.process is not None and bool(kill([machine.process.pid]))

    def _freeze(self, machine: Workers) -> bool:
        frozen = kill((machine.roles().get("worker") or [])[:1], signal.SIGSTOP)
        for pid in frozen:
            self.timers.append(threading.Timer(FROZEN_SECONDS, _thaw, [pid, machine]))
            self.timers[-1].start()
        return bool(frozen)

    def _crash_database(self) -> bool:
        self.world.database.stop("immediate")
        self.world.database.ensure_running()
        return True

    def _double_hints(self) -> bool:
        def double() -> int:
            hints = list(OrmQ.objects.all())
            OrmQ.objects.bulk_create(OrmQ(key=each.key, payload=each.payload, lock=each.lock) for each in hints)
            return len(hints)

        return bool(patiently(double))


def _thaw(pid: int, machine: Workers) -> None:
    """Let it go on, if it is still one of that machine."""
    with suppress(OSError):
        if pid in machine.left_over():
            os.kill(pid, signal.SIGCONT)
