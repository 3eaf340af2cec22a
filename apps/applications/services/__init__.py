"""Writes on applications: applications themselves, clients, origins, keys, live access; requests per minute."""

from ..redirect_uris import InvalidOrigin, InvalidRedirectUri
from .applications import (
    add_redirect_uri,
    create_application,
    remove_redirect_uri,
    update_application,
)
from .clients import RegisteredClient, register_client
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
from .origins import add_allowed_origin, remove_allowed_origin
from .throttling import Allowance, count_request

__all__ = [
    "Allowance",
    "AlreadyDecided",
    "InvalidOrigin",
    "InvalidRedirectUri",
    "IssuedKey",
    "KeyEnded",
    "LiveAccessMissing",
    "RegisteredClient",
    "RequestOpen",
    "RollInProgress",
    "add_allowed_origin",
    "add_redirect_uri",
    "count_request",
    "create_application",
    "decide_live_access",
    "end_api_key",
    "issue_api_key",
    "note_api_key",
    "note_key_use",
    "register_client",
    "remove_allowed_origin",
    "remove_redirect_uri",
    "request_live_access",
    "roll_api_key",
    "update_application",
]
