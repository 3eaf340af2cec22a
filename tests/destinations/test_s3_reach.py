"""How far a role reaches: what is warned of, what is tidied up, and what a delivery's session stays unable to do."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from apps.destinations.connectors.base import Batch, StepResult
from apps.destinations.policies import role_policy
from apps.outbound.failures import FaultOwner

from .s3_world import Control, S3Target, allow, ran_step, refusal


def test_role_that_may_write_everywhere_passes_with_a_warning_that_names_it(target: S3Target) -> None:
    target.permit(allow("s3:*"))
    step = ran_step(target, "refuse_outside_prefix")
    assert (step.result, step.code, step.where) == (StepResult.WARN, "RoleTooWide", "role_policy")
    assert json.loads(step.snippet) == role_policy(target.config.bucket, target.config.prefix)
    assert target.s3.list_objects_v2(Bucket=target.config.bucket).get("KeyCount") == 0


def test_upload_that_may_be_begun_and_not_ended_is_shown_with_what_ends_it(target: S3Target, control: Control) -> None:
    target.permit(allow("s3:PutObject"))
    step = ran_step(target, "refuse_outside_prefix")
    assert (step.result, step.code) == (StepResult.WARN, "RoleTooWide")
    (begun,) = control.log(service="s3", method="POST")
    key = begun["path"].rpartition("/")[2]
    assert target.config.bucket in step.message
    assert key in step.message
    (command,) = step.also
    upload_id = command.snippet.rpartition(" ")[2]
    assert (command.where, upload_id in step.message) == ("command", True)
    target.s3.abort_multipart_upload(Bucket=target.config.bucket, Key=key, UploadId=upload_id)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [(503, "SlowDown", ""), (403, "AccessDenied", "not authorized to perform: kms:Decrypt on resource: the key")],
)
def test_beginning_that_fails_for_another_reason_is_no_proof_of_a_narrow_role(
    target: S3Target, control: Control, status: int, code: str, message: str
) -> None:
    steps = target.connector.probe()
    assert [next(steps).name for _ in range(9)][-1] == "encryption"
    control.fault(service="s3", method="POST", count=4, status=status, code=code, message=message)
    step = next(steps)
    assert (step.name, step.result, step.code) == ("refuse_outside_prefix", StepResult.WARN, code)
    assert "could not see" in step.message
    assert next(steps).result is StepResult.PASS


def test_role_that_may_delete_leaves_nothing_behind(target: S3Target) -> None:
    policy = role_policy(target.config.bucket, target.config.prefix)
    policy["Statement"][0]["Action"] = ["s3:PutObject", "s3:DeleteObject"]  # type: ignore[index]
    target.permit(policy)
    step = ran_step(target, "delete_object")
    assert (step.result, "deleted" in step.message) == (StepResult.PASS, True)
    assert target.s3.list_objects_v2(Bucket=target.config.bucket).get("KeyCount") == 0


def test_role_that_may_not_delete_passes_and_says_what_stays(target: S3Target) -> None:
    step = ran_step(target, "delete_object")
    (left,) = target.s3.list_objects_v2(Bucket=target.config.bucket)["Contents"]
    assert (step.result, step.code) == (StepResult.PASS, "AccessDenied")
    assert left["Key"] in step.message


def test_session_of_a_delivery_stays_narrow_after_the_test_looked_without_narrowing(
    target: S3Target, batch: Batch
) -> None:
    target.permit(allow("s3:*"))
    list(target.connector.probe())
    outside = replace(batch, object_key="outside.ndjson")
    assert refusal(target, outside).owner == FaultOwner.US
    assert target.read("outside.ndjson") is None


def test_key_in_the_outside_place_is_below_no_prefix(target: S3Target, control: Control) -> None:
    target.permit(allow("s3:*"))
    list(target.connector.probe())
    (begun,) = control.log(service="s3", method="POST")
    assert "/" not in begun["path"].removeprefix(f"/{target.config.bucket}/")
