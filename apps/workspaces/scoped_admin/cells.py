"""What a cell shows: state tags, moments, identifiers, sizes. Used by lists and templates alike."""

from __future__ import annotations

import datetime as dt

from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "–"
LONG = 24  # characters that every list has room for
# state as stored -> (colour, icon, word); ux.md 5
STATES: dict[str, tuple[str, str, str]] = {
    "DELIVERED": ("ok", "check", "Delivered"),
    "COMPLETED": ("ok", "check", "Completed"),
    "SENT": ("ok", "check", "Sent"),
    "AUTHORIZED": ("ok", "check", "Authorized"),
    "EXCHANGED": ("ok", "check", "Exchanged"),
    "REFRESHED": ("ok", "check", "Refreshed"),
    "ENABLED": ("ok", "check", "Enabled"),
    "CONNECTED": ("ok", "check", "Connected"),
    "granted": ("ok", "check", "Granted"),
    "active": ("ok", "check", "Active"),
    "on": ("ok", "check", "On"),
    "verified": ("ok", "check", "Verified"),
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
    "unverified": ("warn", "warning", "Not verified"),
    "expiring": ("warn", "clock", "Expiring"),
    "sealed": ("ok", "lock", "Sealed"),
    "unsealed": ("info", "clock", "Not sealed yet"),
    "broken": ("bad", "cross", "Broken"),
    "blocked": ("idle", "stop", "Blocked"),
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
    "off": ("idle", "stop", "Off"),
    "none": ("idle", "stop", "None"),
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
    """Show an instant in UTC, the year only if it is not this one; the whole of it on hover.

    Shape: "21 Nov 01:20:02"; portal.js adds the local time to the hover, or shows that instead.
    """
    if at is None:
        return NOTHING
    utc = at.astimezone(dt.UTC)
    this_year = utc.year == timezone.now().year
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(timespec="seconds"),
        utc.strftime("%Y-%m-%d %H:%M:%S"),
        utc.strftime("%d %b %H:%M:%S" if this_year else "%d %b %Y %H:%M:%S"),
    )


def code(value: object) -> SafeString | str:
    """Show an identifier in the fixed-width face; a long one is clipped in lists, the whole on hover or focus."""
    if value in ("", None):
        return NOTHING
    text = str(value)
    return (
        format_html('<code title="{}">{}</code>', text, text)
        if len(text) > LONG
        else format_html("<code>{}</code>", text)
    )


def words(value: object) -> SafeString:
    """Show somebody else's text: kept apart in its direction, clipped in lists when it is long."""
    text = str(value)
    if len(text) <= LONG:
        return format_html("<bdi>{}</bdi>", text)
    return format_html('<bdi class="clip" title="{}">{}</bdi>', text, text)


def object_name(key: str) -> SafeString:
    """Show the last part of an object key; the whole on hover."""
    return format_html('<code title="{}">{}</code>', key, key.rpartition("/")[2])


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
