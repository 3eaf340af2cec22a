"""What keeps a write from using the customer's KMS key.

Owns the words for it: two policies must allow kms:GenerateDataKey, the role's and the key's own, and AWS says
only sometimes which one does not.
Source: aws-and-sftp section 6; KMS Developer Guide "Troubleshooting key access".
"""

from __future__ import annotations

from .wording import Row, Snippet, customer, row

_KMS = r"kms:(GenerateDataKey|Decrypt)"
_LOOK_UP = "The key's policy is in the KMS console, under Key policy."

WRITING: tuple[Row, ...] = (
    row(
        "put_object",
        "AccessDenied",
        customer(
            "The key's own policy denies its use to the role.",
            "Add this condition to the statement with the Deny in the policy of the key {kms_key_arn}: it takes the"
            f" role out of it. {_LOOK_UP}",
            Snippet.KEY_EXEMPTION,
        ),
        rf"{_KMS}.*explicit deny in a resource-based policy",
    ),
    row(
        "put_object",
        "AccessDenied",
        customer(
            "A policy of yours denies the role the use of the key.",
            "Look for a Deny on kms:GenerateDataKey in the role's policies, its boundary or your organisation's"
            " policies. Of the role's policies we need no more than this one.",
            Snippet.ROLE,
        ),
        rf"{_KMS}.*explicit deny",
    ),
    row(
        "put_object",
        "AccessDenied",
        customer(
            "The role's policy does not allow the use of the key.",
            "Allow kms:GenerateDataKey on {kms_key_arn} in the role's policy: this is the whole of it.",
            Snippet.ROLE,
        ),
        rf"{_KMS}.*no identity-based policy",
    ),
    row(
        "put_object",
        "AccessDenied",
        customer(
            "The key's own policy does not let the role use it.",
            "Add this statement to the policy of the key {kms_key_arn}. " + _LOOK_UP,
            Snippet.KEY,
        ),
        rf"{_KMS}.*no resource-based policy",
    ),
    row(
        "put_object",
        "AccessDenied",
        customer(
            "The role may not use the KMS key; AWS does not say which policy is at fault.",
            "Both the role's policy and the key's own policy must allow kms:GenerateDataKey: the first text is the"
            " whole policy of the role, the second a statement to add to the key's. " + _LOOK_UP,
            Snippet.ROLE,
            Snippet.KEY,
        ),
        _KMS,
    ),
    row(
        "put_object",
        "KMS.NotFoundException",
        customer(
            "AWS does not find the KMS key.",
            "The key must exist and be in the bucket's region {region}. Check the ARN {kms_key_arn} and correct it in"
            " this destination.",
        ),
    ),
    row(
        "put_object",
        "KMS.DisabledException KMS.KMSInvalidStateException KMS.InvalidStateException",
        customer(
            "The KMS key is disabled or waits for its deletion ({code}).",
            "Enable the key {kms_key_arn} again, or enter another one in this destination.",
        ),
    ),
)
