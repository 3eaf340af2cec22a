"""API keys as text: modes, kinds, prefixes, scopes. Pure.

Shape: `<pk|sk|mk>_<test|live>_<43 base64url characters>`. Source: wire contract 2, architecture D10.
"""

from __future__ import annotations

import re
import secrets
from enum import StrEnum


class Mode(StrEnum):
    TEST = "test"
    LIVE = "live"


class KeyKind(StrEnum):
    PUBLISHABLE = "publishable"
    SECRET = "secret"  # noqa: S105
    MANAGEMENT = "management"


class Scope(StrEnum):
    """What a key may do; `records:read` opens the reads of the management API too."""

    LINK = "link"
    RECORDS_READ = "records:read"
    DESTINATIONS_WRITE = "destinations:write"
    DELIVERIES_REPLAY = "deliveries:replay"
    KEYS_WRITE = "keys:write"
    WEBHOOKS_WRITE = "webhooks:write"
    AUTHORIZATIONS_WRITE = "authorizations:write"
    # Nobody's key: people let people in.
    MEMBERS_WRITE = "members:write"


PREFIXES = {KeyKind.PUBLISHABLE: "pk", KeyKind.SECRET: "sk", KeyKind.MANAGEMENT: "mk"}
SCOPES: dict[KeyKind, tuple[Scope, ...]] = {
    KeyKind.PUBLISHABLE: (Scope.LINK,),
    KeyKind.SECRET: (Scope.LINK, Scope.RECORDS_READ),
    KeyKind.MANAGEMENT: (
        Scope.RECORDS_READ,
        Scope.DESTINATIONS_WRITE,
        Scope.DELIVERIES_REPLAY,
        Scope.KEYS_WRITE,
        Scope.WEBHOOKS_WRITE,
        Scope.AUTHORIZATIONS_WRITE,
    ),
}
FORMS = {kind: f"{prefix}_test_… or {prefix}_live_…" for kind, prefix in PREFIXES.items()}
KEY = re.compile(r"(pk|sk|mk)_(test|live)_([A-Za-z0-9_-]{43})")
# How long an old key works on beside its successor, if nobody says.
DEFAULT_OVERLAP_SECONDS = {Mode.TEST: 0, Mode.LIVE: 86_400}
LOOKUP_LENGTH = 16  # "sk_test_" and eight more characters: enough to find, not to guess


def new_key(kind: KeyKind, mode: Mode) -> str:
    return f"{PREFIXES[kind]}_{mode}_{secrets.token_urlsafe(32)}"


def parse_key(value: str) -> tuple[KeyKind, Mode] | None:
    """Return what a key says of itself, or None if it is no key of ours."""
    match = KEY.fullmatch(value)
    if match is None:
        return None
    kind = next(kind for kind, prefix in PREFIXES.items() if prefix == match[1])
    return kind, Mode(match[2])


def lookup_prefix(value: str) -> str:
    return value[:LOOKUP_LENGTH]
