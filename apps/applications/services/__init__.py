"""Writes on applications: applications themselves, keys, live access."""

from ..redirect_uris import InvalidRedirectUri
from .applications import (
    add_redirect_uri,
    create_application,
    remove_redirect_uri,
    update_application,
)
from .keys import (
    IssuedKey,
    KeyEnded,
    LiveAccessMissing,
    RollInProgress,
    end_api_key,
    issue_api_key,
    note_api_key,
    note_key_use,
    roll_api_key,
)
from .live_access import AlreadyDecided, RequestOpen, decide_live_access, request_live_access

__all__ = [
    "AlreadyDecided",
    "InvalidRedirectUri",
    "IssuedKey",
    "KeyEnded",
    "LiveAccessMissing",
    "RequestOpen",
    "RollInProgress",
    "add_redirect_uri",
    "create_application",
    "decide_live_access",
    "end_api_key",
    "issue_api_key",
    "note_api_key",
    "note_key_use",
    "remove_redirect_uri",
    "request_live_access",
    "roll_api_key",
    "update_application",
]
