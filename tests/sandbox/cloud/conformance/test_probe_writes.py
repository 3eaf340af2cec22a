"""Conditional writes: a key that exists is never written again, whoever comes first.

Source: S3 User Guide, "Add preconditions to S3 operations with conditional requests"; S3 API, "Error responses".
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sandbox.cloud.world import ALLOWED, World, verdict

EXISTS = ("PreconditionFailed", 412)
BUSY = ("ConditionalRequestConflict", 409)
WRITERS = 4


def send_part(s3: Any, bucket: str, key: str, body: bytes) -> dict[str, Any]:
    """Begin an upload and send its only part; answer what completes it, on condition that the key is new."""
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    tag = s3.upload_part(**upload, PartNumber=1, Body=body)["ETag"]
    return {**upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}, "IfNoneMatch": "*"}


def test_put_with_if_none_match_never_overwrites(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    s3.put_object(Bucket=bucket, Key="a", Body=b"first", IfNoneMatch="*")
    world.refused(s3.put_object, EXISTS, Bucket=bucket, Key="a", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"first"


def test_put_without_a_condition_overwrites(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    for body in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="a", Body=body)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"second"


def test_completion_with_if_none_match_never_overwrites(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    first, second = (send_part(s3, bucket, "a", body) for body in (b"first", b"second"))
    assert s3.complete_multipart_upload(**first)["ETag"]
    world.refused(s3.complete_multipart_upload, EXISTS, **second)
    s3.abort_multipart_upload(Bucket=bucket, Key="a", UploadId=second["UploadId"])
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"first"


def test_upload_cannot_be_finished_under_another_key(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    upload = {"Bucket": bucket, "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]}
    world.refused(s3.upload_part, ("NoSuchUpload", 404), **upload, Key="b", PartNumber=1, Body=b"1")
    s3.abort_multipart_upload(**upload, Key="a")


@pytest.mark.parametrize("way", ["puts", "completions"])
def test_of_concurrent_conditional_writes_one_wins_and_the_others_are_refused(world: World, way: str) -> None:
    bucket, root = world.make_bucket(), world.root(world.customer)
    clients = [world.client("s3", root) for _ in range(WRITERS)]
    bodies = [b"%d" % number for number in range(WRITERS)]
    if way == "puts":
        calls = [client.put_object for client in clients]
        wanted = [{"Bucket": bucket, "Key": "a", "Body": body, "IfNoneMatch": "*"} for body in bodies]
    else:
        calls = [client.complete_multipart_upload for client in clients]
        wanted = [send_part(client, bucket, "a", body) for client, body in zip(clients, bodies, strict=True)]
    with ThreadPoolExecutor(WRITERS) as pool:
        found = list(pool.map(lambda call, arguments: verdict(call, **arguments), calls, wanted))
    assert found.count(ALLOWED) == 1
    assert set(found) <= {ALLOWED, EXISTS, BUSY}
    stored = clients[0].get_object(Bucket=bucket, Key="a")["Body"].read()
    assert stored == bodies[found.index(ALLOWED)]
