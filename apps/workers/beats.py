"""What the processes of a cluster leave behind while they work: who is at it, and when each kind last did something.

django-q2's own figures cannot tell a busy cluster from a deaf one (queue.md 4). Owns small files in the cluster's
folder; refuses to disturb: a beat that cannot be written is let go.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from apps.outbox.draining import cluster_folder

WORKER, MONITOR, BUSY = "beat.worker", "beat.monitor", "busy."


def connect() -> None:
    """Hear of every task that begins and ends, and of every result that is kept."""
    from django_q.signals import post_execute, post_execute_in_worker, pre_execute

    pre_execute.connect(_begin, dispatch_uid="relay.begin")
    post_execute_in_worker.connect(_end, dispatch_uid="relay.end")
    post_execute.connect(_kept, dispatch_uid="relay.kept")


def _begin(**_: object) -> None:
    _touch(f"{BUSY}{os.getpid()}")
    _touch(WORKER)


def _end(**_: object) -> None:
    with suppress(OSError):
        (cluster_folder() / f"{BUSY}{os.getpid()}").unlink()


def _kept(**_: object) -> None:
    _touch(MONITOR)


def _touch(name: str) -> None:
    with suppress(OSError):  # no supervisor, or a full disk: the work matters more
        (cluster_folder() / name).touch()


def last_beat(folder: Path, name: str) -> int:
    """Return when that kind last did something; 0 before its first time. Units: nanoseconds."""
    try:
        return (folder / name).stat().st_mtime_ns
    except OSError:
        return 0


def busy_workers(folder: Path) -> set[int]:
    """Return the living processes that are in the middle of a task."""
    marked = {int(each.name.removeprefix(BUSY)) for each in folder.glob(f"{BUSY}*")}
    return {pid for pid in marked if Path(f"/proc/{pid}").exists()}
