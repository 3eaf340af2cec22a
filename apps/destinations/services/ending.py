"""Take back what a lost worker held, cancel what may not leave any more, clean the spool."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.audit.events import SYSTEM
from apps.audit.services import record_event
from apps.authorizations.models import PatientAuthorization
from apps.outbox.claims import LostLease, settle
from apps.outbox.doorbell import Lane, wake

from ..models import Delivery
from ..selectors import place_of
from ..states import UNDELIVERED, DeliveryKind, DeliveryState, DestinationState
from .destinations import lock_destination
from .paging_operator import page_operator

MAX_CRASHES = 3


def sweep_deliveries(*, now: dt.datetime) -> int:
    """Hand expired leases back (three lost workers fail a row), fail what is out of time; return how many."""
    swept = 0
    lost = Delivery.objects.filter(state=DeliveryState.RUNNING, lease_until__lt=Now())
    for delivery in lost.select_related("destination__application")[:500]:
        if delivery.lease_token is not None:
            swept += _take_back(delivery, delivery.lease_token, now)
    # A row that has not been tried yet is tried, late or not; the attempt then ends it.
    over = Delivery.objects.filter(state=DeliveryState.RETRYING, give_up_at__lt=now)
    for delivery in over.select_related("destination__application")[:500]:
        swept += _give_up(delivery, now)
    return swept


@transaction.atomic
def _give_up(delivery: Delivery, now: dt.datetime) -> int:
    still = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.RETRYING, give_up_at__lt=now)
    if not still.update(state=DeliveryState.FAILED, reason="gave_up"):
        return 0
    record_event(
        action="delivery.failed",
        by=SYSTEM,
        place=place_of(delivery.destination),
        target_type="delivery",
        target_id=delivery.pk,
        detail={"code": "gave_up"},
    )
    return 1


@transaction.atomic
def _take_back(delivery: Delivery, token: uuid.UUID, now: dt.datetime) -> int:
    poison = delivery.crashes + 1 >= MAX_CRASHES
    enabled = lock_destination(delivery.destination).state == DestinationState.ENABLED
    if poison:
        changes: dict[str, object] = {
            "state": DeliveryState.FAILED.value,
            "error_code": "worker-crashed",
            "error_owner": "us",
            "error_message": "The worker was lost three times in this delivery.",
        }
    elif enabled:
        changes = {"state": DeliveryState.RETRYING.value, "next_attempt_at": now}
    else:
        changes = {"state": DeliveryState.HELD.value, "held_at": now}
    try:
        settle(delivery, token, crashes=F("crashes") + 1, **changes)
    except LostLease:
        return 0
    record_event(
        action="delivery.worker_lost",
        by=SYSTEM,
        place=place_of(delivery.destination),
        target_type="delivery",
        target_id=delivery.pk,
        detail={"crashes": delivery.crashes + 1},
    )
    if poison:
        page_operator(code="worker-crashed", stage="delivery", now=now)
    wake(Lane.DELIVER)
    return 1


def cancel_deliveries(*, authorization: PatientAuthorization, reason: str) -> int:
    """Cancel what has not left, running attempts included: their fence is gone, they may write nothing.

    Tombstones go on: they hold no data, and take back what was delivered.
    """
    undelivered = Delivery.objects.filter(authorization=authorization, state__in=UNDELIVERED)
    return undelivered.exclude(kind=DeliveryKind.TOMBSTONE).update(
        state=DeliveryState.CANCELLED, reason=reason, lease_token=None, lease_until=None, held_at=None
    )


def purge_spool(*, authorization: PatientAuthorization) -> int:
    """Delete spooled bytes of an authorization's deliveries; return how many files."""
    ids = {str(pk) for pk in Delivery.objects.filter(authorization=authorization).values_list("pk", flat=True)}
    return _unlink(lambda name: name.partition(".")[0] in ids)


def clean_spool() -> int:
    """Delete files that no attempt can hold any more: older than an hour."""
    oldest = time.time() - 3600
    return _unlink(lambda name: _changed_at(settings.SPOOL_DIR / name) < oldest)


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # its attempt has just ended
        return time.time()


def _unlink(wanted: Callable[[str], bool]) -> int:
    if not settings.SPOOL_DIR.is_dir():
        return 0
    gone = 0
    for path in settings.SPOOL_DIR.iterdir():
        if wanted(path.name):
            path.unlink(missing_ok=True)
            gone += 1
    return gone
