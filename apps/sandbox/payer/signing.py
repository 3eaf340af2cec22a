"""Self-contained signed texts: codes, tokens, page marks and the state of a sign-in page.

Owns HMAC-SHA-256 over a JSON payload, apart for each purpose. Hides nothing: who holds a text can read it.
The key comes from a seed with a public default, for this is a sandbox.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

Claims = dict[str, Any]


class BadSignatureError(ValueError):
    """A text that we did not sign for this purpose, or whose time is over."""


class Signer:
    """Signs and opens; the key is derived from a seed, so a restart keeps what was signed."""

    def __init__(self, seed: str) -> None:
        self._key = hashlib.sha256(f"record-relay sandbox payer/{seed}".encode()).digest()

    def seal(self, claims: Claims, *, purpose: str) -> str:
        """Sign claims. Shape: base64url(JSON) "." base64url(HMAC); `exp`, if there, is in Unix seconds."""
        payload = _encode(json.dumps(claims, separators=(",", ":"), sort_keys=True).encode())
        return f"{payload}.{_encode(self._mac(payload, purpose))}"

    def open(self, text: str, *, purpose: str, now: float) -> Claims:
        """Return the claims of a text that `seal` made.

        Raises: BadSignatureError.
        """
        payload, _, mac = text.partition(".")
        if not text.isascii() or not hmac.compare_digest(_encode(self._mac(payload, purpose)), mac):
            raise BadSignatureError("The signature does not match.")
        try:
            claims: Claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        except (ValueError, binascii.Error):
            raise BadSignatureError("The payload cannot be read.") from None
        if claims.get("exp", now) < now:
            raise BadSignatureError("Its time is over.")
        return claims

    def _mac(self, payload: str, purpose: str) -> bytes:
        return hmac.digest(self._key, f"{purpose}:{payload}".encode(), "sha256")


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
