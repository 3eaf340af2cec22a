"""Knobs for tests beside `fault_knobs`: how a second look differs, and the log of what was asked.

Owns the log; refuses to keep credentials (it holds no headers, forms or tokens).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.sandbox.payer.capability import READABLE_TYPES

LOG_LENGTH = 20_000


class BadKnobError(ValueError):
    """A control request that makes no sense; the message says why."""


class Log:
    """The last requests. Shape: {"method", "path", "query", "status"} each, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)

    def add(self, method: str, path: str, query: str, status: int) -> None:
        self._entries.append({"method": method, "path": path, "query": query, "status": status})

    def entries(self) -> list[dict[str, Any]]:
        return list(self._entries)

    def reset(self) -> None:
        self._entries.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """How a member's next look differs. Shape: `add` counts new resources by type, the rest is "Type/id"."""

    add: Mapping[str, int] = field(default_factory=dict)
    remove: Sequence[str] = ()
    change: Sequence[str] = ()
    touch: Sequence[str] = ()


def parse_amendment(knobs: Mapping[str, Any]) -> Amendment:
    """Read what shall differ at the next look; a bare number to add means observations.

    Raises: BadKnobError.
    """
    if unknown := set(knobs) - {"add", "remove", "change", "touch"}:
        raise BadKnobError(f"Unknown: {', '.join(sorted(unknown))}.")
    lists = {name: knobs.get(name, []) for name in ("remove", "change", "touch")}
    for references in lists.values():
        if not isinstance(references, list) or not all(isinstance(one, str) for one in references):
            raise BadKnobError('remove, change and touch are lists of "Type/id".')
    add = knobs.get("add", 0)
    counts = add if isinstance(add, dict) else {"Observation": add}
    for type_, count in counts.items():
        if type(count) is not int or not 0 <= count <= 10_000:
            raise BadKnobError("add is not a number from 0 to 10000, nor such numbers by type.")
        if type_ not in READABLE_TYPES or type_ == "Patient":
            raise BadKnobError(f"{type_} cannot be added.")
    return Amendment(add=counts, **lists)
