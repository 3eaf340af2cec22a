"""What keeps a write from the customer's bucket.

Owns the words for it. One code, AccessDenied, has many reasons: they are told apart by AWS's text where there
is one, which AWS promises only within one account or organisation.
Source: aws-and-sftp section 6; S3 "Error responses", "Troubleshoot access denied (403) errors".
"""

from __future__ import annotations

from .wording import Row, Snippet, customer, row

PUT = "put_object"
WRONG_REGION = customer(
    "The bucket {bucket} is not in the region {region}. Its region: {real_region}.",
    "Set the region of this destination to the bucket's. We never follow a redirect to another region.",
    fix={"region": "real_region"},
)
BARE_REFUSAL = customer(
    "Amazon S3 refused the write and gave no reason.",
    "Check: (1) the bucket belongs to the account {owner_account}; if not, enter its owner in this destination;"
    " (2) the role's policy allows s3:PutObject below {bucket}/{prefix}; (3) if the bucket is in another account"
    " than the role, the bucket's policy allows it too, by this statement; (4) no policy of an organisation"
    " forbids it.",
    Snippet.ROLE,
    Snippet.BUCKET,
)

_REFUSALS: tuple[Row, ...] = (
    row(
        PUT,
        "AccessDenied",
        customer(
            "A policy of your organisation does not allow this write.",
            "Ask whoever administers your AWS organisation to allow s3:PutObject for the role {role_arn}.",
        ),
        r"(service|resource) control policy",
    ),
    row(
        PUT,
        "AccessDenied",
        customer(
            "Your bucket policy denies this write.",
            "Often such a policy demands aws:kms or a certain key; we sent {encryption}: then enter that key in this"
            " destination. Otherwise add this condition to the statement with the Deny: it takes the role out of it.",
            Snippet.BUCKET_EXEMPTION,
        ),
        r"explicit deny in a resource-based policy",
    ),
    row(
        PUT,
        "AccessDenied",
        customer(
            "A policy of the role denies this write explicitly.",
            "Look for a Deny in the role's policies and in its permissions boundary. Of the role's policies we need"
            " no more than this one.",
            Snippet.ROLE,
        ),
        r"explicit deny",
    ),
    row(
        PUT,
        "AccessDenied",
        customer(
            "The role's permissions boundary does not allow to write below {bucket}/{prefix}.",
            "The boundary must allow what the role's policy allows: this.",
            Snippet.ROLE,
        ),
        r"no permissions boundary",
    ),
    row(
        PUT,
        "AccessDenied",
        customer(
            "The role has no permission to write below {bucket}/{prefix}.",
            "Allow s3:PutObject on arn:aws:s3:::{bucket}/{prefix}* in the role's policy: this is the whole of it.",
            Snippet.ROLE,
        ),
        r"no identity-based policy",
    ),
    row(
        PUT,
        "AccessDenied",
        customer(
            "The bucket's own policy does not let the role write.",
            "Add this statement to the policy of the bucket {bucket}.",
            Snippet.BUCKET,
        ),
        r"no resource-based policy",
    ),
    row(PUT, "AccessDenied", BARE_REFUSAL),
)

WRITING: tuple[Row, ...] = (
    *_REFUSALS,
    row(
        PUT,
        "NoSuchBucket",
        customer("There is no bucket {bucket}.", "Check its spelling, or create it: we never create a bucket."),
    ),
    row(PUT, "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException", WRONG_REGION),
    row(
        PUT,
        "InvalidArgument InvalidRequest InvalidEncryptionAlgorithmError NotImplemented",
        customer(
            "This store does not support what we sent ({code}).",
            "We need conditional writes, SHA-256 checksums and {encryption}. Amazon S3 has all of them.",
        ),
    ),
    row(
        PUT,
        "InvalidBucketName",
        customer("{bucket} is not a bucket name.", "Enter the bucket's name as the S3 console shows it."),
    ),
    row(
        PUT,
        "AllAccessDisabled AccountProblem NotSignedUp InvalidSecurity",
        customer("AWS has limited your account ({code}).", "Ask AWS support about your account."),
    ),
    row(
        PUT,
        "PreconditionFailed",
        customer(
            "An object with this key is already there, and we did not put it there.",
            "We never overwrite. Look at the object; if it should not be there, remove it and retry.",
        ),
    ),
    row(
        PUT,
        "KeyTooLongError",
        customer("The object's key is longer than 1024 bytes.", "Use a shorter external ID or prefix."),
    ),
    row(
        PUT,
        "EncryptionMismatch",
        customer(
            "The object was written, but not encrypted as asked for: we sent {encryption}.",
            "Amazon S3 always does as asked; look at what stands between us and your bucket.",
        ),
    ),
)
