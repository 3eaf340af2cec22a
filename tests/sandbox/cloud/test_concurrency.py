"""Conditional writes of one key at the same time: exactly one is stored, and who comes in between is told so."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
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
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 409, 412}
    stored = clients[0].get_object(Bucket=bucket, Key="key")["Body"].read()
    assert stored == b"%d" % statuses.index(200)


@pytest.fixture
def slow_store(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Hold the first write before its storing: the first event says that it is there, the second lets it go on."""
    arrived, go_on = threading.Event(), threading.Event()
    store = S3Backend.put_object

    def store_late(self: S3Backend, *arguments: Any, **named: Any) -> Any:
        if not arrived.is_set():
            arrived.set()
            assert go_on.wait(timeout=10)
        return store(self, *arguments, **named)

    monkeypatch.setattr(S3Backend, "put_object", store_late)
    return arrived, go_on


@pytest.mark.parametrize("second", [put, finish_upload])
def test_conditional_write_during_another_is_a_conflict_and_may_try_again(
    world: World, slow_store: tuple[threading.Event, threading.Event], second: Any
) -> None:
    bucket, root = world.make_bucket(), world.root(world.customer)
    arrived, go_on = slow_store
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(put, world.client("s3", root), bucket, "key", b"first")
        assert arrived.wait(timeout=10)
        other = world.client("s3", root)
        with pytest.raises(ClientError) as caught:
            second(other, bucket, "key", b"second")
        put(other, bucket, "another key", b"second")
        go_on.set()
        first.result(timeout=10)
    response: Any = caught.value.response
    assert response["Error"]["Code"] == "ConditionalRequestConflict"
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 409
    with pytest.raises(ClientError) as caught:
        second(other, bucket, "key", b"second")
    assert caught.value.response["Error"]["Code"] == "PreconditionFailed"
    assert other.get_object(Bucket=bucket, Key="key")["Body"].read() == b"first"


def test_plain_write_during_a_conditional_one_is_not_overwritten_by_it(
    world: World, slow_store: tuple[threading.Event, threading.Event]
) -> None:
    bucket, root = world.make_bucket(), world.root(world.customer)
    arrived, go_on = slow_store
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(put, world.client("s3", root), bucket, "key", b"first")
        assert arrived.wait(timeout=10)
        s3 = world.client("s3", root)
        second = pool.submit(s3.put_object, Bucket=bucket, Key="key", Body=b"second")
        wait([second], timeout=0.5)
        go_on.set()
        first.result(timeout=10)
        second.result(timeout=10)
    assert s3.get_object(Bucket=bucket, Key="key")["Body"].read() == b"second"


def test_conditional_write_after_a_deletion_meets_nobody(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    for body in (b"first", b"second"):
        put(s3, bucket, "key", body)
        s3.delete_object(Bucket=bucket, Key="key")
