"""What the supervisor's process does besides supervising, each in a thread of its own: a slow duty delays no other.

Owns rhythm and survival. A database that is away, or hangs, keeps nobody from watching the cluster.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import close_old_connections, connection

from .telling import told

logger = logging.getLogger("relay.supervisor")


class Duty:
    """One thing that is done again and again until it is ended."""

    def __init__(self, name: str, duty: Callable[[], object], *, every_seconds: float) -> None:
        self.name, self.duty, self.every_seconds = name, duty, every_seconds
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def end(self, *, patience_seconds: float) -> None:
        self.ended.set()
        self.thread.join(patience_seconds)

    def _run(self) -> None:
        while not self.ended.is_set():
            self.do()
            self.ended.wait(self.every_seconds)
        connection.close()

    def do(self) -> bool:
        """Do it once; False when it failed."""
        try:
            close_old_connections()
            self.duty()
        except Exception as error:
            logger.error("%s stopped by %s", self.name, told(error))
            return False
        return True
