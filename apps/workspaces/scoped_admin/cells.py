"""What a cell shows: state tags, moments, identifiers, sizes. Used by lists and templates alike."""

from __future__ import annotations

import datetime as dt

from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "–"
# state as stored -> (colour, icon, word); ux.md 5
STATES: dict[str, tuple[str, str, str]] = {
    "DELIVERED": ("ok", "check", "Delivered"),
    "COMPLETED": ("ok", "check", "Completed"),
    "AUTHORIZED": ("ok", "check", "Authorized"),
    "EXCHANGED": ("ok", "check", "Exchanged"),
    "REFRESHED": ("ok", "check", "Refreshed"),
    "ENABLED": ("ok", "check", "Enabled"),
    "CONNECTED": ("ok", "check", "Connected"),
    "granted": ("ok", "check", "Granted"),
    "active": ("ok", "check", "Active"),
    "CREATED": ("info", "clock", "Created"),
    "WAITING": ("info", "clock", "Waiting"),
    "ACTIVE": ("info", "activity", "Active"),
    "AUTHORIZING": ("info", "clock", "Authorizing"),
    "PENDING": ("info", "clock", "Pending"),
    "RUNNING": ("info", "activity", "Running"),
    "DRAFT": ("info", "clock", "Draft"),
    "READY": ("info", "check", "Ready"),
    "IN_PROGRESS": ("info", "clock", "In progress"),
    "pending": ("info", "clock", "Pending"),
    "RETRYING": ("warn", "retry", "Retrying"),
    "PAUSED": ("warn", "warning", "Paused"),
    "HELD": ("warn", "warning", "Held"),
    "UNTESTED": ("warn", "warning", "Untested"),
    "expiring": ("warn", "clock", "Expiring"),
    "FAILED": ("bad", "cross", "Failed"),
    "ERRORED": ("bad", "cross", "Errored"),
    "BOUNCED": ("bad", "cross", "Bounced"),
    "BROKEN": ("bad", "cross", "Broken"),
    "REVOKED": ("idle", "stop", "Revoked"),
    "ABANDONED": ("idle", "stop", "Abandoned"),
    "CANCELLED": ("idle", "stop", "Cancelled"),
    "SKIPPED": ("idle", "stop", "Skipped"),
    "SUPERSEDED": ("idle", "stop", "Superseded"),
    "DELETED": ("idle", "stop", "Deleted"),
    "UNAVAILABLE": ("idle", "stop", "Unavailable"),
    "UNKNOWN": ("idle", "stop", "Unknown"),
    "refused": ("idle", "stop", "Refused"),
    "ended": ("idle", "stop", "Ended"),
}


def icon(name: str) -> SafeString:
    """Draw a decorative symbol of the sprite."""
    return format_html(
        '<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


def state_tag(state: str) -> SafeString:
    """Show a state as colour, icon and word."""
    colour, symbol, word = STATES.get(state, ("idle", "stop", state.replace("_", " ").capitalize()))
    return format_html('<span class="tag tag-{}">{}{}</span>', colour, icon(symbol), word)


def state_word(text: object) -> str:
    """Return the word of a state; any other text as it is."""
    return STATES[str(text)][2] if str(text) in STATES else str(text)


def moment(at: dt.datetime | None) -> SafeString | str:
    """Show an instant in UTC; the whole of it on hover. Shape: "21 Nov 2026 01:20:02"."""
    if at is None:
        return NOTHING
    utc = at.astimezone(dt.UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        utc.strftime("%d %b %Y %H:%M:%S"),
    )


def code(value: object) -> SafeString | str:
    """Show an identifier in the fixed-width face."""
    return format_html("<code>{}</code>", value) if value not in ("", None) else NOTHING


def object_name(key: str) -> SafeString:
    """Show the last part of an object key, cut in its sync job; the whole on hover."""
    name = key.rpartition("/")[2]
    return format_html('<code title="{}">{}</code>', key, name if len(name) <= 36 else f"{name[:33]}…")


def file_size(count: int | None) -> str:
    """Units: bytes, in powers of 1000."""
    if count is None:
        return NOTHING
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
