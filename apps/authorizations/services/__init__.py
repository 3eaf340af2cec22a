"""Writes on consents, authorizations and tokens."""

from .consents import (
    AuthorizationRequest,
    ConsentClosed,
    abandon_expired,
    agree,
    choose_endpoint,
    open_consent,
    refuse,
)
from .sign_in import SignInClosed, SignInRefused, bounce_sign_in, complete_sign_in, start_sign_in
from .source_tokens import ReauthorizationNeeded, fresh_access_token
from .states import move_authorization
from .tokens import (
    InvalidGrant,
    IssuedTokens,
    issue_application_token,
    issue_tokens,
    redeem_one_time_token,
    redeem_refresh_token,
    revoke_tokens,
    rotate_signing_key,
)

__all__ = [
    "AuthorizationRequest",
    "ConsentClosed",
    "InvalidGrant",
    "IssuedTokens",
    "ReauthorizationNeeded",
    "SignInClosed",
    "SignInRefused",
    "abandon_expired",
    "agree",
    "bounce_sign_in",
    "choose_endpoint",
    "complete_sign_in",
    "fresh_access_token",
    "issue_application_token",
    "issue_tokens",
    "move_authorization",
    "open_consent",
    "redeem_one_time_token",
    "redeem_refresh_token",
    "refuse",
    "revoke_tokens",
    "rotate_signing_key",
    "start_sign_in",
]
