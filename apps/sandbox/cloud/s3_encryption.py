"""Encryption that a write asks for or gets by its bucket's default, and the right to use the key.

Owns the headers' meaning and KMS's refusals in S3's words. Refuses dual-layer encryption (501) and customer keys
(501, no such header).
Source: S3 User Guide, "Setting default server-side encryption behavior", "Using server-side encryption with AWS KMS
keys", "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys", "Multipart upload API and permissions".

The branches, each of which a test must be able to break:
E1  no header: the bucket's default, E2 or AES256; E3 the header wins over the default, key included.
E4  aws:kms without a key: the caller's AWS managed key. E5 the bucket key: header, or else the bucket's.
E6  a write or new upload needs kms:GenerateDataKey; E7 a read, E8 a part and a completion kms:Decrypt.
E9  the encryption context is the object's ARN, or with a bucket key the bucket's.
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.sandbox.cloud.errors import AwsError, NotModelledError, access_denied
from apps.sandbox.cloud.keys import use_key_for_s3
from apps.sandbox.cloud.services import Visit
from apps.sandbox.cloud.storehouse import MANAGED_ALIAS, SSE, SSE_BUCKET_KEY, SSE_KEY, Bucket, Key


def _invalid(message: str) -> AwsError:
    return AwsError(400, "InvalidArgument", message)


def _use_key(visit: Visit, bucket: Bucket, name: str, *, action: str, arn: str) -> Key:
    """Use a key in the caller's name. Raises: AwsError, in S3's words."""
    try:
        return use_key_for_s3(visit, name, region=bucket.region, action=action, arn=arn)
    except AwsError as error:
        if error.code == "AccessDeniedException":
            raise access_denied(error.message) from error
        if error.status >= 500:
            raise
        raise AwsError(400, f"KMS.{error.code}", error.message) from error


def _context_arn(bucket: Bucket, key: str, *, has_bucket_key: bool) -> str:
    return f"arn:aws:s3:::{bucket.name}" + ("" if has_bucket_key else f"/{key}")  # E9


def _ask_for(headers: Mapping[str, str], bucket: Bucket) -> tuple[str, str, bool]:
    """Read algorithm, key name and bucket key out of the headers, or else the bucket's default."""
    rule = bucket.encryption or {}
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    if SSE in headers:
        algorithm, name = headers[SSE], headers.get(SSE_KEY, MANAGED_ALIAS)  # E3, E4
    else:
        algorithm = default.get("SSEAlgorithm", "AES256")  # E1, E2
        name = default.get("KMSMasterKeyID") or MANAGED_ALIAS
        if SSE_KEY in headers:
            raise _invalid("A KMS key ID needs the header x-amz-server-side-encryption with aws:kms.")
    has_bucket_key = headers.get(SSE_BUCKET_KEY, str(rule.get("BucketKeyEnabled", "false"))).lower()  # E5
    if has_bucket_key not in ("true", "false"):
        raise _invalid("x-amz-server-side-encryption-bucket-key-enabled is true or false.")
    return algorithm, name, has_bucket_key == "true"


def choose_encryption(visit: Visit, bucket: Bucket, key: str) -> dict[str, str]:
    """Answer the encryption headers that an object is kept with. Raises: AwsError, NotModelledError."""
    headers = visit.request.headers
    algorithm, name, has_bucket_key = _ask_for(headers, bucket)
    if algorithm == "aws:kms:dsse":
        raise NotModelledError("dual-layer encryption")
    if algorithm == "AES256":
        if SSE_KEY in headers or SSE_BUCKET_KEY in headers:
            raise _invalid("Server Side Encryption with AWS KMS managed key requires aws:kms.")
        return {SSE: algorithm}
    if algorithm != "aws:kms":
        raise AwsError(400, "InvalidEncryptionAlgorithmError", "The encryption method specified is not supported")
    arn = _context_arn(bucket, key, has_bucket_key=has_bucket_key)
    used = _use_key(visit, bucket, name, action="kms:GenerateDataKey", arn=arn)  # E6
    return {SSE: algorithm, SSE_KEY: used.arn, SSE_BUCKET_KEY: str(has_bucket_key).lower()}


def check_decryption(visit: Visit, bucket: Bucket, key: str, kept: Mapping[str, str]) -> None:
    """Check that the caller may read what is kept with these headers. Raises: AwsError."""
    if kept.get(SSE) != "aws:kms":
        return
    arn = _context_arn(bucket, key, has_bucket_key=kept[SSE_BUCKET_KEY] == "true")
    _use_key(visit, bucket, kept[SSE_KEY], action="kms:Decrypt", arn=arn)  # E7, E8
