"""Exceptions of botocore as failures: no text of AWS's, the right snippet, what is known of the outcome."""

from __future__ import annotations

import json
import ssl

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    NoCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from apps.destinations.connectors.s3.config import S3Config
from apps.destinations.connectors.s3.failures import S3Failure, failure
from apps.destinations.policies import key_policy_statement, role_policy

KMS_KEY = "arn:aws:kms:us-east-1:222222222222:key/1234"
CONFIG = S3Config.from_fields(
    {
        "bucket": "clinic",
        "region": "us-east-1",
        "role_arn": "arn:aws:iam::222222222222:role/relay",
        "kms_key_arn": KMS_KEY,
    },
    external_id="the-external-id",
    destination_id="d",
    config_version=1,
)
URL = "https://clinic.s3.us-east-1.amazonaws.com/flexpa/jo%40example.org"


def answered(code: str, status: int, message: str = "", **headers: str) -> S3Failure:
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers, "RequestId": "R1"}
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    return failure(ClientError(response, "PutObject"), stage="put_object", config=CONFIG)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (ReadTimeoutError(endpoint_url=URL), True),
        (ConnectionClosedError(endpoint_url=URL), True),
        (ConnectTimeoutError(endpoint_url=URL), False),
        (NoCredentialsError(), False),
        (
            SSLError(endpoint_url=URL, error=ssl.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed")),
            False,
        ),
        (SSLError(endpoint_url=URL, error=ssl.SSLCertVerificationError()), False),
        (SSLError(endpoint_url=URL, error=ssl.SSLError("EOF occurred in violation of protocol")), True),
    ],
)
def test_lost_request_is_unknown_only_if_it_may_have_arrived(error: BotoCoreError, unknown: bool) -> None:
    lost = failure(error, stage="put_object", config=CONFIG)
    assert (lost.unknown_outcome, lost.permanent, lost.owner) == (unknown, False, "us")
    assert "example.org" not in str(lost)


def test_text_of_aws_never_reaches_the_message() -> None:
    text = "not authorized to perform: s3:PutObject on resource: arn:aws:s3:::clinic/flexpa/jo%40example.org"
    refused = answered("AccessDenied", 403, text)
    assert "example.org" not in repr(refused)
    assert answered("Strange", 400, text).permanent
    assert "example.org" not in str(answered("Strange", 400, text))


def test_refused_key_comes_with_both_policies() -> None:
    refused = answered("AccessDenied", 403, "not authorized to perform: kms:GenerateDataKey")
    role, key = refused.pastes
    assert (role.where, key.where) == ("role_policy", "key_policy")
    assert json.loads(role.snippet) == role_policy("clinic", "flexpa/", KMS_KEY)
    assert json.loads(key.snippet) == key_policy_statement(CONFIG.role_arn)
    assert "the-external-id" not in repr(refused.pastes) + str(refused)


@pytest.mark.parametrize(
    ("region", "code", "permanent"),
    [("eu-west-1", "PermanentRedirect", True), ("us-east-1", "TemporaryRedirect", False)],
)
def test_temporary_redirect_is_final_only_to_another_region(region: str, code: str, permanent: bool) -> None:
    refused = answered("TemporaryRedirect", 307, **{"x-amz-bucket-region": region})
    assert (refused.code, refused.permanent) == (code, permanent)


def test_answer_without_a_body_is_read_by_its_status() -> None:
    assert answered("412", 412).code == "PreconditionFailed"
    assert answered("301", 301, **{"x-amz-bucket-region": "eu-west-1"}).fix == {"region": "eu-west-1"}
    assert answered("301", 301).fix == {}


def test_busy_storage_says_how_long_to_wait() -> None:
    assert answered("SlowDown", 503, **{"Retry-After": "7"}).retry_after_seconds == 7.0
    assert answered("SlowDown", 503, **{"Retry-After": "soon"}).retry_after_seconds is None
