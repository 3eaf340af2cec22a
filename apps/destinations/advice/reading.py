"""What keeps us from comparing the customer's bucket with our records.

Owns the words for it, and which permission is missing; the texts to paste are `policies.reading`'s. Nothing here is a
fault: a role that may write alone is right, and deliveries go on.
Source: S3 "Error responses"; S3 API, ListObjectsV2, HeadObject and GetObject, "Permissions".
"""

from __future__ import annotations

from .bucket import WRONG_REGION
from .our_side import OUR_SESSION_POLICY, SESSION_OVER
from .wording import Row, customer, row

LIST, READ, DECRYPT = "list_objects", "read_object", "decrypt_object"
# What the role lacks when the storage refuses at that stage.
PERMISSIONS = {LIST: "s3:ListBucket", READ: "s3:GetObject", DECRYPT: "kms:Decrypt"}
_NO_HARM = "Deliveries do without it and go on."

NO_LIST = customer(
    "The role may not list what lies below {bucket}/{prefix}, so there is nothing to compare with.",
    f"To compare, allow s3:ListBucket in the policy of the role. {_NO_HARM}",
)
NO_READ = customer(
    "The role may not read the objects below {bucket}/{prefix}, so their lengths alone were compared.",
    f"To compare their bytes too, allow s3:GetObject in the policy of the role. {_NO_HARM}",
)
NO_DECRYPT = customer(
    "The role may not decrypt all objects below {bucket}/{prefix}, so of those the lengths alone were compared.",
    "To compare their bytes too, allow kms:Decrypt on the key that they are encrypted with, in the policy of the role"
    f" and in the key's own. {_NO_HARM}",
)
NO_BUCKET = customer("There is no bucket {bucket}.", "Check its spelling, or create it: we never create a bucket.")

READING: tuple[Row, ...] = (
    row(LIST, "AccessDenied", OUR_SESSION_POLICY, r"no session policy allows|explicit deny in a session policy"),
    row(LIST, "AccessDenied", NO_LIST),
    row(LIST, "NoSuchBucket", NO_BUCKET),
    row(LIST, "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException", WRONG_REGION),
    row(LIST, "InvalidAccessKeyId InvalidToken ExpiredToken TokenRefreshRequired", SESSION_OVER),
    row(READ, "AccessDenied", OUR_SESSION_POLICY, r"no session policy allows|explicit deny in a session policy"),
    row(READ, "AccessDenied", NO_READ),
    row(READ, "NoSuchBucket", NO_BUCKET),
    row(READ, "InvalidAccessKeyId InvalidToken ExpiredToken TokenRefreshRequired 400", SESSION_OVER),
    row(DECRYPT, "", NO_DECRYPT),
)
