"""Planned faults in force: which of them strikes an answer, counted down, and what came of it.

Owns the counting; what may be planned is the table in `fault_knobs`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.sandbox.payer.control import BadKnobError
from apps.sandbox.payer.fault_knobs import ANY, OPEN_TYPES, PAGE, SHARED, TOKEN_TYPES, WHERE, WHOLE, check_knobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that a fault may strike; `type` is as in the table, `kind` says what answers it."""

    plan: str
    type: str
    page: int = 1
    kind: str = "other"  # "page" of a search, "read", or other


@dataclass(slots=True, kw_only=True)
class Fault:
    """One planned fault: its knobs as they came, and how often it still passes by or strikes."""

    number: int
    knobs: Mapping[str, Any]
    after: int
    left: int

    @property
    def effects(self) -> frozenset[str]:
        return frozenset(self.knobs) - frozenset(WHERE)

    def fits(self, asked: Asked) -> bool:
        type_ = self.knobs["type"]
        fits_type = type_ == asked.type or (type_ == "token" and asked.type == "refresh")
        fits_any = type_ == ANY and asked.type not in (*OPEN_TYPES, *TOKEN_TYPES)
        if not (fits_type or fits_any) or self.knobs.get("page", asked.page) != asked.page:
            return False
        if self.knobs.get("plan", asked.plan) != asked.plan:
            return False
        if self.effects & set(PAGE) - {"replace"}:
            return asked.kind == "page"
        return asked.kind in ("page", "read") or "replace" not in self.effects


@dataclass(slots=True)
class Strike:
    """What strikes one answer; `hits` tell tests what came of it."""

    asked: Asked
    faults: list[Fault] = field(default_factory=list)
    hits: list[dict[str, Any]] = field(default_factory=list)

    def value(self, knob: str) -> Any:
        """Return what is set for a knob, or None."""
        return next((fault.knobs[knob] for fault in self.faults if knob in fault.knobs), None)

    def has_room_for(self, fault: Fault) -> bool:
        taken = frozenset[str]().union(*(one.effects for one in self.faults))
        if taken & fault.effects - set(SHARED):
            return False
        both = taken | fault.effects
        return len(both & set(WHOLE)) < 2 and not (both & set(WHOLE) and both & set(PAGE))

    def take(self, fault: Fault) -> None:
        self.faults.append(fault)
        place = {"plan": self.asked.plan, "type": self.asked.type, "page": self.asked.page}
        self.hits.append({"fault": fault.number, **place, "added": [], "replaced": []})


class Faults:
    """The faults in force, and what those that struck have done; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned: list[Fault] = []
        self._hits: list[dict[str, Any]] = []
        self._count = 0

    def plan(self, knobs: Mapping[str, Any]) -> int:
        """Add a fault from its JSON and return its number.

        Raises: BadKnobError.
        """
        return self.plan_all([knobs])[0]

    def plan_all(self, script: Iterable[Mapping[str, Any]]) -> list[int]:
        """Add faults from their JSON, all or none; return their numbers.

        Raises: BadKnobError.
        """
        checked = [check_knobs(knobs) for knobs in script]
        if not checked:
            raise BadKnobError("At least one fault is needed.")
        with self._lock:
            first = self._count + 1
            self._count += len(checked)
            self._planned += [
                Fault(number=number, knobs=knobs, after=knobs.get("after", 0), left=knobs.get("times", 1))
                for number, knobs in enumerate(checked, first)
            ]
        return list(range(first, first + len(checked)))

    def strike(self, asked: Asked) -> Strike:
        """Take what strikes this request's answer, and count it down."""
        strike = Strike(asked)
        with self._lock:
            for fault in self._planned:
                if not fault.fits(asked):
                    continue
                if fault.after:
                    fault.after -= 1
                elif strike.has_room_for(fault):
                    fault.left -= 1
                    strike.take(fault)
            self._planned = [fault for fault in self._planned if fault.left]
            self._hits += strike.hits
        return strike

    def show(self) -> dict[str, list[dict[str, Any]]]:
        """Tell what is planned and what has struck. Shape: {"planned": [knobs], "struck": [Strike.hits]}."""
        with self._lock:
            planned = [
                {"number": fault.number, **fault.knobs, "after": fault.after, "left": fault.left}
                for fault in self._planned
            ]
            return {"planned": planned, "struck": list(self._hits)}

    def reset(self) -> None:
        with self._lock:
            self._planned.clear()
            self._hits.clear()
            self._count = 0
