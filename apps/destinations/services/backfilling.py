"""Bring a destination up to date: what it missed becomes due a few rows ahead of what leaves, until nothing is missing.

Owns the cursor and the pace. A step is one short transaction that holds the back-fill's row and its destination: two
workers never make the same row, and a crash between two steps repeats nothing. While the destination is off it waits.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.audit.events import Actor
from apps.audit.services import record_event
from apps.authorizations.models import PatientAuthorization
from apps.outbox.doorbell import Lane, wake
from apps.outbox.transitions import IllegalTransition
from apps.records.selectors import find_view

from ..backlog import FIRST, UNFINISHED, count_missing, due_backfills, find_missed, lacking, rows_ahead
from ..models import Backfill, Delivery, Destination
from ..selectors import place_of
from ..states import BulkState, DeliveryKind, DeliveryState, DestinationState
from .destinations import lock_destination
from .scheduling import give_up_time, new_delivery
from .telling import tell_live_change

# The destination is locked meanwhile, and what is live waits for it.
STEP_ROWS = 10


@transaction.atomic
def backfill_destination(*, destination: Destination, by: Actor, now: dt.datetime) -> Backfill:
    """Begin to deliver what this destination missed, or return the back-fill that is under way.

    One of nothing is completed at once. Raises: IllegalTransition for a deleted destination.
    """
    planned = count_missing(destination, now=now)  # before the lock: it may take a second
    locked = lock_destination(destination)
    if locked.state == DestinationState.DELETED:
        raise IllegalTransition(DestinationState.DELETED, DestinationState.ENABLED)
    running = locked.backfills.filter(state__in=UNFINISHED).first()
    if running is not None:
        return running
    begun = Backfill.objects.create(
        destination=locked,
        planned_count=planned,
        asked_by=asdict(by),
        state=BulkState.PENDING if planned else BulkState.COMPLETED,
        ended_at=None if planned else now,
    )
    record_event(
        action="destination.backfilled",
        by=by,
        place=place_of(locked),
        target_type="destination",
        target_id=locked.pk,
        detail={"deliveries": planned},
    )
    if planned:
        tell_live_change(locked, "backfilled", by)
        wake(Lane.BULK)
    return begun


def run_next_backfill_step() -> bool:
    """Make a few rows of the oldest back-fill that has room and that nobody holds; False when there is none."""
    with transaction.atomic():
        free = due_backfills().select_for_update(skip_locked=True, of=("self",), no_key=True)
        backfill = free.order_by("created_at", "id").first()
        if backfill is None:
            return False
        _step(backfill, lock_destination(backfill.destination), timezone.now())
    return True


def _step(backfill: Backfill, destination: Destination, now: dt.datetime) -> None:
    if destination.state == DestinationState.DELETED:
        _end(backfill, now)
        return
    # Asked again now that both are locked: it may have been turned off, or filled, in between.
    room = settings.BACKFILL_AHEAD - rows_ahead(destination).count()
    if not destination.enabled or room <= 0:
        return
    authorization = _find_next(backfill, destination, now)
    if authorization is None:
        _end(backfill, now)
        return
    most = min(room, STEP_ROWS)
    seen, made = _take_up(destination, authorization, most=most, now=now)
    if seen < most:
        made += _make_newest(destination, authorization)
        backfill.after_created_at, backfill.after_id = authorization.created_at, authorization.pk
    backfill.state = BulkState.RUNNING.value
    backfill.made_count += made
    backfill.planned_count = max(backfill.planned_count, backfill.made_count)
    backfill.save(update_fields=["state", "made_count", "planned_count", "after_created_at", "after_id"])
    if made:
        wake(Lane.DELIVER)


def _end(backfill: Backfill, now: dt.datetime) -> None:
    backfill.state, backfill.ended_at = BulkState.COMPLETED.value, now
    backfill.save(update_fields=["state", "ended_at"])


def _find_next(backfill: Backfill, destination: Destination, now: dt.datetime) -> PatientAuthorization | None:
    """Return the next authorization that misses something, in their order; behind the last one, begin again.

    A sync that ended while the destination was off again may have left a row behind the cursor.
    """
    rows = lacking(destination, now=now).select_related("consent__end_user").order_by("created_at", "id")
    at, pk = backfill.after_created_at, backfill.after_id
    if at is not None:
        ahead = rows.filter(Q(created_at__gt=at) | Q(created_at=at, pk__gt=pk), created_at__gte=at).first()
        if ahead is not None:
            return ahead
    return rows.first()


def _take_up(
    destination: Destination, authorization: PatientAuthorization, *, most: int, now: dt.datetime
) -> tuple[int, int]:
    """Turn rows that were skipped into rows that are due, oldest first; return how many were looked at and turned."""
    missed = list(find_missed(destination).filter(authorization=authorization).order_by("seq")[:most])
    made = 0
    for row in missed:
        same = Delivery.objects.filter(pk=row.pk, state=DeliveryState.SKIPPED)
        if _is_kept(row, authorization, now):
            due = timezone.now()  # in the order in which they are made
            made += same.update(
                state=DeliveryState.PENDING,
                kind=DeliveryKind.BACKFILL,
                next_attempt_at=due,
                give_up_at=give_up_time(authorization, due),
                reason="",
            )
        else:
            same.update(reason="data_pruned")
    return len(missed), made


def _is_kept(row: Delivery, authorization: PatientAuthorization, now: dt.datetime) -> bool:
    """Say whether all that was visible after that sync is still there: superseded versions end no earlier than it."""
    if row.created_at >= now - dt.timedelta(days=settings.VERSION_RETENTION_DAYS):
        return True
    view = find_view(authorization, seq=row.seq)
    return view is not None and view.counts() == row.resource_counts


def _make_newest(destination: Destination, authorization: PatientAuthorization) -> int:
    """Make a row for the newest sync if it has none: the destination was not there when it ended."""
    job_id = authorization.current_sync_job_id
    if job_id is None:
        return 0
    if Delivery.objects.filter(destination=destination, sync_job_id=job_id, kind__in=FIRST).exists():
        return 0
    view = find_view(authorization)
    new_delivery(
        destination,
        authorization,
        sync_job_id=job_id,
        seq=authorization.current_seq,
        counts=view.counts() if view else {},
        gaps=authorization.current_gaps,
        state=DeliveryState.PENDING,
        kind=DeliveryKind.BACKFILL,
        now=timezone.now(),
    )
    return 1
