"""The S3 connector against the local AWS, over real HTTP: every hole is found, nothing is lost or doubled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from apps.destinations.connectors.base import Batch, Receipt, Step, StepResult
from apps.destinations.connectors.s3.identity import OurIdentity, utc_now
from apps.destinations.connectors.s3.probe import STEPS
from apps.destinations.connectors.s3.sessions import Sessions
from apps.destinations.connectors.s3.write import check_encryption
from apps.destinations.policies import role_policy
from apps.outbound.failures import DeliveryError, FaultOwner
from apps.sandbox.cloud.server import LocalCloud

from .connector_contract import NDJSON, ConnectorContract, make_batch
from .s3_world import OURS, Control, OurAccount, S3Target, allow, root_client

KEY = "flexpa/_/c-1/pa-1/2026-11-21T01-10-17-123Z-sj-1.ndjson"


@pytest.fixture(scope="module")
def ours() -> Iterator[OurAccount]:
    with LocalCloud() as cloud:
        yield OurAccount(cloud.url)


@pytest.fixture
def target(ours: OurAccount, tmp_path: Path, control: Control) -> S3Target:
    made = S3Target.make(ours, tmp_path)
    control.clear()
    return made


@pytest.fixture
def control(ours: OurAccount) -> Iterator[Control]:
    control = Control(ours.url)
    control.clear()
    yield control
    control.clear()


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    return make_batch(tmp_path, KEY)


def failed_step(target: S3Target, **changes: Any) -> Step:
    steps = list(target.connector_of(**changes).probe())
    assert [step.name for step in steps] == [name for name, _ in STEPS]
    return next(step for step in steps if step.result is StepResult.FAIL)


def refusal(target: S3Target, batch: Batch, **changes: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as refused:
        target.connector_of(**changes).deliver(batch)
    return refused.value


class TestS3Connector(ConnectorContract):
    """The contract, kept by S3."""


# Test connection: every hole at its own step.


@pytest.mark.parametrize(
    ("condition", "step"),
    [
        (None, "refuse_without_external_id"),
        ({"StringEqualsIfExists": {"sts:ExternalId": "<right>"}}, "refuse_without_external_id"),
        ({"StringLike": {"sts:ExternalId": "*"}}, "refuse_wrong_external_id"),
        ({"StringLike": {"sts:ExternalId": "<start>*"}}, "refuse_wrong_external_id"),
        ({"StringEquals": {"sts:ExternalId": "another"}}, "assume_role"),
    ],
)
def test_trust_policy_with_a_hole_fails_at_its_step_with_the_text_to_paste(
    target: S3Target, condition: dict[str, object] | None, step: str
) -> None:
    right = target.config.external_id
    text = json.dumps(condition).replace("<right>", right).replace("<start>", right[:4])
    target.trust(json.loads(text))
    failed = failed_step(target)
    assert failed.name == step
    assert target.ours.role_arn in failed.snippet
    assert "<your external ID>" in failed.snippet
    assert right not in repr(failed)


def test_hole_in_the_trust_hands_out_a_session_that_is_never_used(target: S3Target, control: Control) -> None:
    target.trust(None)
    failed_step(target)
    assert control.log(service="s3") == []


def test_trust_that_is_corrected_while_testing_passes_on_the_second_try(
    target: S3Target, control: Control
) -> None:
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
    control.fault(
        service="sts", count=4, status=status, code="Throttling" if status == 400 else "InternalFailure"
    )
    step = next(steps)
    assert (step.name, step.result) == ("refuse_without_external_id", StepResult.FAIL)
    assert "Inconclusive" in step.message


def test_trust_that_was_closed_after_a_delivery_fails_although_a_session_is_cached(
    target: S3Target, batch: Batch
) -> None:
    target.connector.deliver(batch)
    target.trust({"StringEquals": {"sts:ExternalId": "another"}})
    assert failed_step(target).name == "assume_role"


def test_second_write_that_is_refused_for_another_reason_fails_its_step(
    target: S3Target, control: Control
) -> None:
    steps = target.connector.probe()
    assert [next(steps).name for _ in range(6)][-1] == "write_object"
    control.fault(service="s3", count=1, status=403, code="AccessDenied")
    step = next(steps)
    assert (step.name, step.result, step.code) == ("refuse_overwrite", StepResult.FAIL, "AccessDenied")


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
    session = boto3.Session(
        aws_access_key_id="AKIANOBODY", aws_secret_access_key="x" * 40, region_name="us-east-1"
    )
    identity = OurIdentity(session, target.ours.role_arn, endpoint_url_sts=target.ours.url)
    target.sessions = Sessions(identity, endpoint_url_s3=target.ours.url)
    assert failed_step(target).name == "our_identity"
    error = refusal(target, batch)
    assert (error.owner, error.permanent, error.stage) == (FaultOwner.US, False, "our_identity")


def test_probe_writes_one_text_object_that_loaders_of_ndjson_skip(target: S3Target) -> None:
    list(target.connector.probe())
    listed = target.s3.list_objects_v2(Bucket=target.config.bucket)["Contents"]
    assert len(listed) == 1
    assert listed[0]["Key"].startswith(f"flexpa/_connection-test/{target.config.destination_id}-")
    assert listed[0]["Key"].endswith(".txt")


# The wire: what we send.


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


# Lost answers and 412.


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


def test_busy_storage_is_tried_again_within_the_call(
    target: S3Target, batch: Batch, control: Control
) -> None:
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


class CarelessStore(BaseHTTPRequestHandler):
    """A storage that takes every write and honours no header."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        return


@pytest.fixture
def careless(target: S3Target) -> Iterator[S3Target]:
    with ThreadingHTTPServer(("127.0.0.1", 0), CarelessStore) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        target.sessions = Sessions(target.ours.identity(), endpoint_url_s3=url)
        yield target
        server.shutdown()


def test_storage_that_overwrites_fails_the_test(careless: S3Target) -> None:
    failed = failed_step(careless)
    assert (failed.name, failed.code) == ("refuse_overwrite", "Overwritten")
    assert failed.advice


def test_storage_that_does_not_encrypt_as_asked_fails_the_delivery(careless: S3Target, batch: Batch) -> None:
    error = refusal(careless, batch)
    assert (error.code, error.owner, error.permanent) == ("EncryptionMismatch", FaultOwner.CUSTOMER, True)


# Regions.


def test_wrong_region_is_never_followed_and_the_right_one_is_named(
    ours: OurAccount, tmp_path: Path, batch: Batch, control: Control
) -> None:
    target = S3Target.make(ours, tmp_path, bucket_region="eu-west-1")
    control.clear()
    error = refusal(target, batch)
    assert (error.permanent, error.owner, "eu-west-1" in str(error)) == (True, FaultOwner.CUSTOMER, True)
    assert len(control.log(service="s3")) == 1
    failed = failed_step(target)
    assert (failed.name, failed.snippet) == ("write_object", "eu-west-1")
    assert len(control.log(service="s3")) == 2
    assert {step.result for step in target.connector_of(region="eu-west-1", config_version=2).probe()} == {
        StepResult.PASS
    }


@pytest.mark.parametrize(
    ("status", "code", "permanent"), [(301, "PermanentRedirect", True), (307, "TemporaryRedirect", False)]
)
def test_redirect_is_never_followed(
    target: S3Target, batch: Batch, control: Control, status: int, code: str, permanent: bool
) -> None:
    control.fault(service="s3", count=1, status=status, code=code)
    error = refusal(target, batch)
    assert (error.code, error.permanent) == (code, permanent)
    assert len(control.log(service="s3")) == 1
    assert not target.connector.deliver(batch).already_there


# Sessions.


def test_session_that_ended_is_assumed_again_once(target: S3Target, batch: Batch, control: Control) -> None:
    target.connector.deliver(replace(batch, object_key=KEY + ".first"))
    control.clear()
    control.expire_sessions()
    assert not target.connector.deliver(batch).already_there
    assumed = control.log(service="sts", role_arn=target.config.role_arn)
    assert [entry["status"] for entry in assumed] == [403, 200]
    assert [entry["status"] for entry in control.log(service="s3")] == [400, 200]


def test_session_that_keeps_ending_is_given_up_for_now(
    target: S3Target, batch: Batch, control: Control
) -> None:
    control.fault(service="s3", method="PUT", count=9, status=400, code="ExpiredToken")
    error = refusal(target, batch)
    assert (error.code, error.permanent, error.owner) == ("ExpiredToken", False, FaultOwner.US)
    assert len(control.log(service="s3")) == 2


def test_session_is_shared_and_renewed_five_minutes_before_its_end(
    target: S3Target, control: Control
) -> None:
    shift = timedelta()
    sessions = target.ours.sessions(now=lambda: utc_now() + shift)
    first = sessions.get(target.config)
    shift = timedelta(minutes=9)
    assert sessions.get(target.config) is first
    shift = timedelta(minutes=11)
    assert sessions.get(target.config) is not first
    assert len(control.log(role_arn=target.config.role_arn)) == 2


def test_many_threads_assume_once(target: S3Target, control: Control) -> None:
    barrier = Barrier(8)

    def get(_: int) -> int:
        barrier.wait()
        return id(target.sessions.get(target.config))

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(get, range(8)))) == 1
    assert len(control.log(role_arn=target.config.role_arn)) == 1
    assert len(control.log(role_arn=target.ours.role_arn)) == 1


def test_new_configuration_has_a_new_session_and_the_least_used_is_dropped(target: S3Target) -> None:
    sessions = target.ours.sessions(capacity=1)
    first = sessions.get(target.config)
    assert sessions.get(replace(target.config, config_version=2)) is not first
    assert sessions.get(target.config) is not first


def test_token_service_that_is_not_active_in_the_region_is_asked_in_ours(
    ours: OurAccount, tmp_path: Path, control: Control, target: S3Target
) -> None:
    target.connector.deliver(make_batch(tmp_path, KEY + ".first"))
    far = replace(target.config, region="eu-west-1", config_version=2)
    control.fault(service="sts", count=1, status=403, code="RegionDisabledException")
    assert target.sessions.get(far).credentials
    assert [entry["code"] for entry in control.log(service="sts", role_arn=far.role_arn)][-2:] == [
        "RegionDisabledException",
        "",
    ]


# Who we are.


def test_process_that_is_the_delivery_role_does_not_chain(ours: OurAccount, control: Control) -> None:
    given = ours.session.client("sts", endpoint_url=ours.url).assume_role(
        RoleArn=ours.role_arn, RoleSessionName="instance"
    )["Credentials"]
    session = boto3.Session(
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        region_name="us-east-1",
    )
    control.clear()
    caller = OurIdentity(session, ours.role_arn, endpoint_url_sts=ours.url).whoami("us-east-1")
    assert caller.arn.endswith("/instance")
    assert control.log(action="AssumeRole") == []


def test_identity_without_a_delivery_role_is_the_process_itself(ours: OurAccount) -> None:
    identity = OurIdentity(ours.session, None, endpoint_url_sts=ours.url)
    assert identity.whoami("us-east-1").arn == identity.principal_arn()
    assert identity.account_id() == OURS


def test_end_points_come_from_the_standard_variables(
    ours: OurAccount, target: S3Target, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", ours.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", ours.url)
    target.sessions = Sessions(OurIdentity(ours.session, ours.role_arn))
    assert target.connector.deliver(batch).etag


def test_credentials_never_show_in_a_repr(target: S3Target) -> None:
    session = target.sessions.get(target.config)
    shown = repr(session) + repr(target.config)
    for secret in (session.credentials.secret_key, session.credentials.token, target.config.external_id):
        assert secret not in shown


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


def test_seeding_identity_is_the_root_of_its_account(ours: OurAccount) -> None:
    assert root_client(ours.url, "sts", OURS).get_caller_identity()["Account"] == OURS
