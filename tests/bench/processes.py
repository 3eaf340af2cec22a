"""The product's own processes for the figures: `manage.py runworker`, `manage.py run`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

MANAGE_PY = Path(__file__).resolve().parents[2] / "manage.py"


class Managed:
    """One command of `manage.py` with the embedded database of this run; its output goes to VAR."""

    def __init__(self, *arguments: str, env: Mapping[str, str] = {}) -> None:
        log = Path(os.environ["VAR"]) / f"{arguments[0]}.log"
        with log.open("ab") as out:
            self.child = subprocess.Popen(
                [sys.executable, str(MANAGE_PY), *arguments], stdout=out, stderr=out, env={**os.environ, **env}
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.child.terminate()
        self.child.wait()


class Cluster(Managed):
    """The supervisor and its cluster, as the product runs them."""

    def __init__(self, env: Mapping[str, str] = {}) -> None:
        super().__init__("runworker", env={"WORKERS_PER_DESTINATION": "1", **env})  # the default with two workers


def descendants(pid: int) -> list[int]:
    """Return a process and all that it started (proc(5))."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:  # it has just ended
                continue
    return found
