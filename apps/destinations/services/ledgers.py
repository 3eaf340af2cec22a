"""What a comparison has found and how far it is, between the steps that make it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..models import Reconciliation
from ..selectors import COUNTED
from ..states import FindingKind
from .comparing import Finding

# More are counted and not kept.
MOST_FINDINGS = 1000
# How far a run is stands beside its counts until it ends.
POSITION = "position"


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What a run has found, and how far it is: everything up to the key `after` is done."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    after: str = ""
    failures: int = 0
    # Shape: {"code": the missing permission, "message": advice} once the role has refused a look.
    lacks: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, run: Reconciliation) -> Ledger:
        counts = {name: value for name, value in run.counts.items() if name != POSITION}
        return cls(counts=Counter(counts), findings=list(run.findings), **run.counts.get(POSITION, {}))

    @property
    def found(self) -> int:
        return sum(self.counts[kind] for kind in FindingKind)

    def add(self, findings: list[Finding]) -> None:
        self.counts.update(each["kind"] for each in findings)
        self.findings += findings[: MOST_FINDINGS - len(self.findings)]

    def so_far(self) -> dict[str, Any]:
        return {**self.shown(), POSITION: {"after": self.after, "failures": self.failures, "lacks": self.lacks}}

    def shown(self) -> dict[str, int]:
        return {name: self.counts[name] for name in COUNTED}
