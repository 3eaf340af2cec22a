"""What the bucket does with the delivery's own write.

Owns the steps from region to encryption; refuses a bucket that is elsewhere, that overwrites, or that encrypts
otherwise than asked. Source: aws-and-sftp sections 4 and 5; rulings B4.
"""

from __future__ import annotations

from dataclasses import replace

from ...base import Receipt, Step, StepResult
from ..failures import REDIRECTS, S3Failure
from ..write import check_encryption
from .run import Run, failed, passed


def region(run: Run) -> Step:
    """Write, and see whether AWS sends us to another region: we never follow (ruling B4)."""
    written = run.write_first()
    if isinstance(written, S3Failure) and written.code in REDIRECTS:
        return replace(failed(written), milliseconds=run.write_milliseconds)
    return passed("Amazon S3 sends us to no other region.", written.request_id, milliseconds=run.write_milliseconds)


def write_object(run: Run) -> Step:
    """Say how the same write ended otherwise."""
    written = run.write_first()
    if isinstance(written, S3Failure):
        return replace(failed(written), milliseconds=run.write_milliseconds)
    return passed(f"We wrote {run.object_key}.", written.request_id, milliseconds=run.write_milliseconds)


def refuse_overwrite(run: Run) -> Step:
    """Write the same key again: the storage must refuse."""
    try:
        receipt = run.write()
    except S3Failure as error:
        if error.code != "PreconditionFailed":
            raise
        return passed("The storage refuses to overwrite.", error.request_id)
    if receipt.already_there:
        return passed("The storage refuses to overwrite.", receipt.request_id)
    return Step(
        name="",
        result=StepResult.FAIL,
        message="The storage let the same key be written twice.",
        code="Overwritten",
        advice="Use a store that honours conditional writes (If-None-Match), as Amazon S3 does.",
        owner="customer",
        request_id=receipt.request_id,
    )


def encryption(run: Run) -> Step:
    """Compare what the write's answer says with what was asked for."""
    written = run.write_first()
    assert isinstance(written, Receipt)  # noqa: S101 - a failed write has ended the run
    check_encryption(run.config, written)
    return passed(f"The object is encrypted with {run.config.encryption}.", written.request_id)
