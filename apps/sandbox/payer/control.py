"""Knobs for tests: faults on chosen answers, and the log of what was asked.

Owns the faults in force and the log; refuses to keep credentials (the log holds no headers, forms or tokens).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LOG_LENGTH = 20_000


class BadKnobError(ValueError):
    """A control request that makes no sense; the message says why."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One planned failure.

    Shape: `type` is a resource type, `$everything`, `metadata`, `smart-configuration` or `token`; `page`
    counts from 1, None is any; `times` is how often it still strikes; `status` answers so, `cut` ends the
    connection in mid-body, `empty` answers no matches. Units: `retry_after` in seconds.
    """

    type: str
    page: int | None = None
    status: int | None = None
    times: int = 1
    retry_after: int | None = None
    cut: bool = False
    empty: bool = False


class Faults:
    """The faults in force; each request takes at most one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def plan(self, knobs: Mapping[str, Any]) -> None:
        """Add a fault from its JSON.

        Raises: BadKnobError.
        """
        fault = _fault(knobs)
        with self._lock:
            self._planned.append(fault)

    def take(self, type_: str, page: int) -> Fault | None:
        """Return the first fault that strikes here, and count it down."""
        with self._lock:
            for fault in self._planned:
                if fault.type == type_ and fault.page in (None, page) and fault.times > 0:
                    fault.times -= 1
                    return fault
        return None

    def reset(self) -> None:
        with self._lock:
            self._planned.clear()


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


def parse_amendment(knobs: Mapping[str, Any]) -> tuple[int, list[str], list[str]]:
    """Read what shall differ at the next look: how many to add, which to remove, which to change.

    Raises: BadKnobError.
    """
    if unknown := set(knobs) - {"add", "remove", "change"}:
        raise BadKnobError(f"Unknown: {', '.join(sorted(unknown))}.")
    add, remove, change = knobs.get("add", 0), knobs.get("remove", []), knobs.get("change", [])
    if type(add) is not int or not 0 <= add <= 10_000:
        raise BadKnobError("add is not a number from 0 to 10000.")
    for references in (remove, change):
        if not isinstance(references, list) or not all(isinstance(one, str) for one in references):
            raise BadKnobError('remove and change are lists of "Type/id".')
    return add, remove, change


def _fault(knobs: Mapping[str, Any]) -> Fault:
    kinds: dict[str, tuple[type, ...]] = {
        "type": (str,), "page": (int, type(None)), "status": (int, type(None)), "times": (int,),
        "retry_after": (int, type(None)), "cut": (bool,), "empty": (bool,),
    }  # fmt: skip
    if unknown := set(knobs) - set(kinds):
        raise BadKnobError(f"Unknown: {', '.join(sorted(unknown))}.")
    for name, value in knobs.items():
        if type(value) not in kinds[name]:
            raise BadKnobError(f"{name} has the wrong kind of value.")
    if not knobs.get("type"):
        raise BadKnobError("type is missing.")
    fault = Fault(**knobs)
    if fault.status is not None and not 400 <= fault.status <= 599:
        raise BadKnobError("status is not an error status.")
    if not (fault.status or fault.cut or fault.empty):
        raise BadKnobError("One of status, cut and empty is needed.")
    return fault
