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
    control(world, "DELETE", "clock")


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


def code(call: Any, **arguments: Any) -> tuple[str, int]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_expire_ends_one_roles_sessions_only(world: World) -> None:
    keys, bucket = world.make_user(), world.make_bucket()
    clients = []
    for name in ("one", "two"):
        arn = world.make_role(trust(world.user_arn()), name=name)
        world.grant(name, allow("s3:*"))
        clients.append(world.client("s3", world.assume(keys, arn)))
    assert control(world, "POST", "expire", {"role_arn": arn}) == {"expired": 1}
    assert clients[0].list_objects_v2(Bucket=bucket)
    assert code(clients[1].list_objects_v2, Bucket=bucket) == ("ExpiredToken", 400)


def test_clock_ahead_ends_sessions_and_skews_requests(world: World) -> None:
    bucket, session = world.make_bucket(), world.make_session(allow(["s3:*", "kms:*"]))
    s3 = world.client("s3", session)
    control(world, "POST", "clock", {"offset_seconds": 890})
    assert s3.list_objects_v2(Bucket=bucket)
    control(world, "POST", "clock", {"offset_seconds": 960})
    assert code(s3.list_objects_v2, Bucket=bucket) == ("RequestTimeTooSkewed", 403)
    assert code(world.client("sts", session).get_caller_identity) == ("SignatureDoesNotMatch", 403)
    assert code(world.client("kms", session).list_keys) == ("InvalidSignatureException", 400)
    control(world, "DELETE", "clock")
    assert s3.list_objects_v2(Bucket=bucket)


def test_session_that_was_made_before_the_clock_was_set_on_is_over(world: World) -> None:
    bucket = world.make_bucket()
    control(world, "POST", "clock", {"offset_seconds": -800})
    session = world.make_session(allow("s3:*"), DurationSeconds=900)
    control(world, "POST", "clock", {"offset_seconds": 200})
    assert code(world.client("s3", session).list_objects_v2, Bucket=bucket) == ("ExpiredToken", 400)
    assert code(world.client("sts", session).get_caller_identity) == ("ExpiredTokenException", 403)
    assert code(world.client("kms", session).list_keys) == ("ExpiredTokenException", 400)


def test_region_of_sts_can_be_switched_off_and_another_answers(world: World) -> None:
    fault = {"service": "sts", "region": "eu-central-1", "status": 403, "code": "RegionDisabledException"}
    control(world, "POST", "faults", fault)
    root = world.root(world.vendor)
    assert world.client("sts", root, region="us-east-1").get_caller_identity()
    off = world.client("sts", root, region="eu-central-1")
    assert code(off.get_caller_identity) == ("RegionDisabledException", 403)


def test_temporary_redirect_carries_what_it_was_given(world: World) -> None:
    bucket, seen = world.make_bucket(), []
    fault = {
        "service": "s3",
        "status": 307,
        "code": "TemporaryRedirect",
        "headers": {"x-amz-bucket-region": "eu-central-1", "location": f"{world.url}/{bucket}/a"},
        "fields": {"Endpoint": "s3.eu-central-1.amazonaws.com"},
    }
    control(world, "POST", "faults", fault)
    s3 = world.client("s3", world.root(world.customer))
    s3.meta.events.register("needs-retry.s3", lambda response, **_: seen.append(response), unique_id="x")
    assert s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert seen[0][0].status_code == 307
    assert seen[0][1]["Error"]["Code"] == "TemporaryRedirect"
    assert seen[0][1]["Error"]["Endpoint"] == fault["fields"]["Endpoint"]  # type: ignore[index]


def test_held_write_is_in_nobodys_way_when_it_is_stored(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    control(world, "POST", "faults", {"method": "PUT", "path": bucket, "hold_seconds": 0.01})
    assert s3.put_object(Bucket=bucket, Key="a", Body=b"1", IfNoneMatch="*")
    assert code(s3.put_object, Bucket=bucket, Key="a", IfNoneMatch="*") == ("PreconditionFailed", 412)


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
        ("POST", "faults", {"headers": "a"}, 400),
        ("POST", "clock", {}, 400),
        ("POST", "clock", {"offset_seconds": "1"}, 400),
        ("POST", "expire", {"role": "a"}, 400),
        ("GET", "nothing", None, 404),
    ],
)
def test_wrong_control_request_is_refused(world: World, method: str, name: str, value: Any, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        control(world, method, name, value)
    with caught.value:
        assert caught.value.code == status
