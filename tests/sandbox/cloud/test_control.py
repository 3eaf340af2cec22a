"""The control paths: faults, lost answers, expired sessions, and a log without secrets."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from tests.sandbox.cloud.world import World, allow, external_id, trust


def control(world: World, method: str, name: str, value: Any = None) -> Any:
    body = json.dumps(value).encode() if value is not None else None
    request = urllib.request.Request(f"{world.url}/_fake/{name}", data=body, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(autouse=True)
def clean(world: World) -> Iterator[None]:
    control(world, "DELETE", "log")
    yield
    control(world, "DELETE", "faults")


def test_healthz_answers_ok(world: World) -> None:
    assert control(world, "GET", "healthz") == {"status": "ok"}


def test_fault_hits_only_the_next_matching_requests(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    fault = {
        "service": "s3",
        "method": "PUT",
        "path": "/slow/",
        "status": 503,
        "code": "SlowDown",
        "count": 2,
    }
    control(world, "POST", "faults", fault)
    assert s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=bucket, Key="slow/a", Body=b"1")
        assert caught.value.response["Error"]["Code"] == "SlowDown"
    assert s3.put_object(Bucket=bucket, Key="slow/a", Body=b"1")


def test_fault_of_sts_reads_as_sts(world: World) -> None:
    control(world, "POST", "faults", {"service": "sts", "status": 400, "code": "Throttling"})
    with pytest.raises(ClientError) as caught:
        world.client("sts", world.root(world.vendor)).get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "Throttling"


def test_lost_answer_means_stored_and_a_retry_finds_it(world: World) -> None:
    bucket, root = world.make_bucket(), world.root(world.customer)
    put = {"Bucket": bucket, "Body": b"1", "IfNoneMatch": "*"}
    control(world, "POST", "faults", {"method": "PUT", "path": bucket, "lost": True})
    with pytest.raises(ConnectionClosedError):
        world.client("s3", root).put_object(Key="a", **put)
    assert world.client("s3", root).head_object(Bucket=bucket, Key="a")["ContentLength"] == 1
    control(world, "POST", "faults", {"method": "PUT", "path": bucket, "lost": True})
    patient = world.client("s3", root, retries={"total_max_attempts": 2, "mode": "standard"})
    with pytest.raises(ClientError) as caught:
        patient.put_object(Key="b", **put)
    assert caught.value.response["Error"]["Code"] == "PreconditionFailed"
    sent = [entry["status"] for entry in control(world, "GET", "log") if entry["path"] == f"/{bucket}/b"]
    assert sent == [0, 412]


def test_delay_is_longer_than_an_impatient_client_waits(world: World) -> None:
    bucket = world.make_bucket()
    control(world, "POST", "faults", {"path": bucket, "delay_seconds": 0.5})
    with pytest.raises(ReadTimeoutError):
        world.client("s3", world.root(world.customer), read_timeout=0.1).list_objects_v2(Bucket=bucket)


def test_expire_ends_every_session(world: World) -> None:
    bucket, session = world.make_bucket(), world.make_session(allow("s3:*"))
    s3 = world.client("s3", session)
    assert s3.list_objects_v2(Bucket=bucket)
    assert control(world, "POST", "expire")["expired"] >= 1
    with pytest.raises(ClientError) as caught:
        s3.list_objects_v2(Bucket=bucket)
    assert caught.value.response["Error"]["Code"] == "ExpiredToken"
    with pytest.raises(ClientError) as caught:
        world.client("sts", session).get_caller_identity()
    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"


def test_log_tells_who_did_what_and_shows_no_secret(world: World) -> None:
    keys, bucket = world.make_user(), world.make_bucket()
    arn = world.make_role(trust(world.user_arn(), Condition=external_id("the-id")))
    world.grant("delivery", allow("s3:PutObject"))
    session = world.assume(keys, arn, ExternalId="the-id")
    world.client("s3", session).put_object(Bucket=bucket, Key="a", Body=b"1", ExpectedBucketOwner=world.customer)
    log = control(world, "GET", "log")
    assumed = next(entry for entry in log if entry["action"] == "AssumeRole")
    assert (assumed["external_id"], assumed["role_arn"], assumed["status"]) == ("the-id", arn, 200)
    assert assumed["caller_arn"] == world.user_arn()
    put = next(entry for entry in log if entry["action"] == "PutObject")
    assert (put["method"], put["path"], put["service"], put["status"]) == ("PUT", f"/{bucket}/a", "s3", 200)
    assert put["caller_arn"].endswith(":assumed-role/delivery/dst-1")
    assert put["headers"]["x-amz-expected-bucket-owner"] == world.customer
    text = json.dumps(log)
    for secret in (keys.secret, session.secret, session.token, "Signature="):
        assert secret is not None
        assert secret not in text


@pytest.mark.parametrize(
    ("method", "name", "value", "status"),
    [
        ("POST", "faults", {"stauts": 500}, 400),
        ("POST", "faults", {"status": "500"}, 400),
        ("POST", "faults", [], 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_wrong_control_request_is_refused(world: World, method: str, name: str, value: Any, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(world, method, name, value)
    with caught.value:
        assert caught.value.code == status
