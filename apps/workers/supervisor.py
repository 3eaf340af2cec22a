"""Starts django-q2's cluster and survives what it does not (queue.md 5.9): exits, orphans, deaf clusters.

Owns one child process group. Never signals the group with SIGTERM: workers would die in the middle of a task.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections
from django.db.models.functions import Now

from apps.audit.services import seal_events
from apps.destinations.models import Delivery
from apps.mails.models import Mail
from apps.outbox.draining import draining_flag
from apps.syncs.models import SyncJob

from .sweeper import ring_for_due_work, sweep
from .telling import told

logger = logging.getLogger("relay.supervisor")
PR_SET_CHILD_SUBREAPER = 36
STOP_SECONDS = 25.0
RING_SECONDS = 2.0
STALL_SAMPLES = 3
STALL_INTERVAL_SECONDS = 20.0


class Supervisor:
    """One cluster under one roof; `run` returns when it was told to stop."""

    def __init__(self, manage_py: Path) -> None:
        self.command = [sys.executable, str(manage_py), "qcluster"]
        # A plain flag: Event.set() in a signal handler can deadlock with wait() (django-q2 issue 346).
        self.stopping = False
        self.child: subprocess.Popen[bytes] | None = None
        self.backoff = 1.0

    def run(self) -> None:
        become_subreaper()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        draining_flag().unlink(missing_ok=True)
        stall = Stall()
        next_sweep = next_ring = 0.0
        try:
            while not self.stopping:
                self._ensure_child()
                now = time.monotonic()
                if now >= next_sweep:
                    _guarded(sweep)
                    next_sweep = now + settings.SWEEP_SECONDS
                if now >= next_ring:
                    _guarded(ring_for_due_work)
                    _guarded(seal_events)  # the tail that is not sealed yet stays short
                    next_ring = now + RING_SECONDS
                if _guarded(partial(stall.is_deaf, now)):
                    logger.error("cluster is deaf: restarting it")
                    self._kill()
                time.sleep(0.5)
        finally:
            self._stop()

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _ensure_child(self) -> None:
        if self.child is not None and self.child.poll() is None:
            return
        if self.child is not None:
            # Any exit, return code 0 included, leaves orphans that still take tasks.
            logger.error("cluster ended with %s: restarting", self.child.returncode)
            self._kill()
            time.sleep(0 if self.stopping else self.backoff)
            self.backoff = min(30.0, self.backoff * 2)
        self.child = subprocess.Popen(self.command, start_new_session=True)  # noqa: S603
        self._started_at = time.monotonic()

    def _kill(self) -> None:
        if self.child is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        reap_orphans()
        if time.monotonic() - self._started_at > 60:
            self.backoff = 1.0
        self.child = None

    def _stop(self) -> None:
        """Let running tasks end, then end the group: leases make that safe."""
        draining_flag().parent.mkdir(parents=True, exist_ok=True)
        draining_flag().touch()
        if self.child is not None and self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)  # its main process only
            try:
                self.child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                logger.error("cluster did not stop in %s s: killing it", STOP_SECONDS)
        self._kill()
        draining_flag().unlink(missing_ok=True)


class Stall:
    """A deaf cluster: hints waiting in its own queues, unchanged over several looks, while work is due."""

    def __init__(self) -> None:
        self.next_look = time.monotonic() + STALL_INTERVAL_SECONDS
        self.unchanged = 0
        self.before: tuple[int, int] = (0, 0)

    def is_deaf(self, now: float) -> bool:
        if now < self.next_look:
            return False
        self.next_look = now + STALL_INTERVAL_SECONDS
        seen = self._waiting()
        # Busy is not deaf: a running row whose lease is prolonged has a worker behind it.
        stuck = seen == self.before and seen != (0, 0) and not is_work_running()
        self.unchanged = self.unchanged + 1 if stuck else 0
        self.before = seen
        if self.unchanged < STALL_SAMPLES:
            return False
        self.unchanged = 0
        return True

    def _waiting(self) -> tuple[int, int]:
        from django_q.status import Stat

        found = Stat.get_all() or Stat.get_all()
        return sum(stat.task_q_size for stat in found), sum(stat.done_q_size for stat in found)


def is_work_running() -> bool:
    if SyncJob.objects.filter(state="ACTIVE", lease_until__gt=Now()).exists():
        return True
    return any(rows.objects.filter(state="RUNNING", lease_until__gt=Now()).exists() for rows in (Delivery, Mail))


def become_subreaper() -> None:
    """Orphans of a killed cluster come back to us instead of to init (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap_orphans() -> None:
    """Collect every dead child that was handed to us."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def _guarded(duty: Callable[[], object]) -> object:
    """A database that is away for a moment must not end the supervisor."""
    try:
        close_old_connections()
        return duty()
    except Exception as error:
        logger.error("%s stopped by %s", getattr(duty, "__name__", "duty"), told(error))
        return None
