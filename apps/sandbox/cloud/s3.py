"""S3: objects and buckets behind region, owner, policy, checksum and encryption checks.

Owns their order: bucket exists, signing region, expected owner, permission, then the work. Refuses other
accounts' buckets without a bucket policy. Context keys come from the request's headers only: a bucket's
default does not satisfy a Deny on a header.
Source: S3 User Guide, "How Amazon S3 authorizes a request", "conditional writes"; S3 API, "Error responses".
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from xml.sax.saxutils import quoteattr

from apps.sandbox.cloud.errors import AwsError, NotModelledError, access_denied
from apps.sandbox.cloud.evaluator import judge
from apps.sandbox.cloud.messages import Answer
from apps.sandbox.cloud.payloads import check_parts, unwrap
from apps.sandbox.cloud.policies import PolicyKind, parse_policy
from apps.sandbox.cloud.s3_encryption import choose_encryption
from apps.sandbox.cloud.s3_operations import Operation, find_operation, split_path
from apps.sandbox.cloud.services import Visit
from apps.sandbox.cloud.storehouse import Bucket

_HEADER_KEYS = (
    "if-none-match", "x-amz-acl", "x-amz-content-sha256", "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-storage-class",
)  # fmt: skip
_CREATES_OBJECT = {"PutObject": "true", "CompleteMultipartUpload": "true"}
_CREATES_NOTHING = {"CreateMultipartUpload": "false", "UploadPart": "false"}


def _context(visit: Visit, operation: Operation, bucket_account: str) -> dict[str, str]:
    headers, query = visit.request.headers, visit.request.query
    keys = {f"s3:{name}": headers[name] for name in _HEADER_KEYS if name in headers}
    keys |= {f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query}
    keys |= {"s3:authtype": "REST-HEADER", "s3:signatureversion": "AWS4-HMAC-SHA256"}
    keys["s3:resourceaccount"] = bucket_account
    creates = (_CREATES_OBJECT | _CREATES_NOTHING).get(operation.name)
    return keys | ({"s3:objectcreationoperation": creates} if creates else {})


def _check_region(visit: Visit, bucket: Bucket) -> None:
    if visit.scope.region == bucket.region:
        return
    text = "The authorization header is malformed; the region "
    raise AwsError(
        400,
        "AuthorizationHeaderMalformed",
        f"{text}{quoteattr(visit.scope.region)} is wrong; expecting {quoteattr(bucket.region)}",
        fields={"Region": bucket.region},
        headers={"x-amz-bucket-region": bucket.region},
    )


def _check_owner(visit: Visit, bucket: Bucket) -> None:
    expected = visit.request.headers.get("x-amz-expected-bucket-owner", bucket.account)
    if expected != bucket.account:
        raise access_denied()


def _check_permission(visit: Visit, operation: Operation, bucket: Bucket, *, action: str, key: str) -> None:
    """Ask the evaluator. Raises: AwsError, with AWS's reason only inside one account."""
    resource = f"arn:aws:s3:::{bucket.name}" + (f"/{key}" if key else "")
    question = visit.question(
        action,
        resource,
        resource_account=bucket.account,
        context=_context(visit, operation, bucket.account),
    )
    policy = parse_policy(bucket.policy, PolicyKind.RESOURCE) if bucket.policy else None
    verdict = judge(question, visit.standing(), policy)
    if verdict.allowed:
        return
    if bucket.account != visit.caller.account:
        raise access_denied()
    who = f"User: {visit.caller.arn} is not authorized to perform: {action}"
    raise access_denied(f'{who} on resource: "{resource}" {verdict.because}')


def _check_object(visit: Visit, operation: Operation, bucket: Bucket, key: str) -> None:
    """Check what an operation says about the object or upload it names."""
    headers, stores = visit.request.headers, visit.stores
    if operation.name in ("GetObject", "HeadObject") and not stores.storehouse.find_object(bucket.name, key):
        # Without the right to list, AWS does not tell whether the object exists.
        _check_permission(visit, operation, bucket, action="s3:ListBucket", key="")
    if operation.name in ("PutObject", "CreateMultipartUpload"):
        acl = headers.get("x-amz-acl", "bucket-owner-full-control")
        if acl != "bucket-owner-full-control":
            raise AwsError(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
    upload_id = visit.request.query.get("uploadId")
    if upload_id is not None:
        upload = stores.storehouse.find_upload(bucket.name, upload_id)
        if upload is None or upload.key_name != key:
            raise AwsError(404, "NoSuchUpload", "The specified upload does not exist.")
        if operation.name == "CompleteMultipartUpload":
            parts = {number: part.value for number, part in upload.parts.items()}
            check_parts(visit.request.body, parts)


def _check_bucket_policy(visit: Visit, bucket: Bucket) -> None:
    """Read a new bucket policy before it is kept. Raises: AwsError("MalformedPolicy"), NotModelledError."""
    try:
        policy = parse_policy(visit.request.body.decode("utf-8", "replace"), PolicyKind.RESOURCE)
    except NotModelledError:
        raise
    except AwsError as error:
        raise AwsError(400, "MalformedPolicy", error.message) from error
    arn = f"arn:aws:s3:::{bucket.name}"
    for statement in policy:
        for resource in statement.resources or statement.not_resources or ():
            if resource != arn and not resource.startswith((f"{arn}/", f"{arn}*")):
                raise AwsError(400, "MalformedPolicy", "Policy has invalid resource")
        for principal in statement.principals or ():
            if not visit.stores.storehouse.has_principal(principal):
                raise AwsError(400, "MalformedPolicy", "Invalid principal in policy")


def _carry_out(visit: Visit, operation: Operation, bucket_name: str, key: str, *, account: str) -> Answer:
    """Let the storehouse do the work, one writer per key, and write down what must last."""
    headers = dict(visit.request.headers)
    if operation.name in ("PutObject", "CreateMultipartUpload"):
        headers |= choose_encryption(headers)
    call = replace(visit, request=replace(visit.request, headers=headers)).call(account=account)
    stores, is_read = visit.stores, visit.request.method in ("GET", "HEAD")
    with nullcontext() if is_read else stores.locks.lock(bucket_name, key):
        answer = stores.storehouse.call(call)
        if stores.journal and not is_read and answer.status < 300:
            if operation.name in ("PutObject", "CompleteMultipartUpload"):
                stores.journal.keep_object(bucket_name, key, stores.storehouse)
            elif operation.name == "DeleteObject":
                stores.journal.forget_object(bucket_name, key)
            elif not operation.has_key:
                stores.journal.record_call(call, {})
    return answer


def answer_s3(visit: Visit) -> Answer:
    """Answer one S3 request. Raises: AwsError."""
    operation = find_operation(visit.request)
    name, key = split_path(visit.request)
    bucket = visit.stores.storehouse.find_bucket(name)
    if operation.name == "CreateBucket":
        planned = Bucket(name=name, account=visit.caller.account, region=visit.scope.region, policy=None)
        _check_permission(visit, operation, planned, action=operation.action, key="")
        visit = replace(visit, request=unwrap(visit.request))
        return _carry_out(visit, operation, name, "", account=visit.caller.account)
    if bucket is None:
        text = "The specified bucket does not exist"
        raise AwsError(404, "NoSuchBucket", text, fields={"BucketName": name})
    _check_region(visit, bucket)
    _check_owner(visit, bucket)
    _check_permission(visit, operation, bucket, action=operation.action, key=key)
    visit = replace(visit, request=unwrap(visit.request))
    if operation.name == "PutBucketPolicy":
        _check_bucket_policy(visit, bucket)
    if operation.has_key:
        _check_object(visit, operation, bucket, key)
    return _carry_out(visit, operation, name, key, account=bucket.account)
