"""S3: objects and buckets behind region, owner, policy, checksum and encryption checks.

Owns their order: bucket exists, signing region, expected owner, permission, then the work. Refuses other
accounts' buckets without a bucket policy. Context keys come from the request's headers only: a bucket's
default does not satisfy a Deny on a header.
Source: S3 User Guide, "How Amazon S3 authorizes a request", "conditional writes"; S3 API, "Error responses".
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from dataclasses import replace

from apps.sandbox.cloud.default_encryption import check_document as check_default
from apps.sandbox.cloud.default_encryption import render as render_default
from apps.sandbox.cloud.errors import AwsError, NotModelledError, access_denied
from apps.sandbox.cloud.evaluator import judge
from apps.sandbox.cloud.messages import Answer
from apps.sandbox.cloud.payloads import check_part_kind, check_parts, unwrap
from apps.sandbox.cloud.policies import PolicyKind, parse_policy
from apps.sandbox.cloud.regions import check_location, check_region
from apps.sandbox.cloud.s3_encryption import check_decryption, choose_encryption
from apps.sandbox.cloud.s3_operations import Operation, find_operation, split_path
from apps.sandbox.cloud.services import Visit
from apps.sandbox.cloud.storehouse import SSE, SSE_BUCKET_KEY, Bucket, Call, Kept

_HEADER_KEYS = (
    "if-none-match", "x-amz-acl", "x-amz-content-sha256", "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-storage-class",
)  # fmt: skip
_CHECKSUM = re.compile(r"x-amz-checksum-(crc\w+|sha\d+|md5)")
_PARTS = re.compile(r'-(\d+)"$')
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
        if operation.name == "UploadPart":
            check_part_kind(headers, upload.metadata.get("x-amz-checksum-algorithm", ""))
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


def _encryption(visit: Visit, operation: Operation, bucket: Bucket, key: str) -> dict[str, str]:
    """Answer how the object is, or will be, encrypted, after checking that the caller may use the key for it."""
    storehouse, upload_id = visit.stores.storehouse, visit.request.query.get("uploadId", "")
    if operation.name in ("PutObject", "CreateMultipartUpload"):
        return choose_encryption(visit, bucket, key)
    kept: Kept | None = None
    if operation.name in ("UploadPart", "CompleteMultipartUpload"):
        kept = storehouse.find_upload(bucket.name, upload_id)
    elif operation.name in ("GetObject", "HeadObject"):
        kept = storehouse.find_object(bucket.name, key)
    if kept is None:
        return {}
    headers = storehouse.read_encryption(kept)
    # A HEAD that asks for the checksum reads what only the key opens.
    if operation.name != "HeadObject" or "x-amz-checksum-mode" in visit.request.headers:
        check_decryption(visit, bucket, key, headers)
    return headers


def _tell_encryption(answer: Answer, encryption: dict[str, str]) -> Answer:
    """Put the encryption into an answer; AWS mentions a bucket key only when there is one."""
    headers = {name: value for name, value in answer.headers.items() if not name.startswith(SSE)}
    headers |= encryption
    if headers.get(SSE_BUCKET_KEY) == "false":
        del headers[SSE_BUCKET_KEY]
    return replace(answer, headers=headers)


def _tell_checksum(answer: Answer) -> Answer:
    """Say of a checksum that it is made of those of parts, where it is: AWS writes how many behind a dash."""
    told = {name: value for name, value in answer.headers.items() if _CHECKSUM.fullmatch(name)}
    parts = _PARTS.search(answer.headers.get("etag", ""))
    if not told:
        return answer
    if parts is None:
        return replace(answer, headers={**answer.headers, "x-amz-checksum-type": "FULL_OBJECT"})
    composite = {name: f"{value}-{parts[1]}" for name, value in told.items()}
    return replace(answer, headers={**answer.headers, **composite, "x-amz-checksum-type": "COMPOSITE"})


def _write_down(call: Call, visit: Visit, operation: Operation, bucket: Bucket, key: str) -> None:
    """Put into the journal what a successful write changed."""
    journal = visit.stores.journal
    if journal is None:
        return
    if operation.name in ("PutObject", "CompleteMultipartUpload"):
        journal.keep_object(bucket.name, key, visit.stores.storehouse)
    elif operation.name == "DeleteObject":
        journal.forget_object(bucket.name, key)
    elif not operation.has_key:
        journal.record_call(call, {})


def _work(visit: Visit, call: Call, operation: Operation, bucket: Bucket, key: str) -> Answer:
    """Let moto do it, and keep what moto would forget."""
    storehouse = visit.stores.storehouse
    if operation.name == "GetBucketEncryption":
        return render_default(bucket.encryption)
    upload = storehouse.find_upload(bucket.name, visit.request.query.get("uploadId", ""))
    answer = storehouse.call(call)
    if answer.status < 300 and (made := re.search(rb"<UploadId>([^<]+)<", answer.body)):
        storehouse.keep_bucket_key(storehouse.find_upload(bucket.name, made[1].decode()), call.headers)
    if answer.status < 300 and operation.name == "CompleteMultipartUpload" and upload is not None:
        storehouse.keep_bucket_key(storehouse.find_object(bucket.name, key), storehouse.read_encryption(upload))
    return answer


def _carry_out(visit: Visit, operation: Operation, bucket: Bucket, key: str) -> Answer:
    """Do the work, one writer per key, and write down what must last."""
    encryption = _encryption(visit, operation, bucket, key)
    headers = dict(visit.request.headers)
    if operation.name in ("PutObject", "CreateMultipartUpload"):
        headers |= encryption
    call = replace(visit, request=replace(visit.request, headers=headers)).call(account=bucket.account)
    stores, is_read = visit.stores, visit.request.method in ("GET", "HEAD")
    with ExitStack() as held:
        if not is_read and operation.name != "CreateMultipartUpload":
            if "if-none-match" in headers:
                held.enter_context(stores.pending.claim(bucket.name, key, stores.storehouse))
            # A part waits for its own upload only, not for another write of the key.
            upload_id = visit.request.query.get("uploadId", "") if operation.name == "UploadPart" else ""
            held.enter_context(stores.locks.lock(bucket.name, key, upload_id))
            time.sleep(visit.hold_seconds)
        answer = _work(visit, call, operation, bucket, key)
        if not is_read and answer.status < 300:
            _write_down(call, visit, operation, bucket, key)
    if operation.name in ("GetObject", "HeadObject") and answer.status < 300:
        answer = _tell_checksum(answer)
    return _tell_encryption(answer, encryption) if encryption and answer.status < 300 else answer


def answer_s3(visit: Visit) -> Answer:
    """Answer one S3 request. Raises: AwsError."""
    operation = find_operation(visit.request)
    name, key = split_path(visit.request)
    bucket = visit.stores.storehouse.find_bucket(name)
    if operation.name == "CreateBucket":
        planned = Bucket(name=name, account=visit.caller.account, region=visit.scope.region)
        _check_permission(visit, operation, planned, action=operation.action, key="")
        visit = replace(visit, request=unwrap(visit.request))
        check_location(visit)
        return _carry_out(visit, operation, planned, "")
    if bucket is None:
        text = "The specified bucket does not exist"
        raise AwsError(404, "NoSuchBucket", text, fields={"BucketName": name})
    check_region(visit, bucket)
    _check_owner(visit, bucket)
    _check_permission(visit, operation, bucket, action=operation.action, key=key)
    visit = replace(visit, request=unwrap(visit.request))
    if operation.name == "PutBucketPolicy":
        _check_bucket_policy(visit, bucket)
    if operation.name == "PutBucketEncryption":
        check_default(visit.request.body)
    if operation.has_key:
        _check_object(visit, operation, bucket, key)
    return _carry_out(visit, operation, bucket, key)
