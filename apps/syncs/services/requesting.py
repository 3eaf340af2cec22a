"""Ask for a sync: at most one unfinished job per authorization (rulings B18)."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from apps.applications.models import SyncFrequency
from apps.audit.events import SYSTEM, Actor
from apps.audit.services import record_event
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.services.states import lock_authorization, place_of
from apps.authorizations.states import ACTIVE
from apps.outbox.doorbell import Lane, wake

from ..models import SyncJob
from ..states import UNFINISHED, SyncCause, SyncState

INTERVALS = {
    SyncFrequency.DAILY: dt.timedelta(days=1),
    SyncFrequency.WEEKLY: dt.timedelta(days=7),
    SyncFrequency.MONTHLY: dt.timedelta(days=30),
}


class NotActive(Exception):
    def __init__(self) -> None:
        super().__init__(
            "This authorization is not active, or its data was deleted: there is nothing that may be fetched."
        )


@transaction.atomic
def request_sync(*, authorization: PatientAuthorization, cause: SyncCause, by: Actor, now: dt.datetime) -> SyncJob:
    """Return the unfinished job, marked to run once more, or a new one. Raises: NotActive."""
    locked = lock_authorization(authorization)
    if not locked.is_active(now) or locked.purged_at is not None:
        raise NotActive
    unfinished = SyncJob.objects.filter(authorization=locked, state__in=UNFINISHED).first()
    if unfinished is not None:
        # One that has not begun will see today's records anyway.
        SyncJob.objects.filter(pk=unfinished.pk, state=SyncState.ACTIVE).update(run_again=True)
        wake(Lane.SYNC)
        return unfinished
    job = SyncJob.objects.create(
        authorization=locked,
        application=locked.application,
        mode=locked.mode,
        cause=cause,
        seq=locked.current_seq + 1,
        next_attempt_at=now,
    )
    record_event(
        action="sync.requested",
        by=by,
        place=place_of(locked),
        target_type="sync_job",
        target_id=job.pk,
        detail={"cause": cause.value, "seq": job.seq},
    )
    job.state = SyncState.WAITING
    job.save(update_fields=["state"])
    PatientAuthorization.objects.filter(pk=locked.pk).update(next_refresh_at=None)
    wake(Lane.SYNC)
    return job


def next_refresh(authorization: PatientAuthorization, now: dt.datetime) -> dt.datetime:
    return now + INTERVALS[SyncFrequency(authorization.application.sync_frequency)]


def enqueue_due_syncs(*, now: dt.datetime, limit: int = 500) -> int:
    """Request the scheduled refresh of every MULTIPLE authorization that is due; return how many."""
    due = PatientAuthorization.objects.filter(
        next_refresh_at__lte=now, state__in=ACTIVE, usage="MULTIPLE", purged_at__isnull=True
    ).order_by("next_refresh_at")
    requested = 0
    for authorization in due[:limit]:
        try:
            request_sync(authorization=authorization, cause=SyncCause.SCHEDULED, by=SYSTEM, now=now)
            requested += 1
        except NotActive:
            PatientAuthorization.objects.filter(pk=authorization.pk).update(next_refresh_at=None)
    return requested
