"""The leases of this process's running attempts, kept alive by one thread."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import close_old_connections, connection

from apps.outbox.claims import LostLease, heartbeat

from .claiming import Claim

# An attempt that took longer may have outlived its connection.
LONG_SECONDS = 5.0


class Beats:
    """One thread of this process prolongs the leases of all its running attempts; the fence decides what they wrote."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[uuid.UUID, Claim] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def keep(self, claim: Claim) -> Iterator[None]:
        began = time.monotonic()
        with self._lock:
            self._held[claim.token] = claim
            if self._thread is None or not self._thread.is_alive():  # the first here, or after a fork
                self._thread = threading.Thread(target=self._beat, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._held[claim.token]
            if time.monotonic() - began > LONG_SECONDS:
                close_old_connections()  # the database may have gone meanwhile: settling asks for a new one then

    def _beat(self) -> None:
        while True:
            time.sleep(settings.LEASE_SECONDS / 4)
            with self._lock:
                running = list(self._held.values())
            for claim in running:
                try:
                    heartbeat(claim.delivery, claim.token)
                except LostLease:
                    continue
                except DatabaseFailure:  # away for a moment: the next beat may still be in time
                    connection.close()
            connection.close()
