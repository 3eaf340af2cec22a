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
from .one_time import CodeReused, redeem_one_time_token, renew_public_token
from .sign_in import SignInClosed, SignInRefused, bounce_sign_in, complete_sign_in, start_sign_in
from .source_tokens import ReauthorizationNeeded, fresh_access_token
from .states import move_authorization
from .tokens import (
    InvalidGrant,
    IssuedTokens,
    end_reused_code,
    issue_application_token,
    issue_tokens,
    redeem_refresh_token,
    revoke_tokens,
    rotate_signing_key,
)

__all__ = [
    "AuthorizationRequest",
    "CodeReused",
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
    "end_reused_code",
    "fresh_access_token",
    "issue_application_token",
    "issue_tokens",
    "move_authorization",
    "open_consent",
    "redeem_one_time_token",
    "redeem_refresh_token",
    "refuse",
    "renew_public_token",
    "revoke_tokens",
    "rotate_signing_key",
    "start_sign_in",
]
