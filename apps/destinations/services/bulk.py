"""Retry or replay many deliveries: fixed one by one when asked for, then worked off by the workers.

Each delivery is one transaction that holds the action's row: two workers never work on one action at once, and one
that dies in the middle leaves the delivery as it was. So each is taken exactly once (D7). It locks no more than a
single retry does, so it waits in no circle.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.applications.models import Application
from apps.audit.events import Actor, ActorKind, Place
from apps.audit.services import record_event
from apps.outbox.doorbell import Lane, wake
from apps.outbox.transitions import IllegalTransition

from ..models import BulkAction, BulkActionItem, Delivery
from ..states import BulkItemState, BulkState, BulkVerb, DeliveryState
from .scheduling import DataPurged, StillHeld, replay_delivery, retry_delivery

UNFINISHED = (BulkState.PENDING, BulkState.RUNNING)
ON_ITS_WAY = (DeliveryState.PENDING, DeliveryState.RUNNING)


class TooManyDeliveries(Exception):
    """More match than one action takes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"More than {most:,} deliveries match, and one action takes {most:,}. Narrow the filter.")


def list_matching(deliveries: QuerySet[Delivery]) -> list[UUID]:
    """Return the ids of what an action would touch, oldest first. Raises: TooManyDeliveries."""
    most = settings.BULK_ACTION_DELIVERIES
    ids = list(deliveries.order_by("created_at", "id").values_list("pk", flat=True)[: most + 1])
    if len(ids) > most:
        raise TooManyDeliveries(most)
    return ids


@transaction.atomic
def start_bulk_action(
    *,
    application: Application,
    mode: str,
    verb: BulkVerb,
    delivery_ids: Sequence[UUID],
    filter_used: Mapping[str, Any] | None,
    by: Actor,
    now: dt.datetime,
) -> BulkAction:
    """Fix which deliveries are meant and hand them to the workers; one of nothing is completed at once."""
    action = BulkAction.objects.create(
        application=application,
        mode=mode,
        verb=verb,
        filter=dict(filter_used) if filter_used is not None else None,
        delivery_count=len(delivery_ids),
        asked_by=asdict(by),
        state=BulkState.PENDING if delivery_ids else BulkState.COMPLETED,
        ended_at=None if delivery_ids else now,
    )
    items = (
        BulkActionItem(action=action, number=number, delivery_id=pk) for number, pk in enumerate(delivery_ids, start=1)
    )
    BulkActionItem.objects.bulk_create(items, batch_size=1_000)
    # Names of parameters only: their values may be a user's.
    detail = {"verb": verb.value, "deliveries": len(delivery_ids), "filtered_by": sorted(filter_used or ())}
    _record("bulk_action.started", action, by, detail)
    wake(Lane.BULK)
    return action


def run_next_bulk_item() -> bool:
    """Take the next delivery of the oldest action that nobody holds; False when there is none."""
    with transaction.atomic():
        unfinished = BulkAction.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
        unfinished = unfinished.filter(state__in=UNFINISHED).select_related("application")
        action = unfinished.order_by("created_at", "id").first()
        if action is None:
            return False
        _work(action, timezone.now())
    return True


def _work(action: BulkAction, now: dt.datetime) -> None:
    by = Actor(**{**action.asked_by, "kind": ActorKind(action.asked_by["kind"])})
    waiting = action.items.filter(state=BulkItemState.PENDING).order_by("number")
    related = ("delivery__destination__application__workspace", "delivery__authorization")
    item = waiting.select_related(*related).first()
    if item is None:
        action.state, action.ended_at = BulkState.COMPLETED.value, now
        action.save(update_fields=["state", "ended_at"])
        _record("bulk_action.completed", action, by, {"done": action.done_count, "skipped": action.skipped_count})
        return
    _take(item, BulkVerb(action.verb), by, now)
    item.save(update_fields=["state", "code", "message", "made"])
    action.state = BulkState.RUNNING.value
    if item.state == BulkItemState.DONE:
        action.done_count += 1
    else:
        action.skipped_count += 1
    action.save(update_fields=["state", "done_count", "skipped_count"])


def _take(item: BulkActionItem, verb: BulkVerb, by: Actor, now: dt.datetime) -> None:
    """Do it to one delivery, or note why not."""
    try:
        with transaction.atomic():
            if verb == BulkVerb.REPLAY:
                if item.delivery.state in ON_ITS_WAY:
                    raise OnItsWay(item.delivery.state, item.delivery.state)
                item.made = replay_delivery(delivery=item.delivery, by=by, now=now)
            else:
                retry_delivery(delivery=item.delivery, by=by, now=now)
    except (DataPurged, IllegalTransition) as refusal:
        item.state, item.code, item.message = BulkItemState.SKIPPED.value, _code(refusal), str(refusal)
    else:
        item.state = BulkItemState.DONE.value


class OnItsWay(IllegalTransition):
    """A delivery that is still to be written for the first time needs no replay."""

    def __str__(self) -> str:
        return "This delivery is still on its way; there is nothing to replay yet."


def _code(refusal: Exception) -> str:
    named = {DataPurged: "data_purged", StillHeld: "still_held", OnItsWay: "on_its_way"}
    return named.get(type(refusal), "illegal_transition")


def _record(action: str, bulk: BulkAction, by: Actor, detail: Mapping[str, Any]) -> None:
    place = Place(
        workspace_id=str(bulk.application.workspace_id), application_id=str(bulk.application_id), mode=bulk.mode
    )
    record_event(action=action, by=by, place=place, target_type="bulk_action", target_id=bulk.pk, detail=detail)
