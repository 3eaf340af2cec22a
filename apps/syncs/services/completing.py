"""The closing transaction of a sync: visible, counted, a delivery per destination, or nothing (D4, D7)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections import Counter
from typing import Any

from django.db import connection, transaction

from apps.audit.events import SYSTEM
from apps.audit.services import record_event
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.services.states import lock_authorization, place_of
from apps.authorizations.states import Usage
from apps.destinations.services import schedule_deliveries
from apps.outbox.claims import heartbeat, settle
from apps.outbox.faults import FaultPoint, pass_fault_point
from apps.records.models import Partition
from apps.records.selectors import View
from apps.records.services import close_sequence, discard_staged

from ..models import SyncJob
from ..states import SyncCause, SyncState, owner_of
from .crawling import CrawlResult
from .requesting import next_refresh, request_sync


def complete_sync(*, job: SyncJob, token: uuid.UUID, crawl: CrawlResult, now: dt.datetime) -> None:
    """Close the job's sequence. Raises: LostLease, and then nothing of it happened."""
    heartbeat(job, token)
    with transaction.atomic():
        # Everybody locks the authorization before the job: whoever asks for a sync now waits here, and not crosswise.
        authorization = lock_authorization(job.authorization)
        heartbeat(job, token)  # locks the row: nobody takes the job away while its sequence is closed
        if not authorization.is_active(now):
            discard_staged(partition_id=crawl.partition_id, current_seq=authorization.current_seq)
            _end(job, token, SyncState.FAILED, authorization, now, error_code="not-active")
            return
        seen = _seen_keys(job)
        shrunk = _shrunk_types(seen, crawl, authorization)
        gaps = [*crawl.gaps, *shrunk]
        named = [{"type": gap["type"], "reason": gap["reason"]} for gap in gaps]
        carried = {str(gap["type"]) for gap in shrunk}
        closed = close_sequence(
            partition_id=crawl.partition_id,
            seq=job.seq,
            keys=seen,
            complete_types=[kind for kind in crawl.complete_types if kind not in carried],
            now=now,
        )
        PatientAuthorization.objects.filter(pk=authorization.pk).update(
            current_seq=job.seq,
            current_sync_job_id=job.pk,
            current_gaps=named,
            last_synced_at=now,
            next_refresh_at=next_refresh(authorization, now) if authorization.usage == Usage.MULTIPLE else None,
        )
        _end(
            job,
            token,
            SyncState.COMPLETED,
            authorization,
            now,
            resource_counts=closed.counts,
            gaps=gaps,
            rejected=crawl.rejected,
            transaction_time=now,
            requests_made=job.requests_made + crawl.requests_made,
            missing_references=closed.missing_references,
            error_code="",
            error_message="",
        )
        schedule_deliveries(
            authorization=authorization,
            sync_job_id=job.pk,
            seq=job.seq,
            resource_counts=closed.counts,
            gaps=named,
            now=now,
        )
        _run_again(job, authorization, now)
        pass_fault_point(FaultPoint.SYNC_CLOSING)
    pass_fault_point(FaultPoint.SYNC_CLOSED)


def fail_sync(
    *, job: SyncJob, token: uuid.UUID, code: str, message: str, now: dt.datetime, outcome: bytes | None = None
) -> None:
    """End a job that loaded nothing; what was visible stays so. Raises: LostLease."""
    with transaction.atomic():
        authorization = lock_authorization(job.authorization)
        partition = Partition.objects.filter(authorization=authorization).first()
        if partition is not None:
            discard_staged(partition_id=partition.pk, current_seq=authorization.current_seq)
        _end(
            job,
            token,
            SyncState.FAILED,
            authorization,
            now,
            error_code=code,
            error_owner=owner_of(code).value,
            error_message=message,
            source_outcome=(outcome or b"").decode("utf-8", "replace").replace("\x00", ""),
        )
        if not authorization.is_active(now) or code == "re-authorize":
            return
        if authorization.usage == Usage.MULTIPLE:
            PatientAuthorization.objects.filter(pk=authorization.pk).update(
                next_refresh_at=next_refresh(authorization, now)
            )
        _run_again(job, authorization, now)


def _end(
    job: SyncJob,
    token: uuid.UUID,
    state: SyncState,
    authorization: PatientAuthorization,
    now: dt.datetime,
    **changes: Any,
) -> None:
    settle(job, token, state=state, ended_at=now, **changes)
    job.pages.all().delete()
    record_event(
        action=f"sync.{state.value.lower()}",
        by=SYSTEM,
        place=place_of(authorization),
        target_type="sync_job",
        target_id=job.pk,
        detail={
            "seq": job.seq,
            "resources": sum(changes.get("resource_counts", {}).values()),
            "gaps": [gap["type"] for gap in changes.get("gaps", [])],
            "code": changes.get("error_code", ""),
        },
    )


def _seen_keys(job: SyncJob) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT unnest(keys) FROM syncs_crawledpage WHERE sync_job_id = %s", [job.pk])
        return [row[0] for row in cursor.fetchall()]


def _shrunk_types(keys: list[str], crawl: CrawlResult, authorization: PatientAuthorization) -> list[dict[str, object]]:
    """Types that lost more than half of their resources: carried once more and flagged (rulings A4)."""
    if authorization.current_seq == 0:
        return []
    before = View(crawl.partition_id, authorization.current_seq).counts()
    seen = Counter(key.partition("/")[0] for key in keys)
    previous = SyncJob.objects.filter(authorization=authorization, state=SyncState.COMPLETED).order_by("-seq").first()
    flagged = {gap["type"] for gap in previous.gaps if gap["reason"] == "shrunk"} if previous else set()
    return [
        {
            "type": kind,
            "reason": "shrunk",
            "code": "shrunk",
            "page": 0,
            "message": f"The source showed {seen[kind]} of {before[kind]}; the rest is carried for one more sync.",
        }
        for kind in crawl.complete_types
        if kind in before and seen[kind] * 2 < before[kind] and kind not in flagged
    ]


def _run_again(job: SyncJob, authorization: PatientAuthorization, now: dt.datetime) -> None:
    if SyncJob.objects.filter(pk=job.pk, run_again=True).exists():
        authorization.refresh_from_db()
        request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=now)
