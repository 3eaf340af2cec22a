"""Listing and reading: what is asked for, what a refusal is about; a role that may write alone stays right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.destinations.advice.reading import DECRYPT, LIST, READ
from apps.destinations.connectors.base import StepResult
from apps.destinations.connectors.s3 import reading
from apps.destinations.policies import PolicySetup, reading_role_policy, reading_session_policy, role_policy
from apps.outbound.failures import DeliveryError, FaultOwner

from .connector_contract import NDJSON, make_batch
from .s3_world import CUSTOMER, KEY, Control, OurAccount, S3Target, allow, root_client

SHA256 = hashlib.sha256(NDJSON).hexdigest()
KMS = "arn:aws:kms:us-east-1:222222222222:key/1"


@pytest.fixture
def readable(target: S3Target) -> S3Target:
    """A customer who lets us read too."""
    target.permit(reading_role_policy(target.config.bucket, target.config.prefix))
    return target


@contextmanager
def refused(stage: str) -> Iterator[None]:
    with pytest.raises(DeliveryError) as caught:
        yield
    error = caught.value
    assert (error.stage, error.code, error.owner, error.permanent) == (stage, "AccessDenied", FaultOwner.CUSTOMER, True)


def keys(target: S3Target, **more: str) -> list[str]:
    return [each.key for each in target.connector.inventory(target.config.prefix, **more)]


def test_inventory_is_below_the_prefix_and_in_the_order_of_bytes(
    readable: S3Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 3)
    names = ["b", "a b+c/ü%20~", "B", "ß", "日本/'()*!", "𝄞", "a/b/c", "a-b", "a", "_connection-test/1.txt"]
    for name in names:
        readable.put(f"flexpa/{name}", name.encode())
    for elsewhere in ("flexp", "flexpa", "flexpa-2/a", "other/flexpa/a"):
        readable.put(elsewhere, b"")
    wanted = sorted((f"flexpa/{name}" for name in names), key=str.encode)
    assert keys(readable) == wanted
    found = {each.key: each for each in readable.connector.inventory("flexpa/")}
    assert {name: found[f"flexpa/{name}"].size_bytes for name in names} == {name: len(name.encode()) for name in names}
    for place, after in enumerate(wanted, start=1):
        assert keys(readable, after=after) == wanted[place:]


def test_checksum_of_what_we_wrote_is_told_without_reading_it(
    readable: S3Target, tmp_path: Path, control: Control
) -> None:
    readable.connector.deliver(make_batch(tmp_path, KEY))
    control.clear()
    assert readable.connector.checksum(KEY) == SHA256
    assert [entry["action"] for entry in control.log(service="s3")] == ["HeadObject"]


def test_checksum_of_what_somebody_else_put_is_read(readable: S3Target, control: Control) -> None:
    readable.put(KEY, NDJSON)
    control.clear()
    assert readable.connector.checksum(KEY) == SHA256
    assert [entry["action"] for entry in control.log(service="s3")] == ["HeadObject", "GetObject"]


def test_checksum_of_parts_is_not_taken_for_that_of_the_whole(readable: S3Target) -> None:
    upload: dict[str, Any] = {"Bucket": readable.config.bucket, "Key": KEY}
    upload["UploadId"] = readable.s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
    sent = readable.s3.upload_part(**upload, PartNumber=1, Body=NDJSON, ChecksumAlgorithm="SHA256")
    part = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}
    readable.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
    assert readable.connector.checksum(KEY) == SHA256


def test_checksum_of_what_is_gone_is_none(readable: S3Target) -> None:
    assert readable.connector.checksum(KEY) is None


def test_session_reads_below_the_prefix_and_does_nothing_else(readable: S3Target) -> None:
    readable.permit(allow("s3:*"))
    readable.put("other/a", b"1")
    with pytest.raises(DeliveryError):
        readable.connector.checksum("other/a")
    with pytest.raises(DeliveryError):
        list(readable.connector.inventory(""))
    client = readable.sessions.begin_reading(readable.config).client
    for forbidden in ("put_object", "delete_object"):
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            getattr(client, forbidden)(Bucket=readable.config.bucket, Key=KEY)


def test_session_that_ended_is_begun_again_once(readable: S3Target, control: Control) -> None:
    readable.put(KEY, NDJSON)
    connector = readable.connector
    assert [each.key for each in connector.inventory("flexpa/")] == [KEY]
    control.expire_sessions()
    assert [each.key for each in connector.inventory("flexpa/")] == [KEY]
    control.expire_sessions()
    assert connector.checksum(KEY) == SHA256


def test_role_that_may_write_alone_may_neither_list_nor_read_and_passes_the_test(target: S3Target) -> None:
    with refused(LIST):
        keys(target)
    assert {step.result for step in target.connector.probe()} == {StepResult.PASS}


def test_role_that_may_list_and_not_read_is_told_apart(target: S3Target) -> None:
    config = target.config
    policy: Any = reading_role_policy(config.bucket, config.prefix)
    target.permit({**policy, "Statement": [each for each in policy["Statement"] if each["Action"] != "s3:GetObject"]})
    target.put(KEY, NDJSON)
    assert keys(target) == [KEY]
    with refused(READ):
        target.connector.checksum(KEY)


def test_key_that_the_role_may_not_decrypt_with_is_named(target: S3Target, tmp_path: Path) -> None:
    kms = root_client(target.ours.url, "kms", CUSTOMER)
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    bucket, prefix = target.config.bucket, target.config.prefix
    target.config = replace(target.config, kms_key_arn=arn)
    policy: Any = reading_role_policy(bucket, prefix, arn)
    target.permit({**policy, "Statement": [each for each in policy["Statement"] if each["Action"] != "kms:Decrypt"]})
    target.connector.deliver(make_batch(tmp_path, KEY))
    with refused(DECRYPT):
        target.connector.checksum(KEY)
    target.permit(policy)
    assert target.connector.checksum(KEY) == SHA256


def test_bucket_of_another_account_is_read_with_the_statement_that_is_offered(
    ours: OurAccount, target: S3Target
) -> None:
    owner = "333333333333"
    s3 = root_client(ours.url, "s3", owner)
    bucket = f"{target.config.bucket}-theirs"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=KEY, Body=NDJSON)
    target.config = replace(target.config, bucket=bucket, expected_bucket_owner=owner, config_version=2)
    target.permit(reading_role_policy(bucket, target.config.prefix))
    with refused(LIST):
        keys(target)
    offered = PolicySetup(
        principal_arn=ours.role_arn,
        bucket=bucket,
        prefix="flexpa/",
        bucket_owner=owner,
        role_arn=target.config.role_arn,
    ).bucket_reading_statement
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [offered]}))
    assert (keys(target), target.connector.checksum(KEY)) == ([KEY], SHA256)


def test_network_that_breaks_in_the_middle_is_on_our_side(readable: S3Target, control: Control) -> None:
    readable.put(KEY, NDJSON)
    control.fault(service="s3", count=9, status=503, code="SlowDown")
    with pytest.raises(DeliveryError) as caught:
        keys(readable)
    assert (caught.value.owner, caught.value.permanent) == (FaultOwner.US, False)


def test_reading_policy_asks_for_three_things_and_the_delivery_policy_for_none_of_them() -> None:
    written, read = role_policy("lake", "flexpa/", KMS), reading_role_policy("lake", "flexpa/", KMS)
    for action in ("s3:ListBucket", "s3:GetObject", "kms:Decrypt"):
        assert action not in json.dumps(written)
        assert action in json.dumps(read)
    assert written["Statement"] == read["Statement"][:2]  # type: ignore[index]
    assert "s3:PutObject" not in json.dumps(reading_session_policy("lake", "flexpa/", KMS))


def test_session_policy_for_the_longest_names_is_short_enough() -> None:
    longest = "arn:aws:kms:" + "r" * 32 + ":222222222222:key/" + "k" * 128
    reading_session_policy("b" * 63, "p" * 199 + "/", longest)
    with pytest.raises(ValueError, match="2048"):
        reading_session_policy("b" * 63, "p" * 900 + "/", longest)
    for sign in "*?$":
        with pytest.raises(ValueError, match="wildcards"):
            reading_session_policy("lake", f"a{sign}/")
