"""What a destination lacks and a back-fill brings: syncs that ended while it was off, or before it was there."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from apps.authorizations.models import PatientAuthorization
from apps.authorizations.states import ACTIVE

from .models import Backfill, Delivery, Destination
from .states import CLAIMABLE, BulkState, DeliveryKind, DeliveryState, DestinationState

UNFINISHED = (BulkState.PENDING, BulkState.RUNNING)
FIRST = (DeliveryKind.LIVE, DeliveryKind.BACKFILL)  # what delivers a sync for the first time


def find_missed(destination: Destination) -> QuerySet[Delivery]:
    """Return the rows of syncs that ended while the destination was off, of those whose records are kept."""
    rows = Delivery.objects.filter(
        application=destination.application_id,
        mode=destination.mode,
        destination=destination,
        state=DeliveryState.SKIPPED,
    )
    return rows.exclude(reason="data_pruned")


def lacking(destination: Destination, *, now: dt.datetime) -> QuerySet[PatientAuthorization]:
    """Return the active authorizations that have something for a back-fill."""
    missed = find_missed(destination).filter(authorization=OuterRef("pk"))
    return _with_records(destination, now).filter(Exists(missed) | _never_sent(destination))


def count_missing(destination: Destination, *, now: dt.datetime) -> int:
    """Count the rows that a back-fill makes: those it turns, and the newest sync of who has none."""
    active = _with_records(destination, now)
    turned = find_missed(destination).filter(Exists(active.filter(pk=OuterRef("authorization_id")))).count()
    return turned + active.filter(_never_sent(destination)).count()


def count_missed(destination: Destination, *, now: dt.datetime, most: int) -> int:
    """Count the syncs that ended while the destination was off, up to `most`."""
    active = _with_records(destination, now).filter(pk=OuterRef("authorization_id"))
    return find_missed(destination).filter(Exists(active))[:most].count()


def rows_ahead(destination: Destination) -> QuerySet[Delivery]:
    """Return the back-fill's rows that wait to be claimed."""
    return Delivery.objects.filter(destination=destination, kind=DeliveryKind.BACKFILL, state__in=CLAIMABLE)


def due_backfills() -> QuerySet[Backfill]:
    """Return the unfinished back-fills that can go on: their destination is on and has room, or is gone for good."""
    ahead = Delivery.objects.filter(
        destination=OuterRef("destination"), kind=DeliveryKind.BACKFILL, state__in=CLAIMABLE
    ).order_by()
    is_full = Exists(ahead[settings.BACKFILL_AHEAD - 1 : settings.BACKFILL_AHEAD])
    unfinished = Backfill.objects.filter(state__in=UNFINISHED).select_related("destination")
    on = Q(destination__state=DestinationState.ENABLED) & ~is_full
    return unfinished.filter(on | Q(destination__state=DestinationState.DELETED))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a back-fill is. `waiting` includes what is on the wire; `ended` is what was cancelled or superseded."""

    backfill: Backfill
    waiting: int
    held: int
    delivered: int
    failed: int
    ended: int

    @property
    def is_live(self) -> bool:
        """Say whether it still moves by itself."""
        return bool(self.waiting) or (
            self.backfill.state in UNFINISHED and self.backfill.destination.state == DestinationState.ENABLED
        )


def progress_of(backfill: Backfill) -> Progress:
    """Count what became of a back-fill's rows: those that are not delivered are few, and an index has them."""
    destination = backfill.destination
    states = [state for state in DeliveryState if state not in (DeliveryState.DELIVERED, DeliveryState.SKIPPED)]
    rows = Delivery.objects.filter(
        application=destination.application_id,
        mode=destination.mode,
        state__in=states,
        destination=destination,
        kind=DeliveryKind.BACKFILL,
        next_attempt_at__gte=backfill.created_at,  # not those of an earlier one
    )
    counts = Counter({row["state"]: row["rows"] for row in rows.values("state").order_by().annotate(rows=Count("pk"))})
    waiting = sum(counts[state] for state in (*CLAIMABLE, DeliveryState.RUNNING))
    return Progress(
        backfill=backfill,
        waiting=waiting,
        held=counts[DeliveryState.HELD],
        delivered=max(0, backfill.made_count - counts.total()),
        failed=counts[DeliveryState.FAILED],
        ended=counts[DeliveryState.CANCELLED] + counts[DeliveryState.SUPERSEDED],
    )


def _with_records(destination: Destination, now: dt.datetime) -> QuerySet[PatientAuthorization]:
    return PatientAuthorization.objects.filter(
        Q(purge_at=None) | Q(purge_at__gt=now),
        application=destination.application_id,
        mode=destination.mode,
        state__in=ACTIVE,
        current_seq__gt=0,
        purged_at__isnull=True,
    )


def _never_sent(destination: Destination) -> Q:
    own = Delivery.objects.filter(destination=destination, sync_job_id=OuterRef("current_sync_job_id"), kind__in=FIRST)
    return Q(~Exists(own), current_sync_job_id__isnull=False)
