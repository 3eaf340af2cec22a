"""What the reference matcher is given and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class Unsupported(Exception):
    """The search asks for something that a server must refuse rather than ignore."""


@dataclass(frozen=True, slots=True, repr=False)
class Stored:
    """One resource of a store.

    Shape: `resource` is parsed JSON with every fraction a Decimal; `changed` is the instant of our own last change;
    `order` is the place in the order of storing.
    """

    type: str
    id: str
    resource: dict[str, Any]
    changed: datetime
    order: int

    def __repr__(self) -> str:
        return f"<{self.order}: {self.type}/{self.id}>"


@dataclass(frozen=True, slots=True)
class Result:
    """Matches in order, the page of them that was asked for, what the page includes, and what was ignored."""

    matches: list[Stored]
    page: list[Stored]
    included: set[tuple[str, str]]
    total: int
    ignored: list[str]


@dataclass(frozen=True, slots=True)
class World:
    """Everything that a search may look at."""

    stores: Sequence[Stored]
    base_url: str
    now: datetime

    def find(self, resource_type: str, resource_id: str) -> Stored | None:
        for stored in self.stores:
            if (stored.type, stored.id) == (resource_type, resource_id):
                return stored
        return None
