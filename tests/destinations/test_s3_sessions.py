"""Sessions in customers' roles and our own identity: shared, renewed, never shown."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import boto3
import pytest

from apps.destinations.connectors.base import Batch
from apps.destinations.connectors.s3.identity import OurIdentity, utc_now
from apps.destinations.connectors.s3.sessions import Sessions
from apps.outbound.failures import FaultOwner

from .connector_contract import make_batch
from .s3_world import (
    KEY,
    OURS,
    Control,
    OurAccount,
    S3Target,
    refusal,
)


def test_session_that_ended_is_assumed_again_once(target: S3Target, batch: Batch, control: Control) -> None:
    target.connector.deliver(replace(batch, object_key=KEY + ".first"))
    control.clear()
    control.expire_sessions()
    assert not target.connector.deliver(batch).already_there
    assumed = control.log(service="sts", role_arn=target.config.role_arn)
    assert [entry["status"] for entry in assumed] == [403, 200]
    assert [entry["status"] for entry in control.log(service="s3")] == [400, 200]


def test_session_that_keeps_ending_is_given_up_for_now(target: S3Target, batch: Batch, control: Control) -> None:
    control.fault(service="s3", method="PUT", count=9, status=400, code="ExpiredToken")
    error = refusal(target, batch)
    assert (error.code, error.permanent, error.owner) == ("ExpiredToken", False, FaultOwner.US)
    assert len(control.log(service="s3")) == 2


def test_session_of_ours_that_ended_is_begun_again_when_we_ask_who_we_are(target: S3Target, control: Control) -> None:
    before = target.sessions.identity.whoami("us-east-1")
    control.expire_sessions()
    assert target.sessions.identity.whoami("us-east-1").arn == before.arn


def test_session_is_shared_and_renewed_five_minutes_before_its_end(target: S3Target, control: Control) -> None:
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


def test_credentials_never_show_in_a_repr(target: S3Target) -> None:
    session = target.sessions.get(target.config)
    shown = repr(session) + repr(target.config)
    for secret in (session.credentials.secret_key, session.credentials.token, target.config.external_id):
        assert secret not in shown


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
