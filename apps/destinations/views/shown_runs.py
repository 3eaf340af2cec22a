"""A reconciliation as people read it: what was counted, what differs and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import cells

from ..models import Reconciliation
from ..selectors import policies_for_reading
from ..states import FindingKind, ReconciliationState
from .policy_texts import PolicyText
from .shown_tests import WHERE_WORDS

SHOWN_FINDINGS = 100
UNFINISHED = (ReconciliationState.PENDING, ReconciliationState.RUNNING)
# kind -> (word, what it means, what to do)
KINDS = {
    FindingKind.MISSING: (
        "Missing",
        "delivered, and not there",
        "Replay the delivery: it writes the same bytes under a new key.",
    ),
    FindingKind.CHANGED: (
        "Changed",
        "there, with other bytes",
        "Somebody has overwritten it. Replay the delivery to have the delivered bytes again.",
    ),
    FindingKind.DUPLICATE: (
        "Duplicate",
        "a second object with delivered bytes",
        "A copy that we did not make. Take it away if your loader would read it twice.",
    ),
    FindingKind.EXTRA: (
        "Extra",
        "below the prefix, and not ours",
        "Give what is not ours another prefix, or your loader may take it for a delivery.",
    ),
    FindingKind.UNSCHEDULED: (
        "Without a delivery",
        "current syncs that were never delivered here",
        "A back-fill delivers them.",
    ),
}
POLICY_FILES = {"role_policy": "role-policy.json", "bucket_policy": "bucket-statement.json"}


@dataclass(frozen=True)
class ShownRun:
    """One run for the templates."""

    run: Reconciliation

    @property
    def is_unfinished(self) -> bool:
        return self.run.state in UNFINISHED

    @property
    def is_complete(self) -> bool:
        return self.run.state == ReconciliationState.COMPLETED

    @property
    def found(self) -> int:
        return sum(self._count(kind) for kind in FindingKind)

    @property
    def outcome(self) -> str:
        """Return one of clean, lengths, differs, failed, unfinished: what the note at the top says."""
        if self.is_unfinished:
            return "unfinished"
        if not self.is_complete:
            return "failed"
        if self.found:
            return "differs"
        return "clean" if self.run.compared_bytes else "lengths"

    @property
    def objects(self) -> int:
        return self._count("objects")

    @property
    def delivered(self) -> int:
        return self._count("delivered")

    @property
    def kinds(self) -> list[tuple[str, str, str, int]]:
        """Return what differs: word, meaning, advice, number."""
        return [(*KINDS[kind], self._count(kind)) for kind in FindingKind]

    @property
    def findings(self) -> list[dict[str, Any]]:
        return [{**each, "word": KINDS[FindingKind(each["kind"])][0]} for each in self.run.findings[:SHOWN_FINDINGS]]

    @property
    def facts(self) -> list[tuple[str, SafeString | str]]:
        others = (
            ("Still on their way", self._count("waiting")),
            ("Failed", self._count("failed")),
            ("Purged since", self._count("purged")),
            ("Delivered elsewhere before", self._count("elsewhere")),
        )
        return [
            ("Asked by", cells.words(self.run.asked_by.get("label") or self.run.asked_by.get("kind", ""))),
            ("Begun (UTC)", cells.moment(self.run.created_at)),
            ("Ended (UTC)", cells.moment(self.run.ended_at)),
            ("Objects below the prefix", f"{self.objects:,}"),
            ("Deliveries compared", f"{self.delivered:,}"),
            ("Compared by", self._compared_by()),
            *((words, f"{number:,}") for words, number in others if number),
        ]

    @property
    def pastes(self) -> list[PolicyText]:
        """Return what the role lacks, each text with the policy it belongs in."""
        return [
            PolicyText(f"paste-{where}", WHERE_WORDS[where], text, POLICY_FILES.get(where, "key-statement.json"))
            for where, text in policies_for_reading(self.run).items()
        ]

    def _compared_by(self) -> str:
        if not self.is_complete:
            return cells.NOTHING
        return "Length and SHA-256" if self.run.compared_bytes else "Length; some could not be read"

    def _count(self, name: str) -> int:
        number = self.run.counts.get(name, 0)
        return number if isinstance(number, int) else 0
