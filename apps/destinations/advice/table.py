"""What an answer of AWS means, who has to act, and whether to try again: one table.

Owns the order of its lines, the first that matches speaks; refuses to be empty-handed for an answer that it does
not know.
Source: aws-and-sftp section 6 (S3 "Error responses", "Troubleshoot 403"; botocore's STS and KMS models).
"""

from __future__ import annotations

from . import bucket, key, our_side, reading, trust
from .wording import Advice, Retry, Row, customer, ours

UNKNOWN_REFUSAL = customer(
    "AWS refused the request ({code}, status {status}).",
    "We do not know this answer. Look the code up in AWS's documentation, or send us the request ID.",
)
UNKNOWN_FAILURE = ours("The request failed ({code}).", "Nothing to do for you: we try again by ourselves.", Retry.LATER)

TABLE: tuple[Row, ...] = (
    *our_side.EVERYWHERE,
    *our_side.ASSUMING,
    *trust.ASSUMING,
    *our_side.WRITING,
    *key.WRITING,
    *bucket.WRITING,
    *reading.READING,
)


def find_advice(*, stage: str, code: str, text: str = "", status: int | None = None) -> Advice:
    """Look up what to say about a refusal: the first row that matches, else one by status.

    Shape: stage "our_identity", "assume_role", "put_object" or a key of `reading.PERMISSIONS`; `code` is AWS's
        code or our exception's name;
        `text` is AWS's message, used only to match.
    """
    for line in TABLE:
        if line.matches(stage, code, text):
            return line.advice
    refused = status is not None and status < 500
    return UNKNOWN_REFUSAL if refused else UNKNOWN_FAILURE
