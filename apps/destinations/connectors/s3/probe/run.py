"""One run of Test connection: what its steps hand on to each other, and how a failure becomes a step.

Owns the test's object and its write, which is a delivery's; refuses to say more of a failure than its advice.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkstemp

from ...base import Batch, Receipt, Step, StepResult
from ..config import S3Config
from ..failures import S3Failure
from ..sending import send
from ..sessions import Session, Sessions

PROBE_TEXT = (
    b"This object was written by Test connection of your record delivery destination.\n"
    b"It holds no health data. If it is still here, we may not delete it; you may.\n"
)


@dataclass(slots=True, kw_only=True)
class Run:
    """What the steps of one test hand on to each other."""

    config: S3Config
    sessions: Sessions
    spool_dir: Path
    own_account_role_arns: Collection[str]
    settle_seconds: float
    # How the first write ended, and how long it took: two steps speak of it.
    written: Receipt | S3Failure | None = None
    write_milliseconds: int = 0
    object_key: str = field(init=False)
    # Without a slash, so that it is below no prefix.
    outside_key: str = field(init=False)
    _unnarrowed: Session | None = None

    def __post_init__(self) -> None:
        name = f"{self.config.destination_id}-{secrets.token_hex(8)}.txt"
        self.object_key = f"{self.config.prefix}_connection-test/{name}"
        self.outside_key = f"_connection-test-{name}"

    def write(self) -> Receipt:
        """Write the test's object as a delivery is written. Raises: S3Failure."""
        with _spooled(self.spool_dir) as path:
            batch = Batch(
                path=path,
                object_key=self.object_key,
                content_type="text/plain; charset=utf-8",
                size_bytes=len(PROBE_TEXT),
                sha256_hex=hashlib.sha256(PROBE_TEXT).hexdigest(),
            )
            return send(self.sessions, self.config, batch)

    def write_first(self) -> Receipt | S3Failure:
        """Write the object once for all steps that ask how it went."""
        if self.written is None:
            started = time.perf_counter()
            try:
                self.written = self.write()
            except S3Failure as error:
                self.written = error
            self.write_milliseconds = _since(started)
        return self.written

    def unnarrowed(self) -> Session:
        """Return a session that may do what the role may. Raises: S3Failure."""
        if self._unnarrowed is None:
            self._unnarrowed = self.sessions.begin_unnarrowed(self.config)
        return self._unnarrowed


def run_steps(run: Run, steps: Sequence[tuple[str, Callable[[Run], Step]]]) -> Iterator[Step]:
    """Yield every step with its time; after a failure the rest as not run."""
    is_over = False
    for name, action in steps:
        if is_over:
            yield Step(name=name, result=StepResult.NOT_RUN)
            continue
        started = time.perf_counter()
        try:
            step = action(run)
        except S3Failure as error:
            step = failed(error)
        is_over = step.result is StepResult.FAIL
        yield replace(step, name=name, milliseconds=step.milliseconds or _since(started))


def passed(message: str, *request_ids: str, code: str = "", milliseconds: int = 0) -> Step:
    """Build a step that does not know its name yet; `run_steps` adds it."""
    return Step(
        name="",
        result=StepResult.PASS,
        message=message,
        code=code,
        request_id=joined(request_ids),
        milliseconds=milliseconds,
    )


def failed(error: S3Failure) -> Step:
    """Turn a failure into the step that says what it means, what to do and what to paste where."""
    first, *others = error.pastes or (None,)
    return Step(
        name="",
        result=StepResult.FAIL,
        code=error.code,
        message=error.advice.message,
        advice=error.advice.advice,
        where=first.where if first else "",
        snippet=first.snippet if first else "",
        also=tuple(each for each in others if each),
        fix=error.fix,
        owner=error.owner.value,
        request_id=error.request_id,
    )


def joined(request_ids: Sequence[str]) -> str:
    """Write the request IDs of a step that asked more than once."""
    return ", ".join(each for each in request_ids if each)


def _since(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)


@contextmanager
def _spooled(spool_dir: Path) -> Iterator[Path]:
    """Keep the test's text in a file while it is written, as a delivery is."""
    handle, name = mkstemp(dir=spool_dir, prefix="connection-test-", suffix=".txt")
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(PROBE_TEXT)
        yield path
    finally:
        path.unlink(missing_ok=True)
