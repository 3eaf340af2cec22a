"""The demo's processes: payer, local AWS, web, workers. Each dies with the demo, also when it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

PR_SET_PDEATHSIG = 1
READY_SECONDS = 60.0
STOP_SECONDS = 35.0


class DidNotStart(Exception):
    """A part of the demo ended or did not answer; the message names its log."""


class Processes:
    """A stack of child processes, stopped in reverse order."""

    def __init__(self, var: Path) -> None:
        self.logs = var / "log"
        self.logs.mkdir(mode=0o700, exist_ok=True)
        self.children: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, child in reversed(self.children):
            if child.poll() is None:
                child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()

    def start(self, name: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        """Start `python <arguments>`; its output goes to VAR/log/<name>.log."""
        with (self.logs / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603
                [sys.executable, *arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **(env or {})}, preexec_fn=_die_with_parent,
            )  # fmt: skip
        self.children.append((name, child))

    def wait_for(self, name: str, url: str, *, good: Callable[[httpx.Response], bool] | None = None) -> None:
        """Wait until `url` answers as it should. Raises: DidNotStart."""
        ends = time.monotonic() + READY_SECONDS
        while time.monotonic() < ends:
            self.check()
            try:
                answer = httpx.get(url, timeout=5.0, trust_env=False)
                if (good or (lambda found: found.status_code == 200))(answer):
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
        raise DidNotStart(f"{name} did not answer in {READY_SECONDS:.0f} s; see {self.logs / f'{name}.log'}")

    def check(self) -> None:
        """Raises: DidNotStart if a part has ended."""
        for name, child in self.children:
            if child.poll() is not None:
                raise DidNotStart(f"{name} ended with {child.returncode}; see {self.logs / f'{name}.log'}")


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
