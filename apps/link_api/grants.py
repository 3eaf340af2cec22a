"""Why a code, public token or refresh token opens nothing, in words that say what to do. Source: RFC 6749 5.2."""

from __future__ import annotations

from django.conf import settings

from apps.applications.keys import Mode
from apps.authorizations.services import InvalidGrant

AGAIN = "Send the patient through the consent pages again."
BAD_CODE = "Invalid authorization code"  # the words that clients know


def why_no_code(invalid: InvalidGrant, mode: str) -> str:
    """Say why an authorization code was refused to a client of `mode`."""
    why = {
        "mode": _other_mode("The code", mode),
        "used": f"It was used before; each works once. {AGAIN}",
        "expired": f"It has expired: a code lives {settings.CODE_SECONDS} seconds. {AGAIN}",
        "ended": f"Its consent has ended. {AGAIN}",
        "redirect_uri": "redirect_uri differs from the one that the consent was opened with: send that one, letter by "
        "letter.",
        "code_verifier": "code_verifier is not the one whose S256 hash was sent as code_challenge.",
        "code_verifier_form": "code_verifier must have 43 to 128 characters of A-Z a-z 0-9 - . _ ~.",
    }.get(str(invalid), "code is not known to this client: send it as it came to your redirect URI.")
    return f"{BAD_CODE}: {why}"


def why_no_public_token(invalid: InvalidGrant, mode: str) -> str:
    """Say why a public token was refused; the contract has one text for used and expired ones."""
    if str(invalid) in ("used", "expired", "ended"):
        return "Invalid public token. Public token has expired."
    if str(invalid) == "mode":
        return f"Invalid public token. {_other_mode('public_token', mode)}"
    return "Invalid public token. Public token is not known: send public_token as the widget gave it to you."


def why_no_refresh_token(invalid: InvalidGrant, mode: str) -> str:
    """Say why a refresh token was refused."""
    return {
        "mode": _other_mode("The refresh token", mode),
        "reused": "refresh_token was used before; each works once. For safety all tokens of this consent have ended. "
        + AGAIN,
        "expired": f"refresh_token has expired or was revoked. {AGAIN}",
        "ended": f"The consent of this refresh_token has ended. {AGAIN}",
    }.get(str(invalid), "refresh_token is not known to this client: send the newest one that you were given.")


def _other_mode(what: str, mode: str) -> str:
    other = Mode.LIVE if mode == Mode.TEST else Mode.TEST
    return f"{what} was made in {other} mode, and the key is a {mode} key: use a {other} key."
