"""A sync job in words for a person: why it ran, how far it is, what it could not fetch."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from apps.workspaces.scoped_admin import cells

from ..models import SyncJob
from ..states import SyncCause, SyncState

CAUSES = {
    SyncCause.FIRST: "First sync",
    SyncCause.SCHEDULED: "On schedule",
    SyncCause.REFRESH: "Access refreshed",
    SyncCause.MANUAL: "Asked for",
}
# Why a type is not whole: a title, and what it means for the records that are there.
GAPS = {
    "forbidden": ("Not allowed", "The source does not let us read this type. What it showed before is kept."),
    "failed": ("Not answered", "The source did not answer for this type. What it showed before is kept."),
    "cut": ("Broken off", "Some pages came, then the source failed. What came is used, what it showed before is kept."),
    "short": ("Fewer than announced", "The source announced more than it showed. What it showed before is kept."),
    "shrunk": ("Suddenly fewer", "More than half was gone at once. The rest is kept for one more sync, to be sure."),
    "not-offered": ("Not offered any more", "The source does not name this type now. What it showed before is kept."),
}
# Why a resource could not be kept.
FAULTS = {
    "malformed": "not the shape that FHIR asks for",
    "missing-id": "without an id",
    "missing-type": "without a type",
    "too-large": "larger than the limit",
}


@dataclass(frozen=True, slots=True)
class ShownGap:
    """One gap of a job for the template."""

    gap: dict[str, Any]

    @property
    def title(self) -> str:
        return GAPS.get(self.gap["reason"], (str(self.gap["reason"]), ""))[0]

    @property
    def meaning(self) -> str:
        return GAPS.get(self.gap["reason"], ("", ""))[1]

    @property
    def page(self) -> int:
        return int(self.gap.get("page") or 0)


def rejected_words(job: SyncJob) -> list[tuple[str, str, str, int]]:
    """Return type, fault in words, code and count of what could not be kept."""
    return [
        (each["type"], FAULTS.get(each["code"], "not readable"), each["code"], each["count"]) for each in job.rejected
    ]


def lasted(job: SyncJob) -> str:
    """Say how long a job ran, or has been running."""
    if job.started_at is None:
        return cells.NOTHING
    return duration((job.ended_at or timezone.now()) - job.started_at)


def waited(job: SyncJob) -> str:
    """Say how long a job waited before it began."""
    return duration(job.started_at - job.created_at) if job.started_at else cells.NOTHING


def duration(length: dt.timedelta) -> str:
    """Shape: "0.4 s", "42 s", "3 min 5 s", "2 h 10 min"."""
    seconds = max(0.0, length.total_seconds())
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def what_comes_next(job: SyncJob) -> str:
    """Say what a state means for this job; empty where the state says it all."""
    if job.state == SyncState.WAITING:
        return "Goes on from its page" if job.started_at else "Waits for its turn"
    if job.state == SyncState.ACTIVE and job.run_again:
        return "Runs once more after this"
    if job.state == SyncState.COMPLETED and job.gaps:
        return f"{len(job.gaps)} {'gap' if len(job.gaps) == 1 else 'gaps'}"
    return ""
