"""Starts django-q2's cluster and survives what it does not (queue.md 5.9): exits, orphans, deaf clusters.

Owns one child and its session. Never signals the group with SIGTERM: workers would die in the middle of a task.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings

from apps.audit.services import seal_events
from apps.outbox.doorbell import waiting_hints
from apps.outbox.draining import draining_flag

from .clusters import Cause, ClusterFolder, ClusterState, Report, end_leftovers
from .duties import Duty
from .sessions import become_subreaper, end_session, reap_orphans
from .sweeper import ring_for_due_work, sweep
from .watchdog import Watchdog

logger = logging.getLogger("relay.supervisor")
LOOK_SECONDS = 0.25
RING_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 30.0


class Supervisor:
    """One cluster under one roof; `run` returns when it was told to stop."""

    def __init__(self, manage_py: Path) -> None:
        self.command = [sys.executable, str(manage_py), "qcluster"]
        # A plain flag: Event.set() in a signal handler can deadlock with wait() (django-q2 issue 346).
        self.stopping = False
        self.child: subprocess.Popen[bytes] | None = None
        self.folder: ClusterFolder | None = None
        self.watchdog: Watchdog | None = None
        self.told = Report()
        self.backoff, self.not_before = 1.0, 0.0
        self.hints = 0

    def run(self) -> None:
        become_subreaper()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        if ended := end_leftovers():
            logger.error("ended %s processes that a lost supervisor had left", ended)
        duties = [
            Duty("sweep", sweep, every_seconds=settings.SWEEP_SECONDS),
            Duty("ring", self._ring, every_seconds=RING_SECONDS),
            Duty("seal", seal_events, every_seconds=RING_SECONDS),  # the tail that is not sealed yet stays short
        ]
        for duty in duties:
            duty.start()
        watch = Duty("watch", self._watch, every_seconds=LOOK_SECONDS)  # in this thread: it hears the signals
        try:
            while not self.stopping:
                watch.do()
                time.sleep(LOOK_SECONDS)
        finally:
            self._stop()
            for duty in duties:
                duty.end(patience_seconds=2)

    def _ask_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _ring(self) -> None:
        self.hints = 0  # unknown while the database is away: nobody is judged by it
        waiting = waiting_hints()
        ring_for_due_work()
        self.hints = waiting

    def _watch(self) -> None:
        """Look after the cluster once: start it, or end what is left of it."""
        now = time.monotonic()
        if self.child is None or self.watchdog is None:
            if now >= self.not_before:
                self._start()
        elif self.child.poll() is not None:
            # Any exit, return code 0 included, leaves orphans that still take tasks.
            logger.error("cluster ended with %s: restarting it", self.child.returncode)
            self._end(Cause.EXIT)
        elif self.watchdog.is_deaf(now):
            logger.error("cluster is deaf: restarting it")
            self._end(Cause.STALL)
        elif not self.watchdog.is_up:
            self._report(ClusterState.STARTING)
        else:
            self._report(ClusterState.DEAF if self.watchdog.unmoved else ClusterState.RUNNING)
        reap_orphans(but=self.child.pid if self.child else 0)

    def _start(self) -> None:
        env = {**os.environ, "VAR": str(settings.VAR)}  # by which its processes are known, whatever happens next
        self.child = subprocess.Popen(self.command, env=env, start_new_session=True)  # noqa: S603
        before, self.folder = self.folder, ClusterFolder(self.child.pid)
        self.told.state = ""
        self._report(ClusterState.STARTING)
        if before is not None:
            before.remove()
        self.watchdog = Watchdog(cluster=self.child.pid, folder=self.folder.path, hints=lambda: self.hints)

    def _end(self, cause: Cause) -> None:
        """Kill what is left; the next start waits longer each time that a cluster did not even come up."""
        came_up = self.watchdog is not None and self.watchdog.is_up
        self._kill()
        self.told.restarts[cause] += 1
        self._report(ClusterState.RESTARTING)
        self.not_before = time.monotonic() + (0 if came_up else self.backoff)
        self.backoff = 1.0 if came_up else min(LONGEST_BACKOFF_SECONDS, self.backoff * 2)

    def _kill(self) -> None:
        if self.child is not None:
            end_session(self.child.pid)
            self.child.wait()
            reap_orphans()
        self.child = self.watchdog = None

    def _report(self, state: ClusterState) -> None:
        if self.folder is not None and self.told.state != state:
            self.told.state = state.value
            self.folder.report(self.told)

    def _stop(self) -> None:
        """Let running tasks end, then end the session: leases make that safe."""
        if self.child is not None and self.child.poll() is None:
            draining_flag(self.child.pid).touch()
            self.child.send_signal(signal.SIGTERM)  # its main process only
            try:
                self.child.wait(settings.STOP_SECONDS)
            except subprocess.TimeoutExpired:
                logger.error("cluster did not stop in %s s: killing it", settings.STOP_SECONDS)
        self._kill()
        if self.folder is not None:
            self.folder.remove()
