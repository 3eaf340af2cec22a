"""What a comparison of the storage with our records needs beside the delivery's right to write: to list and to read.

Owns its texts; refuses to ask for more than what lies below the prefix. A customer need not allow any of it.
Source: Service Authorization Reference, "Actions defined by Amazon S3"; S3 API, HeadObject (kms:Decrypt for the
checksum of an object that is encrypted with a key).
"""

from __future__ import annotations

from .documents import Policy, Statement, allow, document, granted_statements, objects_below, session_of


def reading_statements(bucket: str, prefix: str, kms_key_arn: str | None = None) -> list[Statement]:
    """Return what lets a role list and read below the prefix, and nothing else."""
    listing = allow("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    listing["Condition"] = {"StringLike": {"s3:prefix": f"{prefix}*"}}
    statements = [listing, allow("s3:GetObject", objects_below(bucket, prefix))]
    return [*statements, allow("kms:Decrypt", kms_key_arn)] if kms_key_arn else statements


def reading_role_policy(bucket: str, prefix: str, kms_key_arn: str | None = None) -> Policy:
    """Return the whole policy of a role that delivers and may be compared: it replaces `role_policy`."""
    writing = granted_statements(bucket, prefix, kms_key_arn)
    return document(*writing, *reading_statements(bucket, prefix, kms_key_arn))


def reading_session_policy(bucket: str, prefix: str, kms_key_arn: str | None = None) -> Policy:
    """Return what a session of ours that compares may do at most. Raises: ValueError when it would be too long."""
    return session_of(reading_statements(bucket, prefix, kms_key_arn))


def bucket_reading_statement(bucket: str, prefix: str, role_arn: str) -> Policy:
    """Return what a bucket of another account than the role's needs in its own policy: one statement for both."""
    return {
        "Sid": "AllowRecordComparison",
        "Effect": "Allow",
        "Principal": {"AWS": role_arn},
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket}", objects_below(bucket, prefix)],
    }


def key_reading_statement(role_arn: str) -> Policy:
    """Return the statement that the KMS key's own policy needs for the customer's role."""
    return {
        "Sid": "AllowRecordComparison",
        "Effect": "Allow",
        "Principal": {"AWS": role_arn},
        "Action": "kms:Decrypt",
        "Resource": "*",
    }
