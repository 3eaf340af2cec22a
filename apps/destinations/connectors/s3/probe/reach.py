"""How far the role reaches beyond what a delivery needs, asked without our own narrowing.

Owns the look outside the prefix and the tidying up; refuses to fail a test for either: a role that is too wide
is warned of, one that may not delete is right. Source: aws-and-sftp section 5.9; rulings B4, B31.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ....advice import Snippet
from ...base import Paste, Step, StepResult
from ..failures import S3Failure, failure, pastes, request_id_of
from ..write import common_headers, owner_header
from .run import Run, failed, joined, passed

TOO_WIDE = "RoleTooWide"


def refuse_outside_prefix(run: Run) -> Step:
    """Begin an upload outside the prefix and end it at once: it needs the same right and leaves no object.

    Only a refused beginning is a pass; one that was refused for the key's sake says nothing of the path.
    """
    place: dict[str, Any] = {"Bucket": run.config.bucket, "Key": run.outside_key}
    try:
        client = run.unnarrowed().client
        begun = client.create_multipart_upload(**place, **common_headers(run.config))
    except S3Failure as error:
        return _unseen(error)
    except (ClientError, BotoCoreError) as error:
        refused = failure(error, stage="put_object", config=run.config)
        if refused.code == "AccessDenied" and not re.search(r"kms:", str(error)):
            return passed("The role may not write outside the prefix.", refused.request_id, code=refused.code)
        return _unseen(refused)
    upload_id, begun_id = begun["UploadId"], request_id_of(begun)
    try:
        ended = client.abort_multipart_upload(**place, UploadId=upload_id, **owner_header(run.config))
    except (ClientError, BotoCoreError) as error:
        refused = failure(error, stage="abort_upload", config=run.config)
        return _left_behind(run, upload_id, joined((begun_id, refused.request_id)))
    return _too_wide(
        run,
        f"AWS let us begin an upload at {run.outside_key}. We ended it at once, and nothing is left of it.",
        joined((begun_id, request_id_of(ended))),
    )


def delete_object(run: Run) -> Step:
    """Delete the test's own object if the role may; that it may not is no fault."""
    config = run.config
    try:
        client = run.unnarrowed().client
        gone = client.delete_object(Bucket=config.bucket, Key=run.object_key, **owner_header(config))
    except S3Failure as error:
        refused = error
    except (ClientError, BotoCoreError) as error:
        refused = failure(error, stage="delete_object", config=config)
    else:
        request_id = request_id_of(gone)
        if gone.get("DeleteMarker"):
            return passed("We deleted the test's object; its version stays in the bucket's history.", request_id)
        return passed("The role lets us delete, so we deleted the test's object.", request_id)
    stays = f"The test's object stays: {run.object_key}."
    if refused.code == "AccessDenied":
        return passed(f"The role may not delete, and need not. {stays}", refused.request_id, code=refused.code)
    return replace(failed(refused), result=StepResult.WARN, message=f"We could not delete. {stays}")


def _unseen(error: S3Failure) -> Step:
    return replace(
        failed(error),
        result=StepResult.WARN,
        message="We could not see whether the role may write outside the prefix.",
    )


def _left_behind(run: Run, upload_id: str, request_id: str) -> Step:
    """Say where an upload stays that we may begin and not end: it costs its owner nothing but a look (B31)."""
    bucket, key = run.config.bucket, run.outside_key
    step = _too_wide(
        run,
        f"AWS let us begin an upload and does not let us end it: bucket {bucket}, key {key}, upload {upload_id}."
        " It has no parts; end it yourself.",
        request_id,
    )
    command = f"aws s3api abort-multipart-upload --bucket {bucket} --key {key} --upload-id {upload_id}"
    return replace(step, also=(*step.also, Paste(where="command", snippet=command)))


def _too_wide(run: Run, what: str, request_id: str) -> Step:
    config = run.config
    (paste,) = pastes((Snippet.ROLE,), config, our_arn="")
    return Step(
        name="",
        result=StepResult.WARN,
        code=TOO_WIDE,
        message=f"The role may write outside {config.prefix}. {what}",
        advice=f"We narrow every session of ours to {config.bucket}/{config.prefix}, so nothing of ours goes there."
        " Better: let this be all that the role may do.",
        where=paste.where,
        snippet=paste.snippet,
        owner="customer",
        request_id=request_id,
    )
