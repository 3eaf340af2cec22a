"""Test connection of S3 against the local AWS: every hole is found at its own step."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from pathlib import Path
from uuid import UUID

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.destinations.connectors.base import Batch, StepResult
from apps.destinations.connectors.s3.identity import OurIdentity
from apps.destinations.connectors.s3.probe import REFUSALS, wrong_external_ids
from apps.destinations.connectors.s3.sessions import Sessions
from apps.destinations.policies import role_policy
from apps.outbound.failures import FaultOwner

from .s3_world import (
    OURS,
    Control,
    OurAccount,
    S3Target,
    allow,
    failed_step,
    refusal,
)


@pytest.mark.parametrize(
    ("condition", "step"),
    [
        (None, "refuse_without_external_id"),
        ({"StringEqualsIfExists": {"sts:ExternalId": "<right>"}}, "refuse_without_external_id"),
        ({"StringLike": {"sts:ExternalId": "*"}}, "refuse_wrong_external_id"),
        ({"StringLike": {"sts:ExternalId": "<start>*"}}, "refuse_wrong_external_id"),
        ({"StringLike": {"sts:ExternalId": "*<end>"}}, "refuse_wrong_external_id"),
        ({"StringLike": {"sts:ExternalId": "????????-????-????-????-????????????"}}, "refuse_wrong_external_id"),
        ({"ForAllValues:StringEquals": {"sts:ExternalId": "<right>"}}, "refuse_without_external_id"),
        ({"StringNotEquals": {"sts:ExternalId": "another"}}, "refuse_without_external_id"),
        ({"StringEquals": {"sts:ExternalId": "another"}}, "assume_role"),
    ],
)
def test_trust_policy_with_a_hole_fails_at_its_step_with_the_text_to_paste(
    target: S3Target, condition: dict[str, object] | None, step: str
) -> None:
    right = target.config.external_id
    text = json.dumps(condition).replace("<right>", right).replace("<start>", right[:4]).replace("<end>", right[-4:])
    target.trust(json.loads(text))
    failed = failed_step(target)
    assert (failed.name, failed.where, failed.owner) == (step, "trust_policy", "customer")
    assert target.ours.role_arn in failed.snippet
    assert "<your external ID>" in failed.snippet
    assert right not in repr(failed)


@given(st.uuids(), st.integers(0, 36), st.booleans())
def test_every_pattern_with_a_wildcard_at_one_end_is_met_by_a_wrong_id(right: UUID, kept: int, at_end: bool) -> None:
    text = str(right)
    pattern = f"{text[:kept]}*" if at_end else f"*{text[len(text) - kept :]}"
    wrong = wrong_external_ids(text)
    assert text not in wrong
    if kept < len(text):
        assert any(fnmatchcase(each, pattern) for each in wrong)


def test_hole_in_the_trust_hands_out_a_session_that_is_never_used(target: S3Target, control: Control) -> None:
    target.trust(None)
    failed_step(target)
    assert control.log(service="s3") == []


def test_trust_that_is_corrected_while_testing_passes_on_the_second_try(target: S3Target, control: Control) -> None:
    steps = target.connector.probe()
    assert [next(steps).name for _ in range(2)][-1] == "our_identity"
    control.fault(service="sts", count=1, status=403, code="AccessDenied")
    assert {step.result for step in steps} == {StepResult.PASS}


@pytest.mark.parametrize("status", [400, 500])
def test_negative_step_that_is_refused_for_another_reason_is_inconclusive(
    target: S3Target, control: Control, status: int
) -> None:
    steps = target.connector.probe()
    assert [next(steps).name for _ in range(3)][-1] == "assume_role"
    control.fault(service="sts", count=4, status=status, code="ValidationError" if status == 400 else "InternalFailure")
    step = next(steps)
    assert (step.name, step.result) == ("refuse_without_external_id", StepResult.FAIL)
    assert "Inconclusive" in step.message


def test_trust_that_was_closed_after_a_delivery_fails_although_a_session_is_cached(
    target: S3Target, batch: Batch
) -> None:
    target.connector.deliver(batch)
    target.trust({"StringEquals": {"sts:ExternalId": "another"}})
    assert failed_step(target).name == "assume_role"


def test_second_write_that_is_refused_for_another_reason_fails_its_step(target: S3Target, control: Control) -> None:
    steps = target.connector.probe()
    assert [next(steps).name for _ in range(7)][-1] == "write_object"
    control.fault(service="s3", count=1, status=403, code="AccessDenied")
    step = next(steps)
    assert (step.name, step.result, step.code) == ("refuse_overwrite", StepResult.FAIL, "AccessDenied")


def test_role_that_cannot_be_asked_for_fails_at_assume_role_without_a_second_try(
    target: S3Target, control: Control
) -> None:
    steps = target.connector.probe()
    assert [next(steps).name for _ in range(2)][-1] == "our_identity"
    control.fault(service="sts", count=1, status=400, code="PackedPolicyTooLarge")
    step = next(steps)
    assert (step.name, step.result, step.code) == ("assume_role", StepResult.FAIL, "PackedPolicyTooLarge")


def test_untrusted_principal_and_missing_role_fail_at_assume_role(target: S3Target) -> None:
    other = OurAccount(target.ours.url).role_arn
    target.trust({"StringEquals": {"sts:ExternalId": target.config.external_id}}, other)
    assert failed_step(target).name == "assume_role"
    missing = failed_step(target, role_arn=target.config.role_arn + "-missing")
    assert (missing.name, missing.code) == ("assume_role", "AccessDenied")


def test_role_without_put_object_fails_at_write_with_the_role_policy(target: S3Target) -> None:
    target.permit(allow("s3:GetObject"))
    failed = failed_step(target)
    assert (failed.name, failed.code) == ("write_object", "AccessDenied")
    assert json.loads(failed.snippet) == role_policy(target.config.bucket, target.config.prefix)
    assert failed.request_id


def test_role_for_another_prefix_fails_at_write_and_delivers_nothing(target: S3Target, batch: Batch) -> None:
    target.permit(role_policy(target.config.bucket, "other/"))
    assert failed_step(target).name == "write_object"
    error = refusal(target, batch)
    assert (error.code, error.stage, error.permanent, error.owner) == (
        "AccessDenied",
        "put_object",
        True,
        FaultOwner.CUSTOMER,
    )


def test_bucket_that_is_gone_fails_at_write(target: S3Target, batch: Batch) -> None:
    target.s3.delete_bucket(Bucket=target.config.bucket)
    assert (failed_step(target).name, failed_step(target).code) == ("write_object", "NoSuchBucket")
    assert refusal(target, batch).permanent


def test_wrong_owner_of_the_bucket_fails_at_write(target: S3Target) -> None:
    failed = failed_step(target, expected_bucket_owner="333333333333")
    assert (failed.name, "333333333333" in failed.advice) == ("write_object", True)


def test_bucket_policy_that_denies_us_fails_at_write_and_says_so(target: S3Target) -> None:
    arn = f"arn:aws:s3:::{target.config.bucket}/*"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": arn}
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    target.s3.put_bucket_policy(Bucket=target.config.bucket, Policy=json.dumps(policy))
    assert "bucket policy" in failed_step(target).message


def test_role_of_our_own_account_fails_at_the_form_unless_the_operator_lists_it(
    ours: OurAccount, tmp_path: Path
) -> None:
    target = S3Target.make(ours, tmp_path, account=OURS)
    failed = failed_step(target)
    assert (failed.name, failed.advice) == ("check_form", "Correct: role_arn.")
    listed = target.connector_of(own_account_role_arns=(target.config.role_arn,))
    assert {step.result for step in listed.probe()} == {StepResult.PASS}


def test_our_own_credentials_that_are_wrong_are_our_fault(target: S3Target, batch: Batch) -> None:
    session = boto3.Session(aws_access_key_id="AKIANOBODY", aws_secret_access_key="x" * 40, region_name="us-east-1")
    identity = OurIdentity(session, target.ours.role_arn, endpoint_url_sts=target.ours.url)
    target.sessions = Sessions(identity, endpoint_url_s3=target.ours.url)
    assert failed_step(target).name == "our_identity"
    error = refusal(target, batch)
    assert (error.owner, error.permanent, error.stage) == (FaultOwner.US, False, "our_identity")


def test_process_whose_role_may_not_be_assumed_is_our_fault(target: S3Target) -> None:
    for role_arn in (f"{target.ours.role_arn}-missing", None):
        session = target.ours.session
        if role_arn is None:
            session = boto3.Session(
                aws_access_key_id="AKIANOBODY", aws_secret_access_key="x" * 40, region_name="us-east-1"
            )
        identity = OurIdentity(session, role_arn, endpoint_url_sts=target.ours.url)
        target.sessions = Sessions(identity, endpoint_url_s3=target.ours.url)
        assert failed_step(target).name == "our_identity"


def test_probe_writes_one_text_object_that_loaders_of_ndjson_skip(target: S3Target) -> None:
    list(target.connector.probe())
    listed = target.s3.list_objects_v2(Bucket=target.config.bucket)["Contents"]
    assert len(listed) == 1
    assert listed[0]["Key"].startswith(f"flexpa/_connection-test/{target.config.destination_id}-")
    assert listed[0]["Key"].endswith(".txt")


def test_test_that_meets_a_lost_answer_at_each_write_still_passes(target: S3Target, control: Control) -> None:
    steps = target.connector.probe()
    assert [next(steps).name for _ in range(5)][-1] == "refuse_wrong_external_id"
    control.fault(service="s3", method="PUT", count=1, lost=True)
    assert next(steps).result is StepResult.PASS
    control.fault(service="s3", method="PUT", count=1, lost=True)
    assert {step.result for step in steps} == {StepResult.PASS}


def test_every_call_leaves_its_request_id_and_its_time(target: S3Target) -> None:
    steps = list(target.connector.probe())
    without = [step.name for step in steps if not step.request_id]
    assert without == ["check_form"]
    ids = [each for step in steps for each in step.request_id.split(", ") if step.name not in ("region", "encryption")]
    assert len(set(ids)) == len(ids)
    assert all(step.milliseconds > 0 for step in steps[2:6])
    wrong = next(step for step in steps if step.name == "refuse_wrong_external_id")
    assert len(wrong.request_id.split(", ")) == 2


def test_daily_look_asks_only_what_must_be_refused_and_writes_nothing(target: S3Target, control: Control) -> None:
    steps = list(target.connector.probe_refusals())
    assert [step.name for step in steps] == [name for name, _ in REFUSALS]
    assert {step.result for step in steps} == {StepResult.PASS}
    assert control.log(service="s3") == []
