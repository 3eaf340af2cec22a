"""Test connection for S3: the steps, in order, as one table.

Owns what each step proves; refuses to call anything safe that AccessDenied did not refuse (fail closed).
Assuming and writing are the delivery's own functions (architecture D9).
Source: aws-and-sftp section 5; IAM User Guide "How to use an external ID"; rulings B4, B6; lessons rank 5.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkstemp

from ...policies import render, trust_policy
from ..base import Batch, Receipt, Step, StepResult
from .config import S3Config, known_regions, validate
from .failures import S3Failure
from .sessions import Session, Sessions
from .write import check_encryption, put_file

PROBE_TEXT = (
    b"This object was written by Test connection of your record delivery destination.\n"
    b"It holds no health data. We cannot delete it; you may.\n"
)
ANSWERED = frozenset({"AccessDenied"})


@dataclass(slots=True, kw_only=True)
class Run:
    """What the steps of one test hand on to each other."""

    config: S3Config
    sessions: Sessions
    spool_dir: Path
    own_account_role_arns: Collection[str]
    settle_seconds: float
    session: Session | None = None
    receipt: Receipt = field(default_factory=Receipt)
    object_key: str = field(init=False)

    def __post_init__(self) -> None:
        name = f"{self.config.destination_id}-{secrets.token_hex(8)}.txt"
        self.object_key = f"{self.config.prefix}_connection-test/{name}"

    def write(self) -> Receipt:
        """Write the test's object as a delivery is written. Raises: S3Failure."""
        session = self.session or self.sessions.get(self.config)
        with _spooled(self.spool_dir) as path:
            batch = Batch(
                path=path,
                object_key=self.object_key,
                content_type="text/plain; charset=utf-8",
                size_bytes=len(PROBE_TEXT),
                sha256_hex=hashlib.sha256(PROBE_TEXT).hexdigest(),
            )
            return put_file(session.client, self.config, batch)


def probe(run: Run) -> Iterator[Step]:
    """Yield every step with its time; after a failure the rest as not run."""
    failed = False
    for name, action in STEPS:
        if failed:
            yield Step(name=name, result=StepResult.NOT_RUN)
            continue
        started = time.perf_counter()
        try:
            step = action(run)
        except S3Failure as error:
            step = _failed(error)
        failed = step.result is StepResult.FAIL
        yield replace(step, name=name, milliseconds=round((time.perf_counter() - started) * 1000))


def check_form(run: Run) -> Step:
    """Check the fields again, with what only a running server knows."""
    identity = run.sessions.identity
    try:
        own_account_id = identity.account_id()
    except S3Failure:
        own_account_id = None  # the next step says so
    errors = validate(
        run.config.as_fields(),
        own_account_id=own_account_id,
        own_account_role_arns=run.own_account_role_arns,
        regions=known_regions(),
        delivery_role_arn=identity.delivery_role_arn,
    )
    if errors:
        message = " ".join(text for texts in errors.values() for text in texts)
        return _step(StepResult.FAIL, message, code="InvalidForm", advice=f"Correct: {', '.join(errors)}.")
    return _step(StepResult.PASS, "The fields are well formed.")


def our_identity(run: Run) -> Step:
    caller = run.sessions.identity.whoami(run.config.region)
    return _step(StepResult.PASS, f"We speak to AWS as {caller.arn}.", request_id=caller.request_id)


def assume_role(run: Run) -> Step:
    """Assume the role as a delivery does, never from the cache; once more if the trust may need time."""
    try:
        run.session = run.sessions.renew(run.config)
    except S3Failure as error:
        if error.code not in ANSWERED:
            raise
        time.sleep(run.settle_seconds)
        run.session = run.sessions.renew(run.config)
    return _step(StepResult.PASS, "We can assume the role.", request_id=run.session.request_id)


def refuse_without_external_id(run: Run) -> Step:
    return _must_be_refused(run, None, "without an external ID")


def refuse_wrong_external_id(run: Run) -> Step:
    return _must_be_refused(run, wrong_external_id(run.config.external_id), "with a wrong external ID")


def write_object(run: Run) -> Step:
    run.receipt = run.write()
    return _step(
        StepResult.PASS,
        f"We wrote {run.object_key}. It stays: we may not delete.",
        request_id=run.receipt.request_id,
    )


def refuse_overwrite(run: Run) -> Step:
    """Write the same key again: the storage must refuse."""
    try:
        receipt = run.write()
    except S3Failure as error:
        if error.code != "PreconditionFailed":
            raise
        return _step(StepResult.PASS, "The storage refuses to overwrite.", request_id=error.request_id)
    if receipt.already_there:
        return _step(StepResult.PASS, "The storage refuses to overwrite.", request_id=receipt.request_id)
    return _step(
        StepResult.FAIL,
        "The storage let the same key be written twice.",
        code="Overwritten",
        advice="Use a store that honours conditional writes (If-None-Match), as Amazon S3 does.",
        request_id=receipt.request_id,
    )


def encryption(run: Run) -> Step:
    check_encryption(run.config, run.receipt)
    return _step(StepResult.PASS, f"The object is encrypted with {run.config.encryption}.")


# A step more is a line more.
STEPS: tuple[tuple[str, Callable[[Run], Step]], ...] = (
    ("check_form", check_form),
    ("our_identity", our_identity),
    ("assume_role", assume_role),
    ("refuse_without_external_id", refuse_without_external_id),
    ("refuse_wrong_external_id", refuse_wrong_external_id),
    ("write_object", write_object),
    ("refuse_overwrite", refuse_overwrite),
    ("encryption", encryption),
)


def wrong_external_id(right: str) -> str:
    """Return an ID that begins as the right one, so that a trust on "*" or "prefix-*" is caught too."""
    kept = right[: len(right) // 2]
    wrong = kept + secrets.token_hex(16)
    return wrong if wrong != right else wrong_external_id(right)


def _must_be_refused(run: Run, external_id: str | None, how: str) -> Step:
    """Ask for a session that the trust policy must not give; whatever comes back is dropped unused.

    One more try after a success: a trust policy that was just corrected takes some seconds.
    """
    for wait_seconds in (run.settle_seconds, 0.0):
        try:
            answer = run.sessions.assume(run.config, external_id=external_id)
        except S3Failure as error:
            if error.code in ANSWERED:
                message = f"AWS refuses us {how}, as it must."
                return _step(StepResult.PASS, message, request_id=error.request_id)
            return _inconclusive(error, how)
        request_id = answer["ResponseMetadata"].get("RequestId", "")
        del answer
        time.sleep(wait_seconds)
    return _step(
        StepResult.FAIL,
        f"The role can be assumed {how}.",
        code="TrustTooOpen",
        advice="Anyone who knows your role ARN could have data written through us. Make the condition on "
        "sts:ExternalId in the role's trust policy a StringEquals with exactly your external ID.",
        snippet=render(trust_policy(run.sessions.identity.principal_arn())),
        request_id=request_id,
    )


def _inconclusive(error: S3Failure, how: str) -> Step:
    return _step(
        StepResult.FAIL,
        f"Inconclusive: we could not see whether AWS refuses us {how} ({error.code}).",
        code=error.code,
        advice=f"Try again. {error.advice.advice}",
        request_id=error.request_id,
    )


def _failed(error: S3Failure) -> Step:
    return _step(
        StepResult.FAIL,
        error.advice.message,
        code=error.code,
        advice=error.advice.advice,
        snippet=error.snippet,
        request_id=error.request_id,
    )


def _step(
    result: StepResult,
    message: str,
    *,
    code: str = "",
    advice: str = "",
    snippet: str = "",
    request_id: str = "",
) -> Step:
    """Build a step that does not know its name and time yet; `probe` adds them."""
    return Step(
        name="",
        result=result,
        code=code,
        message=message,
        advice=advice,
        snippet=snippet,
        request_id=request_id,
    )


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
