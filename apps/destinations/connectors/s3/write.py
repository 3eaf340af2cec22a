"""The one write: a spooled file to one key, never over another object. Delivery and test both use it.

Owns the headers, the meaning of 412 and of a lost answer; refuses to follow a redirect to another region
(ruling B4).
Source: S3 PutObject; S3 User Guide "Conditional writes"; aws-and-sftp section 4.4-4.6.
"""

from __future__ import annotations

import base64
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from ..base import Batch, Receipt
from .config import S3Config
from .failures import failure, is_unknown, own_failure, request_id_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STAGE = "put_object"
SMALL_BYTES = 2**20
MAX_OBJECT_BYTES = 5 * 2**30


@dataclass(slots=True)
class _Call:
    """Whether a try of this delivery, in this call or an earlier one, may have written the object."""

    is_unknown: bool


_call: ContextVar[_Call] = ContextVar("put_object_call")


def watch_writes(client: S3Client) -> None:
    """Make a client notice lost and 5xx answers, and stop it from following a bucket to another region."""
    client.meta.events.register("needs-retry.s3.PutObject", _note_unknown_answer)
    client.meta.events.register_last("before-parameter-build.s3", _pretend_redirected)


def put_file(client: S3Client, config: S3Config, batch: Batch) -> Receipt:
    """Write the file to its key unless the key is taken.

    A taken key means "delivered" only if an earlier try may have written it: one whose answer was lost or
    5xx.
    Raises: S3Failure.
    """
    if batch.size_bytes > MAX_OBJECT_BYTES:
        raise own_failure("EntityTooLarge", stage=STAGE, config=config)
    call = _Call(is_unknown=batch.earlier_attempt_unknown)
    token = _call.set(call)
    try:
        with batch.path.open("rb") as body:
            # botocore asks "100-continue" for every file: a round trip more, which pays for large ones only.
            small = batch.size_bytes <= SMALL_BYTES
            answer = client.put_object(Body=body.read() if small else body, **_headers(config, batch))
    except (ClientError, BotoCoreError) as error:
        refused = failure(error, stage=STAGE, config=config, unknown_outcome=call.is_unknown)
    except OSError:
        code = "SpoolFileUnreadable"
        raise own_failure(code, stage=STAGE, config=config, unknown_outcome=call.is_unknown) from None
    else:
        return _receipt(answer)
    finally:
        _call.reset(token)
    if refused.code == "PreconditionFailed" and refused.unknown_outcome:
        return Receipt(request_id=refused.request_id, already_there=True)
    raise refused


def check_encryption(config: S3Config, receipt: Receipt) -> None:
    """Check that the storage encrypted as it was asked to. Raises: S3Failure."""
    if receipt.already_there:
        return
    if config.kms_key_arn:
        as_asked = receipt.encryption == "aws:kms" and receipt.details.get("kms_key_arn") == config.kms_key_arn
    else:
        as_asked = receipt.encryption == "AES256"
    if not as_asked:
        raise own_failure("EncryptionMismatch", stage=STAGE, config=config, request_id=receipt.request_id)


def _headers(config: S3Config, batch: Batch) -> dict[str, Any]:
    return {
        "Bucket": config.bucket,
        "Key": batch.object_key,
        "ContentType": batch.content_type,
        "IfNoneMatch": "*",
        "ChecksumAlgorithm": "SHA256",
        "ChecksumSHA256": base64.b64encode(bytes.fromhex(batch.sha256_hex)).decode(),
        **common_headers(config),
    }


def common_headers(config: S3Config) -> dict[str, Any]:
    """Return what every request that writes says: the encryption, and whose the bucket must be."""
    headers: dict[str, Any] = {"ServerSideEncryption": "aws:kms" if config.kms_key_arn else "AES256"}
    if config.kms_key_arn:
        headers |= {"SSEKMSKeyId": config.kms_key_arn, "BucketKeyEnabled": True}
    return headers | owner_header(config)


def owner_header(config: S3Config) -> dict[str, Any]:
    return {"ExpectedBucketOwner": config.expected_bucket_owner} if config.expected_bucket_owner else {}


def _receipt(answer: Any) -> Receipt:
    details = {"kms_key_arn": answer["SSEKMSKeyId"]} if answer.get("SSEKMSKeyId") else {}
    return Receipt(
        request_id=request_id_of(answer),
        etag=answer.get("ETag", ""),
        version_id=answer.get("VersionId", ""),
        encryption=answer.get("ServerSideEncryption", ""),
        details=details,
    )


def _note_unknown_answer(response: Any, caught_exception: BaseException | None, **_: Any) -> None:
    """Hear every answer of a write, before botocore decides whether to try again."""
    call = _call.get(None)
    status = response[0].status_code if response is not None else None
    if call is not None and is_unknown(caught_exception, status):
        call.is_unknown = True


def _pretend_redirected(context: dict[str, Any], **_: Any) -> None:
    """Tell botocore's region redirector that it has had its one redirect, so that it makes none."""
    context.setdefault("s3_redirect", {})["redirected"] = True
