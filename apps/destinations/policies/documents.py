"""The policies as documents, and as JSON to read or to send.

Source: destinations seed "IAM setup", "Encryption"; AWS IAM, "Session policies".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

EXTERNAL_ID_PLACEHOLDER = "<your external ID>"
OLD_EXTERNAL_ID_PLACEHOLDER = "<your old external ID>"
ROLE_ARN_PLACEHOLDER = "<ARN of your role>"
MAX_SESSION_POLICY_CHARS = 2048

Policy = dict[str, object]


class Statement(TypedDict):
    """One thing that is allowed."""

    Effect: str
    Action: str | list[str]
    Resource: str
    Condition: NotRequired[Mapping[str, Mapping[str, str]]]


def trust_policy(principal_arn: str, external_id: str | Sequence[str] = EXTERNAL_ID_PLACEHOLDER) -> Policy:
    """Return the customer's trust policy: our one role may assume theirs, with their external ID only.

    Two IDs, the old and the new, while one replaces the other.
    """
    return document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": principal_arn},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }
    )


def role_policy(bucket: str, prefix: str, kms_key_arn: str | None = None) -> Policy:
    """Return the permissions of the customer's role: write below the prefix, use the key if there is one."""
    return document(*granted_statements(bucket, prefix, kms_key_arn))


def granted_statements(bucket: str, prefix: str, kms_key_arn: str | None = None) -> list[Statement]:
    """Return the statements of `role_policy`."""
    statements = [_put_statement(bucket, prefix)]
    if kms_key_arn:
        statements.append(allow(["kms:GenerateDataKey", "kms:DescribeKey"], kms_key_arn))
    return statements


def session_policy(bucket: str, prefix: str, kms_key_arn: str | None = None) -> Policy:
    """Return what our own session may do at most, however wide the customer's role is.

    Raises: ValueError if the text would pass AWS's limit of 2048 characters.
    """
    statements = [_put_statement(bucket, prefix)]
    if kms_key_arn:
        statements.append(allow("kms:GenerateDataKey", kms_key_arn))
    return session_of(statements)


def session_of(statements: Sequence[Statement]) -> Policy:
    """Return the policy of a session of ours. Raises: ValueError if it is longer than AWS takes."""
    policy = document(*statements)
    if len(compact(policy)) > MAX_SESSION_POLICY_CHARS:
        raise ValueError("prefix is too long: the session policy would pass AWS's limit of 2048 characters")
    return policy


def key_policy_statement(role_arn: str) -> Policy:
    """Return the statement that the KMS key's own policy needs for the customer's role."""
    return {
        "Sid": "AllowRecordDelivery",
        "Effect": "Allow",
        "Principal": {"AWS": role_arn},
        "Action": ["kms:GenerateDataKey", "kms:DescribeKey"],
        "Resource": "*",
    }


def bucket_policy_statement(bucket: str, prefix: str, role_arn: str) -> Policy:
    """Return the statement that a bucket of another account than the role's needs in its own policy."""
    return {"Sid": "AllowRecordDelivery", **_put_statement(bucket, prefix), "Principal": {"AWS": role_arn}}


def exemption(role_arn: str) -> Policy:
    """Return the condition that takes the customer's role out of a Deny statement."""
    return {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": role_arn}}}


def render(policy: Policy) -> str:
    """Write a policy as JSON to read and to paste."""
    return json.dumps(policy, indent=2, ensure_ascii=False)


def compact(policy: Policy) -> str:
    """Write a policy as JSON to send."""
    return json.dumps(policy, separators=(",", ":"), ensure_ascii=False)


def _put_statement(bucket: str, prefix: str) -> Statement:
    return allow("s3:PutObject", objects_below(bucket, prefix))


def objects_below(bucket: str, prefix: str) -> str:
    """Return the ARN of all objects below a prefix. Raises: ValueError for what a policy would read otherwise."""
    if any(sign in bucket + prefix for sign in "*?$"):
        raise ValueError("bucket and prefix may not contain * ? or $: a policy reads them as wildcards")
    return f"arn:aws:s3:::{bucket}/{prefix}*"


def allow(action: str | list[str], resource: str) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def document(*statements: Mapping[str, object]) -> Policy:
    return {"Version": "2012-10-17", "Statement": list(statements)}
