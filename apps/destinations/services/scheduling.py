"""Make delivery rows: after a sync, as a retry or a replay. Keys are frozen here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.audit.events import Actor
from apps.audit.services import record_event
from apps.authorizations.models import PatientAuthorization
from apps.outbox.doorbell import Lane, wake
from apps.outbox.transitions import IllegalTransition, check_transition

from ..models import Delivery, Destination
from ..object_keys import object_key
from ..selectors import place_of
from ..states import DELIVERY_TRANSITIONS, DeliveryKind, DeliveryState, DestinationState
from .destinations import hold_deliveries, lock_destination


class DataPurged(Exception):
    """The lines of that sync are gone: nothing can be delivered again."""

    def __init__(self) -> None:
        super().__init__("The data of this sync was purged; it cannot be delivered again.")


class StillHeld(IllegalTransition):
    """A held delivery waits for its destination, not for a retry."""

    def __str__(self) -> str:
        return "This delivery is held because its destination is off. Enable the destination: it is released then."


# What a new row starts as, by the state of its destination.
FIRST_STATE = {
    DestinationState.ENABLED: DeliveryState.PENDING,
    DestinationState.PAUSED: DeliveryState.HELD,
    DestinationState.READY: DeliveryState.SKIPPED,
    DestinationState.UNTESTED: DeliveryState.SKIPPED,
}


def schedule_deliveries(
    *,
    authorization: PatientAuthorization,
    sync_job_id: UUID,
    seq: int,
    resource_counts: Mapping[str, int],
    gaps: Sequence[Mapping[str, object]] = (),
    now: dt.datetime,
) -> int:
    """Make one row per destination of this application and mode, in the caller's transaction.

    `gaps`: what the sync could not load whole. Shape: {"type", "reason"}.
    """
    destinations = Destination.objects.select_for_update(no_key=True).filter(
        application=authorization.application_id, mode=authorization.mode, state__in=FIRST_STATE
    )
    made = 0
    for destination in destinations.order_by("id"):
        state = FIRST_STATE[DestinationState(destination.state)]
        new_delivery(
            destination,
            authorization,
            sync_job_id=sync_job_id,
            seq=seq,
            counts=resource_counts,
            state=state,
            kind=DeliveryKind.LIVE,
            now=now,
            gaps=gaps,
        )
        made += 1
    if made:
        wake(Lane.DELIVER)
    return made


@transaction.atomic
def retry_delivery(*, delivery: Delivery, by: Actor, now: dt.datetime) -> None:
    """Try the same row again, same key. Raises: IllegalTransition, DataPurged."""
    destination = lock_destination(delivery.destination)
    locked = (
        Delivery.objects.select_for_update(of=("self",))
        .select_related("destination__application", "authorization")
        .get(pk=delivery.pk)
    )
    if locked.state == DeliveryState.HELD:
        raise StillHeld(locked.state, DeliveryState.RETRYING)
    if locked.state == DeliveryState.RETRYING:  # due later by itself: now, then
        Delivery.objects.filter(pk=locked.pk).update(next_attempt_at=now)
        wake(Lane.DELIVER)
        return
    if locked.state == DeliveryState.RUNNING:  # only its own worker may end that
        raise IllegalTransition(locked.state, DeliveryState.RETRYING)
    check_transition(DELIVERY_TRANSITIONS, DeliveryState(locked.state), DeliveryState.RETRYING)
    is_tombstone = locked.kind == DeliveryKind.TOMBSTONE  # it holds nothing that could be purged
    if not is_tombstone and (not locked.authorization.is_active(now) or locked.authorization.purged_at is not None):
        raise DataPurged
    locked.state, locked.next_attempt_at, locked.held_at = DeliveryState.RETRYING.value, now, None
    locked.give_up_at = give_up_time(None if is_tombstone else locked.authorization, now)
    locked.reason = ""
    locked.save(update_fields=["state", "next_attempt_at", "held_at", "give_up_at", "reason"])
    if not destination.enabled:
        hold_deliveries(destination)
    _record("delivery.retried", locked, by)
    wake(Lane.DELIVER)


@transaction.atomic
def replay_delivery(*, delivery: Delivery, by: Actor, now: dt.datetime) -> Delivery:
    """Deliver the same bytes again under a new key (rulings A8). Raises: DataPurged."""
    authorization = PatientAuthorization.objects.select_related("consent__end_user").get(pk=delivery.authorization_id)
    if not authorization.is_active(now) or authorization.purged_at is not None:
        raise DataPurged
    destination = lock_destination(delivery.destination)
    if destination.state == DestinationState.DELETED:
        raise IllegalTransition(DestinationState.DELETED, DestinationState.ENABLED)
    made = new_delivery(
        destination,
        authorization,
        sync_job_id=delivery.sync_job_id,
        seq=delivery.seq,
        counts=delivery.resource_counts,
        state=DeliveryState.PENDING if destination.enabled else DeliveryState.HELD,
        kind=DeliveryKind.REPLAY,
        now=now,
    )
    parts = [{name: value for name, value in part.items() if name != "written"} for part in delivery.parts]
    Delivery.objects.filter(pk=made.pk).update(
        replay_of=delivery, sha256=delivery.sha256, plan=delivery.plan, parts=parts, gaps=delivery.gaps
    )
    _record("delivery.replayed", delivery, by)
    wake(Lane.DELIVER)
    return made


def new_delivery(
    destination: Destination,
    authorization: PatientAuthorization,
    *,
    sync_job_id: UUID,
    seq: int,
    counts: Mapping[str, int],
    state: DeliveryState,
    kind: DeliveryKind,
    now: dt.datetime,
    gaps: Sequence[Mapping[str, object]] = (),
) -> Delivery:
    external_id = authorization.consent.end_user.external_id
    return Delivery.objects.create(
        application_id=destination.application_id,
        mode=destination.mode,
        destination=destination,
        authorization=authorization,
        sync_job_id=sync_job_id,
        seq=seq,
        kind=kind,
        state=state,
        held_at=now if state == DeliveryState.HELD else None,
        reason="destination_disabled" if state == DeliveryState.SKIPPED else "",
        external_id=external_id,
        object_key=object_key(
            prefix=destination.prefix,
            external_id=external_id,
            consent_id=authorization.consent_id,
            authorization_id=authorization.pk,
            sync_job_id=str(sync_job_id),
            timestamp=now,
        ),
        resource_counts=dict(counts),
        gaps=list(gaps),
        next_attempt_at=now,
        give_up_at=give_up_time(authorization, now),
    )


def give_up_time(authorization: PatientAuthorization | None, now: dt.datetime) -> dt.datetime:
    """Give up after the running clock's limit, and never later than the data's purge (rulings A7), if there is data."""
    limit = now + dt.timedelta(seconds=settings.GIVE_UP_SECONDS)
    purge_at = authorization.purge_at if authorization else None
    return min(limit, purge_at) if purge_at else limit


def _record(action: str, delivery: Delivery, by: Actor) -> None:
    record_event(
        action=action,
        by=by,
        place=place_of(delivery.destination),
        target_type="delivery",
        target_id=delivery.pk,
    )
