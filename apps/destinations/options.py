"""What a destination's deliveries hold beside the documented layout. Everything is off unless it is asked for.

Owns which option needs which; refuses a delta that could not be checked or undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .states import Contents

DEFAULTS: dict[str, Any] = {"contents": Contents.SNAPSHOT.value, "manifest": False, "tombstones": False}
NEEDED = ("manifest", "tombstones")  # by a delta


def with_needed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields given; a delta turns on what it needs, unless that is told apart."""
    return dict.fromkeys(NEEDED, True) | dict(given) if given.get("contents") == Contents.DELTA else dict(given)


def check_options(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Return the options as they are kept, and what is wrong with them."""
    kept = {name: fields.get(name, default) for name, default in DEFAULTS.items()}
    errors: dict[str, list[str]] = {}
    if kept["contents"] not in list(Contents):
        errors["contents"] = [f"Send one of: {', '.join(Contents)}."]
    if kept["contents"] == Contents.DELTA:
        errors |= {
            name: ["Deliveries of changes need this. Deliver everything (contents: snapshot) to turn it off."]
            for name in NEEDED
            if not kept[name]
        }
    return kept, errors
