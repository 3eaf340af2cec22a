"""Reads of sync jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass

from apps.authorizations.models import PatientAuthorization

from .models import SyncJob
from .states import SyncState


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """What the Link API's `sync` block says. Units: Unix seconds, None before the first completed job."""

    state: str
    counts: dict[str, int]
    last_synced_at: int | None


def find_latest_job(authorization: PatientAuthorization) -> SyncJob | None:
    return SyncJob.objects.filter(authorization=authorization).order_by("-created_at", "-id").first()


def find_sync_status(authorization: PatientAuthorization) -> SyncStatus:
    latest = find_latest_job(authorization)
    completed = SyncJob.objects.filter(authorization=authorization, state=SyncState.COMPLETED).order_by("-seq").first()
    return SyncStatus(
        state=latest.state if latest else SyncState.CREATED,
        counts=completed.resource_counts if completed else {},
        last_synced_at=int(completed.ended_at.timestamp()) if completed and completed.ended_at else None,
    )


def outcome_text(job: SyncJob) -> str:
    """Return the source's OperationOutcome, indented where it is JSON; it is somebody else's text."""
    try:
        return json.dumps(json.loads(job.source_outcome), indent=2, ensure_ascii=False)
    except ValueError:
        return job.source_outcome
