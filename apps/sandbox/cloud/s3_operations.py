"""The S3 operations that are modelled: how a request is told apart and what each is asked about.

Owns the table; refuses every subresource, parameter and header that is not in it (501).
Source: S3 API, "Actions"; Service Authorization Reference, "Actions defined by Amazon S3".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from apps.sandbox.cloud.errors import NotModelledError
from apps.sandbox.cloud.messages import AwsRequest


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: the parameters that name it, those it may also have, and the IAM action it needs."""

    name: str
    method: str
    action: str
    has_key: bool
    named_by: frozenset[str] = frozenset()
    may_have: frozenset[str] = frozenset()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LISTING = _words("continuation-token delimiter encoding-type fetch-owner max-keys prefix start-after")
OPERATIONS = (
    Operation("CreateBucket", "PUT", "s3:CreateBucket", False),
    Operation("DeleteBucket", "DELETE", "s3:DeleteBucket", False),
    Operation("HeadBucket", "HEAD", "s3:ListBucket", False),
    Operation("GetBucketLocation", "GET", "s3:GetBucketLocation", False, _words("location")),
    Operation("ListObjectsV2", "GET", "s3:ListBucket", False, _words("list-type"), _LISTING),
    Operation("GetBucketPolicy", "GET", "s3:GetBucketPolicy", False, _words("policy")),
    Operation("PutBucketPolicy", "PUT", "s3:PutBucketPolicy", False, _words("policy")),
    Operation("DeleteBucketPolicy", "DELETE", "s3:DeleteBucketPolicy", False, _words("policy")),
    Operation("GetBucketEncryption", "GET", "s3:GetEncryptionConfiguration", False, _words("encryption")),
    Operation("PutBucketEncryption", "PUT", "s3:PutEncryptionConfiguration", False, _words("encryption")),
    Operation("DeleteBucketEncryption", "DELETE", "s3:PutEncryptionConfiguration", False, _words("encryption")),
    Operation("PutObject", "PUT", "s3:PutObject", True),
    Operation("GetObject", "GET", "s3:GetObject", True),
    Operation("HeadObject", "HEAD", "s3:GetObject", True),
    Operation("DeleteObject", "DELETE", "s3:DeleteObject", True),
    Operation("CreateMultipartUpload", "POST", "s3:PutObject", True, _words("uploads")),
    Operation("UploadPart", "PUT", "s3:PutObject", True, _words("partNumber uploadId")),
    Operation("CompleteMultipartUpload", "POST", "s3:PutObject", True, _words("uploadId")),
    Operation("AbortMultipartUpload", "DELETE", "s3:AbortMultipartUpload", True, _words("uploadId")),
)
_HEADERS = re.compile(
    r"x-amz-(date|content-sha256|security-token|user-agent|expected-bucket-owner|sdk-checksum-algorithm"
    r"|checksum-\w+|trailer|decoded-content-length|acl|storage-class|meta-[\w-]+"
    r"|server-side-encryption|server-side-encryption-aws-kms-key-id"
    r"|server-side-encryption-bucket-key-enabled)"
)
_CONDITIONAL = _words("if-match if-none-match if-modified-since if-unmodified-since")
_CONDITIONS_BY_NAME = {
    "PutObject": _words("if-none-match"),
    "CompleteMultipartUpload": _words("if-none-match"),
    "GetObject": _CONDITIONAL,
    "HeadObject": _CONDITIONAL,
}


def split_path(request: AwsRequest) -> tuple[str, str]:
    """Split a path-style address into bucket and key. Raises: NotModelledError for bucket.host addresses."""
    host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
    if host.endswith(".localhost") or re.fullmatch(r".+\.s3[.-].*amazonaws\.com", host):
        raise NotModelledError("virtual-hosted addresses; use path style")
    bucket, _, key = request.path.removeprefix("/").partition("/")
    return bucket, key


def find_operation(request: AwsRequest) -> Operation:
    """Tell which operation a request is. Raises: NotModelledError for anything that is not in the table."""
    bucket, key = split_path(request)
    parameters = frozenset(request.query) - {"x-id"}
    if not bucket:
        raise NotModelledError("calls without a bucket")
    for operation in OPERATIONS:
        if (operation.method, operation.has_key) != (request.method, bool(key)):
            continue
        if operation.named_by <= parameters <= operation.named_by | operation.may_have:
            _check_headers(request, operation)
            return operation
    shown = "&".join(sorted(parameters)) or "no parameters"
    raise NotModelledError(f"{request.method} on {'an object' if key else 'a bucket'} with {shown}")


def _check_headers(request: AwsRequest, operation: Operation) -> None:
    conditional = _CONDITIONAL & set(request.headers)
    if conditional - _CONDITIONS_BY_NAME.get(operation.name, frozenset()):
        raise NotModelledError(f"conditional headers on {operation.name}")
    if request.method in ("PUT", "POST") and request.headers.get("if-none-match", "*") != "*":
        raise NotModelledError("If-None-Match with anything but *")
    for name in request.headers:
        if name.startswith("x-amz-") and not _HEADERS.fullmatch(name):
            raise NotModelledError(f"the header {name}")
        if "_" in name:
            raise NotModelledError("header names with an underscore")
        if operation.name == "CompleteMultipartUpload" and name.startswith("x-amz-checksum-"):
            raise NotModelledError("whole-object checksums on CompleteMultipartUpload")
