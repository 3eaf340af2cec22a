"""Conditional writes of one key at the same time: exactly one is stored."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import S3Backend

from tests.sandbox.cloud.world import World

WRITERS = 4


@pytest.fixture
def _meeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every write between its check and its storing until a second one comes there, or none does."""
    meeting = threading.Barrier(2)
    store = S3Backend.put_object

    def store_late(self: S3Backend, *arguments: Any, **named: Any) -> Any:
        try:
            meeting.wait(timeout=0.5)
        except threading.BrokenBarrierError:
            meeting.reset()
        return store(self, *arguments, **named)

    monkeypatch.setattr(S3Backend, "put_object", store_late)


def finish_upload(s3: Any, bucket: str, key: str, body: bytes) -> None:
    upload = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=body)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*")


def put(s3: Any, bucket: str, key: str, body: bytes) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")


@pytest.mark.usefixtures("_meeting")
@pytest.mark.parametrize("writes", [[put] * WRITERS, [finish_upload] * WRITERS, [put, finish_upload] * 2])
def test_conditional_writes_at_once_store_exactly_one(world: World, writes: list[Any]) -> None:
    bucket, root = world.make_bucket(), world.root(world.customer)
    clients = [world.client("s3", root) for _ in range(WRITERS)]

    def write(number: int) -> int:
        try:
            writes[number](clients[number], bucket, "key", b"%d" % number)
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    with ThreadPoolExecutor(WRITERS) as pool:
        statuses = list(pool.map(write, range(WRITERS)))
    assert sorted(statuses) == [200] + [412] * (WRITERS - 1)
    stored = clients[0].get_object(Bucket=bucket, Key="key")["Body"].read()
    assert stored == b"%d" % statuses.index(200)
