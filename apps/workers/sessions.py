"""The processes of a session: found in /proc, ended without asking.

Owns the death of a cluster that may be half dead already. Source: proc(5), prctl(2); design/queue.md 5.9.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
END_SECONDS = 10.0


def become_subreaper() -> None:
    """Orphans of a killed cluster come back to us instead of to init (prctl(2))."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def members(session: int) -> list[int]:
    """Return the living processes of a session (a zombie is none); nothing where there is no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The program's name is in brackets and may hold anything; then state, parent, group, session.
            state, _, _, theirs = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(theirs) == session and state not in "ZX":
                found.append(int(entry.name))
    return found


def end_session(session: int) -> None:
    """Kill its group, and whoever of the session has left the group."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)
    ends = time.monotonic() + END_SECONDS
    while (left := members(session)) and time.monotonic() < ends:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def reap_orphans(*, but: int = 0) -> None:
    """Collect every dead child that was handed to us, except one that somebody else waits for."""
    with suppress(ChildProcessError):
        while (found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and found.si_pid != but:
            os.waitpid(found.si_pid, 0)


def is_cluster(pid: int) -> bool:
    """Tell whether a process is one of ours: its number may have been given to somebody else since."""
    try:
        return b"qcluster" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def cluster_sessions(var: Path) -> set[int]:
    """Return the sessions of all clusters that were started for this folder."""
    found, ours = set(), f"VAR={var}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if is_cluster(int(entry.name)) and ours in (entry / "environ").read_bytes().split(b"\0"):
                found.add(os.getsid(int(entry.name)))
    return found
