"""KMS keys: which one a name means, whether it can be used, and whether a caller may.

Owns the decisions that S3 and KMS share, in KMS's words (s3_encryption.py turns them into S3's). Refuses to tell a
stranger whether another account's key exists.
Source: KMS Developer Guide, "Key identifiers", "Key states", "Policy conditions for AWS KMS"; S3 User Guide, "Using
server-side encryption with AWS KMS keys".

The branches, each of which a test must be able to break:
N1  a name without an ARN is looked for in the caller's account; N2 an ARN of another region is not found;
N3  a missing key is NotFoundException, N4 another account's is a refusal like any other.
N5  permission comes before state: U1 pending deletion, U2 disabled.
V1  S3 uses a key "via" itself, in the bucket's region, with the encryption context; V2 without the caller's address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

from apps.sandbox.cloud.errors import AwsError
from apps.sandbox.cloud.evaluator import Question, judge_key
from apps.sandbox.cloud.policies import PolicyKind, parse_policy
from apps.sandbox.cloud.services import Visit
from apps.sandbox.cloud.storehouse import MANAGED_ALIAS, Call, Key

_ARN = re.compile(r"arn:aws:kms:(?P<region>[\w-]+):(?P<account>\d{12}):(key/)?(?P<name>.+)")
_NAME = re.compile(r"alias/[\w/-]+|(mrk-)?[0-9a-f-]{32,36}")
HIDDEN = (
    "because the resource does not exist in this Region, no resource-based policies allow access, "
    "or a resource-based policy explicitly denies access"
)


def denied(visit: Visit, action: str, resource: str, because: str) -> AwsError:
    """Build KMS's refusal."""
    text = f"User: {visit.caller.arn} is not authorized to perform: {action} on resource: {resource} {because}"
    return AwsError(400, "AccessDeniedException", text)


def _not_found(text: str) -> AwsError:
    return AwsError(400, "NotFoundException", text)


def find_key(visit: Visit, name: str, *, region: str, action: str) -> Key:
    """Find the key that an id, alias or ARN means; all but ARNs are looked for in the caller's account.

    Raises: AwsError("NotFoundException"), and "AccessDeniedException" for another account's missing key.
    """
    account, short = visit.caller.account, name  # N1
    if name.startswith("arn:"):
        match = _ARN.fullmatch(name)
        if match is None or match["region"] != region:
            raise _not_found(f"Invalid arn {match['region'] if match else name}")  # N2
        account, short = match["account"], match["name"]
    if not _NAME.fullmatch(short):
        raise _not_found(f"Invalid keyId '{name}'")
    key = visit.stores.storehouse.find_key(account, region, short)
    if key is None and account == visit.caller.account and short == MANAGED_ALIAS:
        return make_managed_key(visit, region)
    if key is None and account != visit.caller.account:
        raise denied(visit, action, name, HIDDEN)  # N4
    if key is None:
        kind = "Alias" if short.startswith("alias/") else "Key"
        shown = short if kind == "Alias" else f"key/{short}"
        raise _not_found(f"{kind} 'arn:aws:kms:{region}:{account}:{shown}' does not exist")  # N3
    return key


def _managed_policy(account: str, region: str) -> str:
    """Write the policy of an AWS managed key: everybody of the account, by way of S3, and nobody may change it."""
    conditions = {"kms:ViaService": f"s3.{region}.amazonaws.com", "kms:CallerAccount": account}
    use = {
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        "Resource": "*",
        "Condition": {"StringEquals": conditions},
    }
    look = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": ["kms:Describe*", "kms:Get*", "kms:List*"],
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "auto-s3-2", "Statement": [use, look]})


def _managed_key(visit: Visit, region: str) -> Key:
    key = visit.stores.storehouse.find_managed_key(visit.caller.account, region)
    if key is None:
        raise AwsError(500, "KMSInternalException", "The AWS managed key could not be made.")
    return key


def make_managed_key(visit: Visit, region: str) -> Key:
    """Make the account's AWS managed key for S3, as AWS does when it is first needed."""
    stores, account = visit.stores, visit.caller.account
    with stores.locks.lock("kms"):
        if stores.storehouse.find_managed_key(account, region) is None:
            # moto makes it when it is asked for, with a policy that is not AWS's.
            making = plain_call(account, region, "DescribeKey", {"KeyId": MANAGED_ALIAS})
            stores.storehouse.call(making)
            made = _managed_key(visit, region)
            policy = {"KeyId": made.id, "PolicyName": "default", "Policy": _managed_policy(account, region)}
            closing = plain_call(account, region, "PutKeyPolicy", policy)
            stores.storehouse.call(closing)
            if stores.journal:
                stores.journal.record_call(making, {"KeyId": made.id})
                stores.journal.record_call(closing, {})
        return _managed_key(visit, region)


def plain_call(account: str, region: str, target: str, content: Mapping[str, object]) -> Call:
    """Build a KMS call to the storehouse."""
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"TrentService.{target}"}
    return Call(
        account=account,
        service="kms",
        region=region,
        method="POST",
        target="/",
        headers=headers,
        body=json.dumps(content).encode(),
    )


def _judge(visit: Visit, question: Question, key: Key) -> None:
    question = replace(question, context={**question.context, "kms:calleraccount": visit.caller.account})
    verdict = judge_key(question, visit.standing(), parse_policy(key.policy, PolicyKind.RESOURCE))
    if not verdict.allowed:
        is_hidden = key.account != visit.caller.account and "resource-based" in verdict.because
        raise denied(visit, question.action, key.arn, HIDDEN if is_hidden else verdict.because)


def check_allowed(visit: Visit, action: str, key: Key) -> None:
    """Check that the caller may do a KMS action itself. Raises: AwsError("AccessDeniedException")."""
    _judge(visit, visit.question(action, key.arn, resource_account=key.account, context={}), key)


def check_usable(key: Key) -> None:
    """Check the key's state. Raises: AwsError("DisabledException" or "KMSInvalidStateException")."""
    if key.state == "PendingDeletion":
        raise AwsError(409, "KMSInvalidStateException", f"{key.arn} is pending deletion.")  # U1
    if key.state != "Enabled":
        raise AwsError(409, "DisabledException", f"{key.arn} is disabled.")  # U2


def use_key_for_s3(visit: Visit, name: str, *, region: str, action: str, arn: str) -> Key:
    """Let S3 use a key in the caller's name; `arn` of the object or bucket is the encryption context.

    Raises: AwsError, in KMS's words.
    """
    key = find_key(visit, name, region=region, action=action)
    question = visit.question(action, key.arn, resource_account=key.account, context={})
    # V2: S3 calls KMS itself, so the caller's address and agent do not reach it.
    context = {name: value for name, value in question.context.items() if name not in ("aws:sourceip", "aws:useragent")}
    context |= {  # V1
        "aws:viaawsservice": "true",
        "aws:securetransport": "true",
        "aws:requestedregion": region,
        "kms:viaservice": f"s3.{region}.amazonaws.com",
        "kms:encryptionalgorithm": "SYMMETRIC_DEFAULT",
        "kms:encryptioncontext:aws:s3:arn": arn,
        "kms:encryptioncontextkeys": "aws:s3:arn",
    }
    _judge(visit, replace(question, context=context), key)
    check_usable(key)  # N5
    return key
