"""A key ring: seal and open bytes, digest and compare tokens. Pure.

Every purpose has keys of its own, derived by HKDF-SHA-256 (RFC 5869). Sealed form: one version byte (1), the key
id (8 ASCII characters), a nonce of 12 bytes, AES-256-GCM ciphertext and tag (NIST SP 800-38D); the purpose is
authenticated with it. Digests are HMAC-SHA-256 (RFC 2104).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION = b"\x01"
KEY_ID_LENGTH = 8
NONCE_BYTES = 12
SHORTEST_SECRET = 32


class EnvelopeError(Exception):
    """Sealed bytes that do not open: tampered with, for another purpose, or sealed with a key we do not have."""


class Keyring:
    """Secrets, newest first: the first one seals and digests, all of them open and compare."""

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or any(len(secret) < SHORTEST_SECRET for secret in secrets):
            raise ValueError("FIELD_ENCRYPTION_KEYS needs at least one key, each of 32 characters or more.")
        ids = [hashlib.sha256(_derive(secret, "key-id")).hexdigest()[:KEY_ID_LENGTH] for secret in secrets]
        self._secrets = dict(zip(ids, secrets, strict=True))
        self._newest = ids[0]

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        sealed = AESGCM(self._key(self._newest, "seal", purpose)).encrypt(nonce, plaintext, purpose.encode())
        return VERSION + self._newest.encode() + nonce + sealed

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Raises: EnvelopeError."""
        key_id, body = self._split(sealed)
        try:
            cipher = AESGCM(self._key(key_id, "seal", purpose))
            return cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError):
            raise EnvelopeError("This secret was changed, or belongs elsewhere.") from None

    def needs_reseal(self, sealed: bytes) -> bool:
        return self._split(sealed)[0] != self._newest

    def digest(self, value: str, *, purpose: str) -> tuple[str, bytes]:
        """Return (key id, HMAC) under the newest key."""
        return self._newest, self._hmac(self._newest, value, purpose)

    def digests(self, value: str, *, purpose: str) -> list[tuple[str, bytes]]:
        """Return (key id, HMAC) under every key, newest first: what a look-up has to try."""
        return [(key_id, self._hmac(key_id, value, purpose)) for key_id in self._secrets]

    def matches(self, value: str, *, key_id: str, digest: bytes, purpose: str) -> bool:
        """Compare in constant time; False for a key that we do not have."""
        return key_id in self._secrets and hmac.compare_digest(self._hmac(key_id, value, purpose), digest)

    def _split(self, sealed: bytes) -> tuple[str, bytes]:
        head = len(VERSION) + KEY_ID_LENGTH
        key_id = bytes(sealed[1:head]).decode("ascii", "replace")
        if sealed[:1] != VERSION or key_id not in self._secrets:
            raise EnvelopeError("This secret was sealed with a key that FIELD_ENCRYPTION_KEYS does not hold.")
        return key_id, bytes(sealed[head:])

    def _hmac(self, key_id: str, value: str, purpose: str) -> bytes:
        return hmac.digest(self._key(key_id, "digest", purpose), value.encode(), "sha256")

    def _key(self, key_id: str, use: str, purpose: str) -> bytes:
        return _derive(self._secrets[key_id], f"{use}:{purpose}")


def _derive(secret: str, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=b"record-relay", info=info.encode()).derive(secret.encode())
