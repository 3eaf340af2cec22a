"""A revoked authorization's last delivery: that everything of it is to be deleted. It holds no data of its own.

Owns who gets one: every destination with that option that may hold something, a write that was on the wire included.
"""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import QuerySet

from apps.authorizations.models import PatientAuthorization
from apps.outbox.doorbell import Lane, wake

from ..manifests import Role, part_key
from ..models import Delivery, Destination
from ..object_keys import object_key
from ..states import DeliveryKind, DeliveryState, DestinationState


def schedule_tombstones(*, authorization: PatientAuthorization, now: dt.datetime) -> int:
    """Make one row per destination that was ever sent something; the caller cancels what has not left, afterwards."""
    destinations = Destination.objects.select_for_update(no_key=True).filter(
        application=authorization.application_id, mode=authorization.mode, tombstones=True
    )
    made = 0
    for destination in destinations.exclude(state=DestinationState.DELETED).order_by("id"):
        sent = Delivery.objects.filter(destination=destination, authorization=authorization, attempts__gt=0)
        counts = _add_up(sent)
        if counts:
            # A write that has begun may still end: what takes it back must come after it.
            is_writing = sent.filter(state=DeliveryState.RUNNING).exists()
            _new_tombstone(destination, authorization, counts, now, wait=settings.LEASE_SECONDS if is_writing else 0)
            made += 1
    if made:
        wake(Lane.DELIVER)
    return made


def _add_up(sent: QuerySet[Delivery]) -> dict[str, int]:
    """Return the types that may lie there, each with the largest number that was sent at once."""
    counts: dict[str, int] = {}
    for resource_counts, plan in sent.values_list("resource_counts", "plan"):
        for kind, number in [*resource_counts.items(), *plan.get("counts", {}).items()]:
            counts[kind] = max(number, counts.get(kind, 0))
    return counts


def _new_tombstone(
    destination: Destination,
    authorization: PatientAuthorization,
    counts: dict[str, int],
    now: dt.datetime,
    *,
    wait: float,
) -> None:
    job_id = authorization.current_sync_job_id or authorization.pk
    external_id = authorization.consent.end_user.external_id
    key = object_key(
        prefix=destination.prefix,
        external_id=external_id,
        consent_id=authorization.consent_id,
        authorization_id=authorization.pk,
        sync_job_id=job_id,
        timestamp=now,
    )
    Delivery.objects.create(
        application_id=destination.application_id,
        mode=destination.mode,
        destination=destination,
        authorization=authorization,
        sync_job_id=job_id,
        seq=authorization.current_seq,
        kind=DeliveryKind.TOMBSTONE,
        state=DeliveryState.PENDING if destination.enabled else DeliveryState.HELD,
        held_at=None if destination.enabled else now,
        external_id=external_id,
        object_key=part_key(key, Role.DELETED),
        resource_counts=counts,
        next_attempt_at=now + dt.timedelta(seconds=wait),
        give_up_at=now + dt.timedelta(seconds=settings.GIVE_UP_SECONDS),
    )
