"""Every exception of botocore as one failure that says who must act.

Owns the mapping; refuses AWS's own text in our messages, because it can hold object keys and external IDs.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProxyConnectionError,
    SSLError,
)

from apps.outbound.failures import DeliveryError

from ... import policies
from ...advice import Advice, Snippet, find_advice
from ..base import Paste
from .config import S3Config

SESSION_IS_OVER = frozenset({"ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "TokenRefreshRequired"})
# The bucket is, or is for now, somewhere else than we asked.
REDIRECTS = frozenset(
    {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "TemporaryRedirect"}
)
# Nothing of the request can have reached the storage.
_NEVER_SENT = (
    EndpointConnectionError,
    ConnectTimeoutError,
    ProxyConnectionError,
    ParamValidationError,
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
)
# botocore uses the status as the code when an answer has no body.
_BODILESS = {
    "301": "PermanentRedirect",
    "307": "TemporaryRedirect",
    "403": "AccessDenied",
    "412": "PreconditionFailed",
    "503": "ServiceUnavailable",
}
_WAIT_SECONDS = {"ConditionalRequestConflict": 1.0, "OperationAborted": 1.0}


class S3Failure(DeliveryError):
    """A delivery failure that also carries its advice, the texts to paste and the fields to correct."""

    def __init__(
        self,
        advice: Advice,
        *,
        code: str,
        stage: str,
        pastes: tuple[Paste, ...] = (),
        fix: Mapping[str, str] | None = None,
        request_id: str = "",
        retry_after_seconds: float | None = None,
        unknown_outcome: bool = False,
    ) -> None:
        super().__init__(
            f"{advice.message} {advice.advice}",
            code=code,
            stage=stage,
            permanent=advice.permanent,
            owner=advice.owner,
            request_id=request_id,
            retry_after_seconds=retry_after_seconds,
            unknown_outcome=unknown_outcome,
        )
        self.advice = advice
        self.pastes = pastes
        self.fix = fix or {}


def failure(
    error: ClientError | BotoCoreError,
    *,
    stage: str,
    config: S3Config | None = None,
    our_arn: str = "",
    unknown_outcome: bool = False,
) -> S3Failure:
    """Explain an exception of botocore that happened at `stage`."""
    code, text, status, headers = _parts(error)
    real_region = headers.get("x-amz-bucket-region", "")
    if isinstance(error, ClientError) and not real_region:
        real_region = str(error.response.get("Error", {}).get("Region", ""))
    if code == "TemporaryRedirect" and config and real_region not in ("", config.region):
        code = "PermanentRedirect"
    request_id = request_id_of(error.response) if isinstance(error, ClientError) else ""
    return own_failure(
        code,
        stage=stage,
        text=text,
        status=status,
        config=config,
        our_arn=our_arn,
        real_region=real_region,
        request_id=request_id,
        retry_after_seconds=_retry_after(headers) or _WAIT_SECONDS.get(code),
        unknown_outcome=unknown_outcome or is_unknown(error, status),
    )


def own_failure(
    code: str,
    *,
    stage: str,
    text: str = "",
    status: int | None = None,
    config: S3Config | None = None,
    our_arn: str = "",
    real_region: str = "",
    request_id: str = "",
    retry_after_seconds: float | None = None,
    unknown_outcome: bool = False,
) -> S3Failure:
    """Build the failure for a code of AWS or of ours."""
    facts = {"our_arn": our_arn, "real_region": real_region, "code": code, "status": str(status or "")}
    if config:
        facts |= {
            "role_arn": config.role_arn,
            "bucket": config.bucket,
            "region": config.region,
            "prefix": config.prefix,
            "owner_account": config.expected_bucket_owner or "",
            "encryption": config.encryption,
            "kms_key_arn": config.kms_key_arn or "",
        }
    advice = find_advice(stage=stage, code=code, text=text, status=status).filled(facts)
    return S3Failure(
        advice,
        code=code,
        stage=stage,
        pastes=pastes(advice.snippets, config, our_arn=our_arn),
        fix={field: facts[fact] for field, fact in advice.fix.items() if facts.get(fact)},
        request_id=request_id,
        retry_after_seconds=retry_after_seconds,
        unknown_outcome=unknown_outcome,
    )


def pastes(snippets: Iterable[Snippet], config: S3Config | None, *, our_arn: str) -> tuple[Paste, ...]:
    """Return the texts to paste. They never hold the external ID (ruling A10)."""
    if config is None:
        return ()
    return tuple(Paste(where=each.where.value, snippet=_text(each, config, our_arn)) for each in snippets)


def _text(snippet: Snippet, config: S3Config, our_arn: str) -> str:
    role_arn, bucket, prefix = config.role_arn, config.bucket, config.prefix
    match snippet:
        case Snippet.TRUST:
            text = policies.trust_policy(our_arn)
        case Snippet.ROLE:
            text = policies.role_policy(bucket, prefix, config.kms_key_arn)
        case Snippet.BUCKET:
            text = policies.bucket_policy_statement(bucket, prefix, role_arn)
        case Snippet.KEY:
            text = policies.key_policy_statement(role_arn)
        case Snippet.BUCKET_EXEMPTION | Snippet.KEY_EXEMPTION:
            text = policies.exemption(role_arn)
    return policies.render(text)


def is_unknown(error: BaseException | None, status: int | None) -> bool:
    """Say whether the storage may have done the work although we have no clear answer."""
    if status is not None:
        return status >= 500
    if error is None or isinstance(error, _NEVER_SENT):
        return False
    return not (isinstance(error, SSLError) and _is_refused_certificate(error))


def _is_refused_certificate(error: SSLError) -> bool:
    cause = error.kwargs.get("error")
    return "CERTIFICATE_VERIFY_FAILED" in str(cause) or isinstance(cause, ssl.SSLCertVerificationError)


def _parts(error: ClientError | BotoCoreError) -> tuple[str, str, int | None, dict[str, str]]:
    """Return code, AWS's text, HTTP status and headers."""
    if isinstance(error, ClientError):
        metadata = error.response.get("ResponseMetadata", {})
        answer = error.response.get("Error", {})
        headers = {str(name).lower(): str(value) for name, value in metadata.get("HTTPHeaders", {}).items()}
        code = str(answer.get("Code", "Unknown"))
        return (
            _BODILESS.get(code, code),
            str(answer.get("Message", "")),
            metadata.get("HTTPStatusCode"),
            headers,
        )
    return type(error).__name__, "", None, {}


def request_id_of(answer: Any) -> str:
    """Return AWS's ID of a request from its answer's body, or from the header where the body lacks it."""
    metadata = answer.get("ResponseMetadata", {})
    return str(metadata.get("RequestId") or metadata.get("HTTPHeaders", {}).get("x-amzn-requestid", ""))


def _retry_after(headers: dict[str, str]) -> float | None:
    value = headers.get("retry-after", "")
    return float(value) if value.isdecimal() else None
