"""Access tokens as JWTs signed with ES256. Pure: keys and time are handed in.

Shape of a patient token's claims: iss, aud, jti, sub (consent id), patient ("Patient/<id>"), client_id
(application id), iat, exp. Source: RFC 7519, RFC 7518 3.4; wire contract 2 and C5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

LEEWAY_SECONDS = 30


class InvalidToken(Exception):
    """Not a token of ours, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says."""

    jti: str
    subject: str
    client_id: str
    patient: str
    issued_at: int
    expires_at: int


def new_signing_key() -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return (kid, private JWK, public JWK) of a fresh P-256 pair."""
    key = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
    return str(key.kid), dict(key.as_dict(private=True)), dict(key.as_dict(private=False))


def sign(claims: dict[str, Any], *, kid: str, private_jwk: dict[str, Any]) -> str:
    key = ECKey.import_key(private_jwk)
    return jwt.encode({"alg": "ES256", "kid": kid, "typ": "JWT"}, claims, key)


def key_set(public_jwks: list[dict[str, Any]]) -> KeySet:
    """Return the keys as `verify` takes them: reading them costs more than using them. Raises: InvalidToken (none)."""
    if not public_jwks:
        raise InvalidToken("signature")
    return KeySet.import_key_set({"keys": public_jwks})


def verify(token: str, *, keys: KeySet, issuer: str, now: int) -> Claims:
    """Raises: InvalidToken."""
    try:
        decoded = jwt.decode(token, keys, algorithms=["ES256"])
    except (JoseError, ValueError, TypeError, KeyError):
        raise InvalidToken("signature") from None
    claims = decoded.claims
    try:
        found = Claims(
            jti=str(claims["jti"]),
            subject=str(claims["sub"]),
            client_id=str(claims["client_id"]),
            patient=str(claims.get("patient", "")),
            issued_at=int(claims["iat"]),
            expires_at=int(claims["exp"]),
        )
    except (KeyError, TypeError, ValueError):
        raise InvalidToken("claims") from None
    if claims.get("iss") != issuer or claims.get("aud") != issuer:
        raise InvalidToken("issuer")
    if found.expires_at <= now or found.issued_at > now + LEEWAY_SECONDS:
        raise InvalidToken("time")
    return found
