"""The folder of a running cluster: who supervises it, how it is, why it was restarted.

Owns the files that supervisor, workers and `/readyz` share. A supervisor is alive as long as it holds the lock in
the folder: the kernel drops it, however the supervisor ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path

from django.conf import settings

from apps.outbox.draining import cluster_folder, clusters_root

from .sessions import cluster_sessions, end_session, is_cluster, members


class Cause(StrEnum):
    """Why a cluster was restarted."""

    EXIT = "exit"  # its main process ended, for whatever reason
    STALL = "stall"  # it was alive and took no work


class ClusterState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    DEAF = "deaf"  # it has not moved since the last look
    RESTARTING = "restarting"


@dataclass
class Report:
    """How a cluster is. Shape: restarts counts by cause since its supervisor started."""

    state: str = ClusterState.STARTING.value
    restarts: dict[str, int] = field(default_factory=lambda: {cause.value: 0 for cause in Cause})


class ClusterFolder:
    """The folder of one cluster, held by its supervisor."""

    def __init__(self, session: int) -> None:
        self.path = cluster_folder(session)
        shutil.rmtree(self.path, ignore_errors=True)  # of an earlier boot: the number is ours now
        self.path.mkdir(mode=0o700, parents=True)
        # Held before it can be seen: another supervisor that starts now must not take it for left over.
        self._lock = os.open(self.path / "lock.new", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        (self.path / "lock.new").rename(self.path / "lock")

    def report(self, told: Report) -> None:
        draft = self.path / "report.new"
        draft.write_text(json.dumps(asdict(told)))
        draft.replace(self.path / "report")

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def living_reports() -> list[Report]:
    """Return what the living supervisors of this machine say of their clusters."""
    found = []
    for path in _folders():
        if _is_supervised(path):
            with suppress(OSError, ValueError):
                found.append(Report(**json.loads((path / "report").read_text())))
    return found


def end_leftovers() -> int:
    """End the clusters whose supervisor was killed; return how many processes that were.

    One that was killed right after it had started a cluster has left no folder: its processes are found by their VAR.
    """
    ended = 0
    for session in {int(path.suffix[1:]) for path in _folders()} | cluster_sessions(settings.VAR):
        path = cluster_folder(session)
        if path.exists() and _is_supervised(path):
            continue
        ours = [pid for pid in members(session) if is_cluster(pid)]
        if ours:
            end_session(session)
        ended += len(ours)
        shutil.rmtree(path, ignore_errors=True)
    return ended


def _folders() -> Iterator[Path]:
    yield from (path for path in clusters_root().glob("cluster.*") if path.suffix[1:].isdigit())


def _is_supervised(path: Path) -> bool:
    try:
        handle = os.open(path / "lock", os.O_RDWR)
    except FileNotFoundError:  # it is just being made, or just being removed
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
