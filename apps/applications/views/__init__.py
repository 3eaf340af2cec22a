"""Own pages of the portal and the console on keys, settings, live access and new applications."""

from .keys import create_key, end_key, note_key, roll_key
from .live_access import decide_request, request_access
from .settings import add_origin, add_uri, change, create, remove_origin, remove_uri, settings_page

__all__ = [
    "add_origin",
    "add_uri",
    "change",
    "create",
    "create_key",
    "decide_request",
    "end_key",
    "note_key",
    "remove_origin",
    "remove_uri",
    "request_access",
    "roll_key",
    "settings_page",
]
