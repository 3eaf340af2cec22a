"""The rules of the authorization and token endpoints: what a request must hold, what is answered.

Owns validation; grants are `grants`, pages are `pages`. Refuses plain PKCE, confidential clients and every
client but one. Source: RFC 6749, RFC 7636, SMART App Launch 2.2 "Standalone launch".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from apps.sandbox.payer.capability import SCOPES
from apps.sandbox.payer.grants import OFFLINE_SCOPE, BadGrantError, Grants, Tokens
from apps.sandbox.payer.plans import Plan

CLIENT_ID = "record-relay-sandbox"

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


class AskerError(Exception):
    """A request whose asker is not known, so that nobody can be sent back; shown as a page."""


class RedirectError(Exception):
    """A request that is answered by sending the browser back with an error."""

    def __init__(self, redirect_uri: str, state: str, error: str, description: str) -> None:
        super().__init__(description)
        self.location = back(redirect_uri, {"error": error, "error_description": description, "state": state})


class TokenError(Exception):
    """A refusal of the token endpoint. Source: RFC 6749 5.2."""

    def __init__(self, error: str, description: str, *, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizeRequest:
    """A request for authorization that passed every check."""

    plan: str
    redirect_uri: str
    state: str
    scope: str
    challenge: str

    def claims(self) -> dict[str, Any]:
        return asdict(self)


def parse_authorize(
    parameters: Mapping[str, str], plan: Plan, *, fhir_base: str, redirect_uris: frozenset[str]
) -> AuthorizeRequest:
    """Check a request to the authorization endpoint.

    Raises: AskerError, RedirectError.
    """
    if parameters.get("client_id") != CLIENT_ID:
        raise AskerError("The application that sent you here is not registered with this plan.")
    redirect_uri = parameters.get("redirect_uri", "")
    if redirect_uri not in redirect_uris and not is_loopback(redirect_uri):
        raise AskerError("The address to return to is not registered with this plan.")
    state = parameters.get("state", "")

    def refuse(error: str, description: str) -> RedirectError:
        return RedirectError(redirect_uri, state, error, description)

    if not state:
        raise refuse("invalid_request", "state is missing.")
    if parameters.get("response_type") != "code":
        raise refuse("unsupported_response_type", "Only response_type=code is supported.")
    if parameters.get("aud", "").rstrip("/") != fhir_base:
        raise refuse("invalid_request", "aud is not the FHIR base of this plan.")
    challenge = parameters.get("code_challenge", "")
    if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise refuse("invalid_request", "PKCE with S256 is required.")
    asked = parameters.get("scope", "").split()
    scope = [one for one in SCOPES if one in asked and (plan.is_refreshable or one != OFFLINE_SCOPE)]
    if "patient/*.read" not in scope:
        raise refuse("invalid_scope", "patient/*.read is required.")
    return AuthorizeRequest(
        plan=plan.key, redirect_uri=redirect_uri, state=state, scope=" ".join(scope), challenge=challenge
    )


def is_loopback(url: str) -> bool:
    """Tell whether this is an http(s) URL of this machine, without user name or fragment."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_plain = parts.scheme in ("http", "https") and not parts.fragment and "@" not in parts.netloc
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        return False
    if host == "localhost":
        return is_plain
    try:
        return is_plain and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def back(redirect_uri: str, answer: Mapping[str, str]) -> str:
    """Build the URL that sends the browser back with an answer."""
    joint = "&" if urlsplit(redirect_uri).query else "?"
    return redirect_uri + joint + urlencode({name: value for name, value in answer.items() if value})


def answer_token(form: Mapping[str, str], plan: Plan, grants: Grants, *, rotates: bool) -> Tokens:
    """Answer the token endpoint; a server that rotates gives a new refresh token for each used one.

    Raises: TokenError.
    """
    if form.get("client_id") != CLIENT_ID:
        raise TokenError("invalid_client", "The client is not known.", status=401)
    try:
        match form.get("grant_type"):
            case "authorization_code":
                return _redeem(form, plan, grants)
            case "refresh_token":
                refresh = grants.refresh if rotates else grants.refresh_without_rotation
                return refresh(form.get("refresh_token", ""), plan=plan.key)
    except BadGrantError as error:
        raise TokenError("invalid_grant", str(error)) from None
    raise TokenError("unsupported_grant_type", "Only authorization_code and refresh_token are supported.")


def token_response(tokens: Tokens, patient_id: str) -> dict[str, Any]:
    """Shape a token response: RFC 6749 5.1, and `patient` as SMART launch context."""
    response: dict[str, Any] = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
        "scope": tokens.grant.scope,
        "patient": patient_id,
    }
    if tokens.refresh:
        response["refresh_token"] = tokens.refresh
    return response


def _redeem(form: Mapping[str, str], plan: Plan, grants: Grants) -> Tokens:
    code = grants.read_code(form.get("code", ""))
    if code.grant.plan != plan.key:
        raise BadGrantError("The code is another plan's.")
    if form.get("redirect_uri") != code.redirect_uri:
        raise BadGrantError("redirect_uri is not the one of the authorization request.")
    verifier = form.get("code_verifier", "")
    if not _VERIFIER.fullmatch(verifier) or not hmac.compare_digest(_challenge(verifier), code.challenge):
        raise BadGrantError("code_verifier does not match code_challenge.")
    return grants.redeem(code)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
