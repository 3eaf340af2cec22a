"""Sealed values and keyed hashes under a ring of keys. Pure: no Django, no settings.

Owns the format of a sealed value, which never changes for version 1:

    byte 0        version, 1
    bytes 1-4     key id
    bytes 5-16    nonce, random
    bytes 17-     AES-256-GCM ciphertext and its 16-byte tag

Every key and purpose has an AES key of its own, HKDF-SHA-256(secret, info = "seal:" + purpose); hashes take
"digest:" + purpose. Bytes 0 to 4 and the purpose are authenticated with the text, so a value opens only as
what it was sealed for. The key id is the first 4 bytes of SHA-256(HKDF(secret, info = "key-id")).
Refuses short secrets, and bare keys or texts in a message. It does not bind a value to its row: who can write
to the database can move a sealed value to another row of the same column.
Source: RFC 5869 (HKDF); RFC 2104 (HMAC); NIST SP 800-38D, 8.2.2 and 8.3 (random nonces: at most 2^32 values
for a key and purpose).
"""

import hmac
import os
from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_SECRET_CHARACTERS = 32

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_TAG_BYTES = 16
_HEADER_BYTES = len(_VERSION) + _KEY_ID_BYTES


class EnvelopeError(Exception):
    """A sealed value cannot be opened."""


class Keyring:
    """The keys of an installation, newest first: the newest seals, every one opens."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Raises: ValueError for no key, a key of fewer than 32 characters, or one given twice."""
        if not secrets:
            raise ValueError("There is no encryption key.")
        self._secrets: dict[str, bytes] = {}
        for number, text in enumerate(secrets, start=1):
            # White space around a key comes from how lists are written in an environment.
            secret = text.strip()
            if len(secret) < MIN_SECRET_CHARACTERS:
                raise ValueError(f"Encryption key {number} is under {MIN_SECRET_CHARACTERS} characters long.")
            raw = secret.encode()
            key_id = sha256(_derive(raw, "key-id")).hexdigest()[: 2 * _KEY_ID_BYTES]
            if key_id in self._secrets:
                raise ValueError(f"Encryption key {number} is there twice.")
            self._secrets[key_id] = raw
        self._newest = next(iter(self._secrets))

    def seal(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Encrypt under the newest key; the same text gives another value each time."""
        header = _VERSION + bytes.fromhex(self._newest)
        nonce = os.urandom(_NONCE_BYTES)
        cipher = AESGCM(_derive(self._secrets[self._newest], f"seal:{purpose}"))
        return header + nonce + cipher.encrypt(nonce, plaintext, header + purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> bytes:
        """Decrypt. Raises: EnvelopeError for an unknown key, another purpose or a changed byte."""
        header, rest = sealed[:_HEADER_BYTES], sealed[_HEADER_BYTES:]
        if len(rest) < _NONCE_BYTES + _TAG_BYTES or header[:1] != _VERSION:
            raise EnvelopeError("This is not a sealed value.")
        secret = self._secrets.get(header[1:].hex())
        if secret is None:
            raise EnvelopeError("The key that sealed this value is not among the encryption keys.")
        nonce, ciphertext = rest[:_NONCE_BYTES], rest[_NONCE_BYTES:]
        try:
            cipher = AESGCM(_derive(secret, f"seal:{purpose}"))
            return cipher.decrypt(nonce, ciphertext, header + purpose.encode())
        except InvalidTag:
            raise EnvelopeError("The sealed value was changed, or sealed for something else.") from None

    def needs_reseal(self, sealed: bytes) -> bool:
        """Say whether another than the newest key sealed it."""
        return sealed[:_HEADER_BYTES] != _VERSION + bytes.fromhex(self._newest)

    def digest(self, value: str, *, purpose: str) -> tuple[str, bytes]:
        """Return (key id, HMAC-SHA-256) under the newest key, for a value that need not be read again."""
        return self._newest, self._hash(self._newest, value, purpose)

    def digests(self, value: str, *, purpose: str) -> list[tuple[str, bytes]]:
        """Return what `digest` gave or would give under each key, newest first: to look a value up by."""
        return [(key_id, self._hash(key_id, value, purpose)) for key_id in self._secrets]

    def matches(self, value: str, *, key_id: str, digest: bytes, purpose: str) -> bool:
        """Compare in constant time; a key that is gone matches nothing."""
        if key_id not in self._secrets:
            return False
        return hmac.compare_digest(self._hash(key_id, value, purpose), digest)

    def _hash(self, key_id: str, value: str, purpose: str) -> bytes:
        key = _derive(self._secrets[key_id], f"digest:{purpose}")
        # A lone surrogate can come in by JSON; it must not match anything, nor raise.
        return hmac.digest(key, value.encode("utf-8", "surrogatepass"), "sha256")


def _derive(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode()).derive(secret)
