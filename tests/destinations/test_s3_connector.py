"""S3 keeps the contract of every connector, and never follows a bucket to another region."""

from __future__ import annotations

from pathlib import Path

import pytest

from apps.destinations.connectors.base import Batch, StepResult
from apps.outbound.failures import FaultOwner

from .connector_contract import ConnectorContract
from .s3_world import (
    Control,
    OurAccount,
    S3Target,
    failed_step,
    refusal,
)


class TestS3Connector(ConnectorContract):
    """The contract, kept by S3."""


def test_wrong_region_is_never_followed_and_the_right_one_is_named(
    ours: OurAccount, tmp_path: Path, batch: Batch, control: Control
) -> None:
    target = S3Target.make(ours, tmp_path, bucket_region="eu-west-1")
    control.clear()
    error = refusal(target, batch)
    assert (error.permanent, error.owner, "eu-west-1" in str(error)) == (True, FaultOwner.CUSTOMER, True)
    assert len(control.log(service="s3")) == 1
    failed = failed_step(target)
    assert (failed.name, failed.fix, failed.owner) == ("region", {"region": "eu-west-1"}, "customer")
    assert failed.code == "AuthorizationHeaderMalformed"
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


def test_storage_that_overwrites_fails_the_test(careless: S3Target) -> None:
    failed = failed_step(careless)
    assert (failed.name, failed.code) == ("refuse_overwrite", "Overwritten")
    assert failed.advice


def test_storage_that_does_not_encrypt_as_asked_fails_the_delivery(careless: S3Target, batch: Batch) -> None:
    error = refusal(careless, batch)
    assert (error.code, error.owner, error.permanent) == ("EncryptionMismatch", FaultOwner.CUSTOMER, True)
