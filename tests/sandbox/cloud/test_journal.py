"""The local AWS as a process: it says where it listens, and with --state it comes back as it was."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from apps.sandbox.cloud.journal import Journal, JournalError
from tests.sandbox.cloud.world import World, allow, external_id, policy, trust, verdict


@contextmanager
def process(*arguments: str, ending: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    command = [sys.executable, "-m", "apps.sandbox.cloud", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            yield running.stdout.readline().strip().removeprefix("listening on ")
        finally:
            running.send_signal(ending)
            running.wait(timeout=10)


def test_process_answers_where_it_says_it_listens() -> None:
    with process() as url, urllib.request.urlopen(f"{url}/_fake/healthz", timeout=10) as answer:
        assert json.load(answer) == {"status": "ok"}


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_everything_but_sessions_survives_a_restart(tmp_path: Path, ending: signal.Signals) -> None:
    state = tmp_path / "with space" / "cloud"
    with process("--state", str(state), ending=ending) as url:
        world = World(url)
        keys, bucket = world.make_user(), world.make_bucket(region="us-west-2")
        arn = world.make_role(trust(world.user_arn(), Condition=external_id("the-id")))
        world.grant("delivery", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/flexpa/*"))
        session = world.assume(keys, arn, ExternalId="the-id")
        s3 = world.client("s3", session, region="us-west-2")
        before = put_and_describe(world, s3, bucket)
    with process("--state", str(state), ending=ending) as url:
        again = World(url, vendor=world.vendor, customer=world.customer)
        root = again.client("s3", again.root(world.customer), region="us-west-2")
        assert describe(root, bucket) == before
        with pytest.raises(ClientError) as caught:
            again.client("s3", session, region="us-west-2").put_object(Bucket=bucket, Key="flexpa/x")
        assert caught.value.response["Error"]["Code"] == "InvalidAccessKeyId"
        with pytest.raises(ClientError):
            again.assume(keys, arn)
        s3 = again.client("s3", again.assume(keys, arn, ExternalId="the-id"), region="us-west-2")
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key="flexpa/a b+ü.ndjson", Body=b"again", IfNoneMatch="*")
        assert caught.value.response["Error"]["Code"] == "PreconditionFailed"
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key="other", Body=b"1")
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
        root.delete_object(Bucket=bucket, Key="big")
    with process("--state", str(state), ending=ending) as url:
        again = World(url, vendor=world.vendor, customer=world.customer)
        root = again.client("s3", again.root(world.customer), region="us-west-2")
        assert [item[0] for item in describe(root, bucket)] == ["flexpa/a b+ü.ndjson"]
    for path in state.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    assert len(list(state.glob("objects/*"))) == 2


def put_and_describe(world: World, s3: Any, bucket: str) -> list[tuple[Any, ...]]:
    """Put, overwrite, delete and upload in parts; answer what there is."""
    root = world.client("s3", world.root(world.customer), region="us-west-2")
    key = "flexpa/a b+ü.ndjson"
    for body in (b"old\n", b"new\n"):
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=body,
            ContentType="application/fhir+ndjson",
            ChecksumAlgorithm="SHA256",
            Metadata={"job": "7"},
        )
    root.put_object(Bucket=bucket, Key="gone", Body=b"1")
    root.delete_object(Bucket=bucket, Key="gone")
    upload = {"Bucket": bucket, "Key": "big"}
    upload["UploadId"] = root.create_multipart_upload(**upload)["UploadId"]
    part = root.upload_part(**upload, PartNumber=1, Body=b"part")
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32": part["ChecksumCRC32"]}]
    root.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    return describe(root, bucket)


def describe(s3: Any, bucket: str) -> list[tuple[Any, ...]]:
    found = []
    for item in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        one = s3.get_object(Bucket=bucket, Key=item["Key"], ChecksumMode="ENABLED")
        shown = [one.get(name) for name in ("ContentType", "Metadata", "ETag", "LastModified")]
        checksum = one.get("ChecksumSHA256")
        found.append((item["Key"], one["Body"].read(), one["ServerSideEncryption"], checksum, *shown))
    return found


def test_keys_and_what_they_encrypted_survive(tmp_path: Path) -> None:
    put = {"Key": "a", "Body": b"1", "ServerSideEncryption": "aws:kms", "BucketKeyEnabled": True}
    with process("--state", str(tmp_path)) as url:
        world = World(url)
        bucket, key, closed = world.make_bucket(), world.make_key(), world.make_key()
        kms, s3 = (world.client(name, world.root(world.customer)) for name in ("kms", "s3"))
        kms.create_key(Description="another, made later")
        kms.disable_key(KeyId=closed)
        s3.put_object(Bucket=bucket, SSEKMSKeyId=key, **put)
        managed = s3.put_object(Bucket=bucket, **{**put, "Key": "b"})["SSEKMSKeyId"]
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    with process("--state", str(tmp_path)) as url:
        again = World(url, vendor=world.vendor, customer=world.customer)
        kms, s3 = (again.client(name, again.root(world.customer)) for name in ("kms", "s3"))
        found = s3.get_object(Bucket=bucket, Key="a")
        assert (found["SSEKMSKeyId"], found["BucketKeyEnabled"]) == (key, True)
        assert s3.get_object(Bucket=bucket, Key="b")["SSEKMSKeyId"] == managed
        assert s3.put_object(Bucket=bucket, Key="c")["SSEKMSKeyId"] == key
        assert kms.describe_key(KeyId=closed)["KeyMetadata"]["KeyState"] == "Disabled"
        assert verdict(kms.disable_key, KeyId=managed) == ("AccessDeniedException", 400)


def test_line_that_a_crash_cut_off_is_taken_away(tmp_path: Path) -> None:
    with process("--state", str(tmp_path)) as url:
        world = World(url)
        world.make_user()
    calls = tmp_path / "calls.jsonl"
    whole = calls.read_bytes()
    calls.write_bytes(whole + b'{"account": "1')
    with process("--state", str(tmp_path)) as url:
        again = World(url, vendor=world.vendor)
        users = again.client("iam", again.root(world.vendor)).list_users()["Users"]
        assert [user["UserName"] for user in users] == ["worker"]
    assert calls.read_bytes() == whole


def test_bucket_policy_and_its_removal_survive(tmp_path: Path) -> None:
    with process("--state", str(tmp_path)) as url:
        world = World(url)
        bucket, other = world.make_bucket(), world.make_bucket()
        s3 = world.client("s3", world.root(world.customer))
        for name in (bucket, other):
            document = policy(allow("s3:*", f"arn:aws:s3:::{name}/*", Principal="*"))
            s3.put_bucket_policy(Bucket=name, Policy=document)
        s3.delete_bucket_policy(Bucket=other)
    with process("--state", str(tmp_path)) as url:
        again = World(url, vendor=world.vendor, customer=world.customer)
        stranger = again.client("s3", again.root(world.vendor))
        assert stranger.put_object(Bucket=bucket, Key="a", Body=b"1")
        with pytest.raises(ClientError):
            stranger.put_object(Bucket=other, Key="a", Body=b"1")


def test_folder_in_use_is_refused(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(JournalError):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()
