"""Encryption that a write asks for, or gets because it asked for none.

Owns the headers' meaning; refuses KMS for now (501), so that no write looks encrypted by a key that nobody
checked. Source: S3 User Guide, "Setting default server-side encryption behavior" (AES256 since 2023).
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.sandbox.cloud.errors import AwsError, NotModelledError

HEADER = "x-amz-server-side-encryption"


def choose_encryption(headers: Mapping[str, str]) -> dict[str, str]:
    """Answer the encryption headers that the object is kept with. Raises: AwsError, NotModelledError."""
    asked = headers.get(HEADER, "AES256")
    if asked.startswith("aws:kms"):
        raise NotModelledError("encryption with KMS")
    if asked != "AES256":
        raise AwsError(400, "InvalidEncryptionAlgorithmError", "The encryption method specified is not supported")
    if any(name.startswith(f"{HEADER}-") for name in headers):
        raise AwsError(400, "InvalidArgument", "Server Side Encryption with AWS KMS managed key requires aws:kms.")
    return {HEADER: asked}
