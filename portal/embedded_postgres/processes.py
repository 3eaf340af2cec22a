"""Which processes of the server are really there, read from /proc.

Owns the question "is this number a living server of that data folder?", which a pid alone cannot answer: it
may be a zombie that nobody reaps, or by now another program. Without /proc, nothing is found or ended.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

QUIT_SECONDS = 5.0


def server_processes(data: Path) -> set[int]:
    """Return the living postgres processes that work in the data folder (a zombie has no folder)."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program = os.path.basename(os.readlink(entry / "exe"))
            if program.startswith("postgres") and os.readlink(entry / "cwd") == str(data):
                found.add(int(entry.name))
    return found


def is_postmaster_alive(data: Path) -> bool:
    """Tell whether the process named in postmaster.pid lives and is ours."""
    return written_number(data / "postmaster.pid") in server_processes(data)


def written_number(lock: Path) -> int | None:
    """Return the process number in a lock file of PostgreSQL, or None without such a file."""
    try:
        return int(lock.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def clear_dead_postmaster(data: Path, socket: Path) -> None:
    """End the children of a killed postmaster; remove its lock files when its number is a zombie's or taken.

    PostgreSQL itself removes the files of a number that is free, so that case is left to it.
    """
    for sign in (signal.SIGQUIT, signal.SIGKILL):
        deadline = time.monotonic() + QUIT_SECONDS
        for number in server_processes(data):
            with suppress(ProcessLookupError):
                os.kill(number, sign)
        while server_processes(data) and time.monotonic() < deadline:
            time.sleep(0.02)
    for lock in (data / "postmaster.pid", socket.with_name(f"{socket.name}.lock")):
        written = written_number(lock)
        if written is not None and Path(f"/proc/{written}").exists():
            lock.unlink()
