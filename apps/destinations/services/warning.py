"""Tell owners and admins that nothing gets through, by mail, and stop at the end of the clock (rulings B3, A7).

Owns when: 36, 50, 65 and 72 hours of failure without a success between, and half-way to a purge that would take
undelivered data away. At 72 hours the destination is paused and its rows are held.
"""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet

from apps.audit.events import SYSTEM

from ..models import Delivery, Destination
from ..states import CLAIMABLE, DeliveryState, DestinationState
from .destinations import lock_destination, pause_destination
from .telling import tell_trouble

# Shares of the clock (72 hours unless GIVE_UP_SECONDS says otherwise), kept as the hours they stand for.
ALERTS = {36: 0.5, 50: 50 / 72, 65: 65 / 72, 72: 1.0}
EARLY = 1  # told before the first of them, because a purge comes sooner


def warn_of_trouble(*, now: dt.datetime) -> int:
    """Mail what is due, pause what is at its end; return how many destinations were told of."""
    half = now - dt.timedelta(seconds=settings.GIVE_UP_SECONDS * ALERTS[36])
    late = Destination.objects.filter(state=DestinationState.ENABLED, first_failure_at__lte=half)
    told = sum(_warn(destination, now) for destination in late.order_by("first_failure_at", "id")[:500])
    return told + sum(_warn_early(pk, now) for pk in _find_purges_ahead(now))


@transaction.atomic
def _warn(destination: Destination, now: dt.datetime) -> int:
    locked = lock_destination(destination)
    if locked.state != DestinationState.ENABLED or locked.first_failure_at is None:
        return 0
    gone = (now - locked.first_failure_at).total_seconds() / settings.GIVE_UP_SECONDS
    hours = max((hours for hours, share in ALERTS.items() if gone >= share), default=0)
    if hours <= locked.alerted_hours:
        return 0
    waiting = _waiting(locked)
    code = waiting.exclude(error_code="").order_by("-next_attempt_at").values_list("error_code", flat=True).first()
    Destination.objects.filter(pk=locked.pk).update(alerted_hours=hours)
    if gone >= 1:
        reason = f"No delivery has succeeded for {hours} hours ({code or 'see its deliveries'}). Test the connection."
        pause_destination(destination=locked, reason=reason, cause="unreachable", code=code or "", by=SYSTEM)
    else:
        pauses_at = locked.first_failure_at + dt.timedelta(seconds=settings.GIVE_UP_SECONDS)
        tell_trouble(locked, hours=hours, waiting=waiting.count(), code=code or "", end="paused", ends_at=pauses_at)
    return 1


def _find_purges_ahead(now: dt.datetime) -> list[UUID]:
    """Return destinations that fail while data is to be purged before the clock ends, half-way there or later."""
    limit = dt.timedelta(seconds=settings.GIVE_UP_SECONDS - 60)
    rows = Delivery.objects.filter(
        Q(give_up_at__lt=F("created_at") + limit),
        state=DeliveryState.RETRYING,
        created_at__lte=now - (F("give_up_at") - F("created_at")) / 2,
        destination__state=DestinationState.ENABLED,
        destination__first_failure_at__isnull=False,
        destination__alerted_hours=0,
    )
    return list(rows.order_by().values_list("destination_id", flat=True).distinct()[:500])


@transaction.atomic
def _warn_early(destination_id: UUID, now: dt.datetime) -> int:
    locked = lock_destination(Destination(pk=destination_id))
    first = _waiting(locked).order_by("give_up_at").first()
    if locked.alerted_hours or locked.first_failure_at is None or first is None or first.give_up_at is None:
        return 0
    Destination.objects.filter(pk=locked.pk).update(alerted_hours=EARLY)
    tell_trouble(
        locked,
        hours=int((now - locked.first_failure_at).total_seconds() // 3600),
        waiting=_waiting(locked).count(),
        code=first.error_code,
        end="purged",
        ends_at=first.give_up_at,
    )
    return 1


def _waiting(destination: Destination) -> QuerySet[Delivery]:
    return Delivery.objects.filter(destination=destination, state__in=CLAIMABLE)
