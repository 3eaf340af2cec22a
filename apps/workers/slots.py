"""How many syncs run at once on this machine: a source that hangs must leave a worker to deliveries and mails.

Owns one lock file per place (flock(2)): it is free again when its process is gone, however it went.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings


@contextmanager
def sync_slot() -> Iterator[bool]:
    """Hold one of the places for the time of a step; False when all are taken."""
    folder = Path(settings.VAR) / "run"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(settings.SYNC_WORKERS):
        with (folder / f"sync-slot.{number}").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield True
            return
    yield False
