"""One supervisor with its cluster, as a machine runs them: started, looked into by role, hurt, stopped.

Owns the processes that it started; refuses to touch any other.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from apps.workers.sessions import members

MANAGE_PY = Path(__file__).resolve().parents[2] / "manage.py"
ROLES = ("worker", "monitor", "pusher", "sentinel", "main")


def wait_until(condition: Callable[[], object], seconds: float = 60.0, what: str = "it") -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"{what} did not happen in time"
        time.sleep(0.05)


class Workers:
    """`manage.py runworker` on a folder of its own: what is a machine for the others."""

    def __init__(self, var: Path, env: Mapping[str, str]) -> None:
        self.var, self.env = var, {**os.environ, **env, "VAR": str(var)}
        self.log = var / "worker.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        self.var.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE_PY), "runworker"], env=self.env, stdout=log, stderr=log
            )
        return self

    def stop(self) -> int:
        """Ask it to stop and wait; returns the exit status, None of a killed one."""
        if self.process is None:
            return 0
        with suppress(ProcessLookupError):
            self.process.terminate()
        return self.process.wait(90)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        sys.stdout.write(self.log.read_text()[-6000:])  # pytest shows it when a test fails

    def wait_until_up(self, seconds: float = 60.0) -> dict[str, list[int]]:
        wait_until(lambda: all(self.roles().get(role) for role in ROLES), seconds, "a whole cluster")
        return self.roles()

    def session(self) -> int:
        """Return the session of the cluster that runs now; 0 when none does."""
        assert self.process is not None
        for pid in _children(self.process.pid):
            if os.getsid(pid) == pid:
                return pid
        return 0

    def roles(self) -> dict[str, list[int]]:
        """Return the living processes by what they do, as the cluster's guard says."""
        with suppress(OSError, ProcessLookupError):
            session = self.session()
            stat = self._stat(session)
            if stat is not None:
                found = {
                    "worker": stat.workers,
                    "monitor": [stat.monitor],
                    "pusher": [stat.pusher],
                    "sentinel": [stat.sentinel],
                    "main": [stat.pid],
                }
                living = set(members(session))
                return {role: [pid for pid in pids if pid in living] for role, pids in found.items()}
        return {}

    def kill(self, role: str) -> int:
        """kill -9 of the first process of that role, or of the whole group; returns whom, 0 when there was nobody."""
        if role == "group":
            session = self.session()
            with suppress(ProcessLookupError):
                if session:
                    os.killpg(session, signal.SIGKILL)
            return session
        pids = self.roles().get(role) or [0]
        return pids[0] if pids[0] and kill(pids[:1]) else 0

    def left_over(self) -> list[int]:
        """Return every living process that works in this machine's folder, whoever its parent is by now."""
        ours, found = f"VAR={self.var}".encode(), []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if ours in (entry / "environ").read_bytes().split(b"\0"):  # a zombie's is empty
                    found.append(int(entry.name))
        return found

    def _stat(self, session: int) -> Any:
        """Read what the guard of that cluster keeps in its file cache."""
        from django.core.cache.backends.filebased import FileBasedCache
        from django_q.conf import Conf
        from django_q.signing import BadSignature, SignedPackage

        cache = FileBasedCache(str(self.var / "run" / "qstat"), {})
        for key in cache.get(Conf.Q_STAT) or []:
            with suppress(BadSignature):
                if (pack := cache.get(key)) and (stat := SignedPackage.loads(pack)).pid == session:
                    return stat
        return None


def kill(pids: Iterable[int], sign: signal.Signals = signal.SIGKILL) -> list[int]:
    """Signal those that still live; returns them."""
    hit = []
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, sign)
            hit.append(pid)
    return hit


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found
