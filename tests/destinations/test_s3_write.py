"""Writes to S3: what goes over the wire, and what a lost answer means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from apps.destinations.connectors.base import Batch, Receipt
from apps.destinations.connectors.s3.sessions import Sessions
from apps.destinations.connectors.s3.write import check_encryption
from apps.outbound.failures import DeliveryError, FaultOwner

from .connector_contract import NDJSON
from .s3_world import (
    KEY,
    OURS,
    REGION,
    CarelessStore,
    Control,
    S3Target,
    allow,
    refusal,
)


def test_delivery_sends_what_the_guide_promises_and_nothing_more(
    target: S3Target, batch: Batch, control: Control
) -> None:
    receipt = target.connector.deliver(batch)
    (put,) = control.log(service="s3")
    headers = put["headers"]
    assert headers["content-type"] == "application/fhir+ndjson"
    assert headers["if-none-match"] == "*"
    assert headers["x-amz-server-side-encryption"] == "AES256"
    assert headers["x-amz-expected-bucket-owner"] == target.account
    assert "x-amz-checksum-sha256" in headers
    assert not [name for name in headers if name.startswith(("x-amz-meta-", "x-amz-acl", "x-amz-tagging"))]
    assert receipt.encryption == "AES256"
    assert receipt.etag
    assert receipt.request_id
    (assume,) = control.log(service="sts", role_arn=target.config.role_arn)
    assert assume["external_id"] == target.config.external_id
    assert assume["caller_arn"].startswith(f"arn:aws:sts::{OURS}:assumed-role/record-delivery-")
    assert put["caller_arn"].endswith(f"/dst-{target.config.destination_id}")


def test_session_policy_narrows_a_role_that_may_do_everything(target: S3Target, batch: Batch) -> None:
    target.permit(allow("s3:*"))
    target.connector.deliver(batch)
    client = target.sessions.get(target.config).client
    for attempt in (
        lambda: client.put_object(Bucket=target.config.bucket, Key="elsewhere/x", Body=b""),
        lambda: client.get_object(Bucket=target.config.bucket, Key=KEY),
        lambda: client.delete_object(Bucket=target.config.bucket, Key=KEY),
        lambda: client.list_objects_v2(Bucket=target.config.bucket),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()
    with pytest.raises(DeliveryError, match="fault of this server"):
        target.connector.deliver(replace(batch, object_key="elsewhere/x"))


def test_412_after_a_lost_answer_is_delivered(target: S3Target, batch: Batch, control: Control) -> None:
    control.fault(service="s3", method="PUT", count=1, lost=True)
    receipt = target.connector.deliver(batch)
    assert receipt.already_there
    assert target.read(KEY) == NDJSON
    assert [entry["code"] for entry in control.log(service="s3", method="PUT")][1:] == ["PreconditionFailed"]


def test_412_after_a_5xx_answer_is_delivered(target: S3Target, batch: Batch, control: Control) -> None:
    target.connector.deliver(batch)
    control.fault(service="s3", method="PUT", count=1, status=500, code="InternalError")
    assert target.connector.deliver(batch).already_there


def test_412_after_a_lost_answer_and_an_ended_session_is_delivered(
    target: S3Target, batch: Batch, control: Control
) -> None:
    control.fault(service="s3", method="PUT", count=1, lost=True)
    control.fault(service="s3", method="PUT", count=1, status=400, code="ExpiredToken")
    assert target.connector.deliver(batch).already_there


def test_every_answer_lost_is_unknown_and_the_next_attempt_is_delivered(
    target: S3Target, batch: Batch, control: Control
) -> None:
    control.fault(service="s3", method="PUT", count=4, lost=True)
    error = refusal(target, batch)
    assert (error.unknown_outcome, error.permanent, error.owner) == (True, False, FaultOwner.US)
    again = replace(batch, earlier_attempt_unknown=error.unknown_outcome)
    assert target.connector.deliver(again).already_there
    assert target.read(KEY) == NDJSON


def test_busy_storage_is_tried_again_within_the_call(target: S3Target, batch: Batch, control: Control) -> None:
    control.fault(service="s3", method="PUT", count=2, status=500, code="InternalError")
    assert not target.connector.deliver(batch).already_there
    assert len(control.log(service="s3", method="PUT")) == 3


def test_412_after_a_try_that_was_clearly_refused_is_not_delivered(
    target: S3Target, batch: Batch, control: Control
) -> None:
    target.put(KEY, b"a stranger's")
    control.fault(service="s3", method="PUT", count=1, status=400, code="RequestTimeout")
    error = refusal(target, batch)
    assert (error.code, error.unknown_outcome) == ("PreconditionFailed", False)
    assert len(control.log(service="s3", method="PUT", code="PreconditionFailed")) == 1


def test_refusal_after_a_lost_answer_stays_unknown(target: S3Target, batch: Batch, control: Control) -> None:
    target.connector.deliver(replace(batch, object_key=KEY + ".first"))
    control.fault(service="s3", method="PUT", count=1, lost=True)
    control.fault(service="s3", method="PUT", count=1, status=403, code="AccessDenied")
    error = refusal(target, batch)
    assert (error.code, error.permanent, error.unknown_outcome) == ("AccessDenied", True, True)


def test_conflict_asks_for_one_second(target: S3Target, batch: Batch, control: Control) -> None:
    control.fault(service="s3", method="PUT", count=1, status=409, code="ConditionalRequestConflict")
    error = refusal(target, batch)
    assert (error.permanent, error.retry_after_seconds) == (False, 1.0)


def test_storage_that_cannot_be_reached_was_never_written(target: S3Target, batch: Batch) -> None:
    target.sessions = Sessions(target.ours.identity(), endpoint_url_s3="http://127.0.0.1:9")
    error = refusal(target, batch)
    assert (error.code, error.unknown_outcome, error.permanent, error.owner) == (
        "EndpointConnectionError",
        False,
        False,
        FaultOwner.US,
    )


def test_spool_file_that_is_gone_and_one_that_is_too_large_never_reach_the_wire(
    target: S3Target, batch: Batch, control: Control, tmp_path: Path
) -> None:
    gone = refusal(target, replace(batch, path=tmp_path / "gone"))
    assert (gone.code, gone.permanent, gone.owner) == ("SpoolFileUnreadable", False, FaultOwner.US)
    large = refusal(target, replace(batch, size_bytes=5 * 2**30 + 1))
    assert (large.code, large.permanent) == ("EntityTooLarge", True)
    assert control.log(service="s3") == []


def test_file_that_changed_after_its_hash_was_taken_is_refused(target: S3Target, batch: Batch) -> None:
    batch.path.write_bytes(NDJSON.replace(b"Canary", b"Kanary"))
    error = refusal(target, batch)
    assert (error.permanent, error.owner) == (False, FaultOwner.US)
    assert target.read(KEY) is None


@pytest.mark.parametrize(
    ("encryption", "key", "asked"),
    [
        ("AES256", None, "arn:k"),
        ("aws:kms", "arn:other", "arn:k"),
        ("", None, None),
        ("aws:kms", "arn:k", None),
    ],
)
def test_answer_that_shows_another_encryption_is_a_failure(
    target: S3Target, encryption: str, key: str | None, asked: str | None
) -> None:
    receipt = Receipt(encryption=encryption, details={"kms_key_arn": key} if key else {})
    with pytest.raises(DeliveryError) as mismatch:
        check_encryption(replace(target.config, kms_key_arn=asked), receipt)
    assert mismatch.value.code == "EncryptionMismatch"
    check_encryption(target.config, Receipt(encryption="AES256"))


def test_delivery_with_a_key_names_it_and_asks_for_a_bucket_key(careless: S3Target, batch: Batch) -> None:
    key = f"arn:aws:kms:{REGION}:{careless.account}:key/1234"
    CarelessStore.answers.update(
        {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": key}
    )
    assert careless.connector_of(kms_key_arn=key).deliver(batch).encryption == "aws:kms"
    (headers,) = CarelessStore.seen
    assert headers["x-amz-server-side-encryption"] == "aws:kms"
    assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == key
    assert headers["x-amz-server-side-encryption-bucket-key-enabled"] == "true"
