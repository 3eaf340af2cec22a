"""What an audit event is made of. Pure: no Django, no clock.

Refuses patient data and secrets: `detail` takes ids, counts, state names and field names only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class ActorKind(StrEnum):
    PERSON = "person"
    KEY = "key"
    TOKEN = "token"  # noqa: S105
    PATIENT = "patient"
    SYSTEM = "system"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something, as text: the audit knows nobody's tables."""

    kind: ActorKind
    id: str = ""
    label: str = ""
    ip: str = ""
    request_id: str = ""
    user_agent: str = ""

    def named(self, label: str) -> Actor:
        return replace(self, label=label)


SYSTEM = Actor(kind=ActorKind.SYSTEM, label="system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where it happened; ids as text, empty where it does not apply."""

    workspace_id: str = ""
    application_id: str = ""
    mode: str = ""
