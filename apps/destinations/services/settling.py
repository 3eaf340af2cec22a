"""Write an attempt's outcome in one transaction: attempt row, delivery, destination's health, audit event."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.audit.services import record_event
from apps.outbound.failures import DeliveryError, FaultOwner
from apps.outbound.retries import backoff_seconds
from apps.outbox.claims import settle
from apps.outbox.doorbell import Lane, wake
from apps.outbox.faults import FaultPoint, pass_fault_point
from apps.outbox.statements import run

from ..breaker import open_seconds
from ..connectors.base import Receipt
from ..manifests import PLAIN, Plan, Role
from ..models import Delivery, Destination
from ..selectors import place_of
from ..states import DeliveryKind, DeliveryState, DestinationState
from .destinations import HEALTHY, lock_destination, pause_destination
from .paging_operator import page_if_ours
from .spooling import SPOOL_STAGE, Part

REFUSALS_BEFORE_PAUSE = 3

# Of one row, whatever its destination is like: another's object has our name, it cannot fit, or the bytes have changed.
ROW_CODES = frozenset({"PreconditionFailed", "EntityTooLarge", "KeyTooLongError", "body-changed", "data-pruned"})
FINAL_CODES = ROW_CODES | {"EncryptionMismatch"}  # never tried again by itself
OUR_STAGES = (SPOOL_STAGE, "our_identity")


ATTEMPT = """
INSERT INTO destinations_deliveryattempt (delivery_id, number, started_at, milliseconds, succeeded, already_there,
    unknown_outcome, stage, code, message, owner, request_id, config_version, worker)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended: a receipt, an error, or not even begun (`cancelled`, `superseded`).

    `written`: the roles of the parts that are there.
    """

    plan: Plan = PLAIN
    parts: Sequence[Part] = ()
    written: Collection[str] = ()
    receipt: Receipt | None = None
    error: DeliveryError | None = None
    cancelled: str = ""
    superseded: bool = False

    @property
    def was_tried(self) -> bool:
        return not self.cancelled and not self.superseded


def told_parts(parts: Sequence[Part], written: Collection[str]) -> list[dict[str, Any]]:
    """Return what the row keeps of a sealed delivery's objects."""
    return [part.as_json() | ({"written": True} if part.role in written else {}) for part in parts]


@transaction.atomic
def settle_delivery(
    *,
    delivery: Delivery,
    token: uuid.UUID,
    outcome: Outcome,
    started_at: dt.datetime,
    milliseconds: int,
    worker: str,
    jitter: float,
) -> None:
    """Raises: LostLease, and then nothing is written."""
    # Only a failure may pause the destination or be held by it: a success takes no lock that others wait for.
    destination = lock_destination(delivery.destination) if outcome.error else delivery.destination
    now = timezone.now()
    changes = _changes(delivery, destination, outcome, now, jitter)
    if outcome.error is None and outcome.was_tried and delivery.kind != DeliveryKind.REPLAY:
        _end_streak(destination)  # before the row: everybody locks the destination first
    settle(delivery, token, **changes)
    if outcome.was_tried:
        _keep_attempt(delivery, destination, outcome, started_at, milliseconds, worker)
    if outcome.error is not None and delivery.kind != DeliveryKind.REPLAY:
        _note_failure(destination, outcome, outcome.error, now, took_seconds=milliseconds / 1000)
    body = outcome.parts[0] if outcome.parts else None
    record_event(
        action=f"delivery.{changes['state'].lower()}",
        by=SYSTEM,
        place=place_of(destination),
        target_type="delivery",
        target_id=delivery.pk,
        detail={
            "destination": str(destination.pk),
            "bytes": body.size_bytes if body else 0,
            "resources": body.lines if body else 0,
            "sha256": body.sha256 if body else "",
            "code": outcome.error.code if outcome.error else "",
        },
    )
    if outcome.error is not None:
        page_if_ours(outcome.error, attempts=delivery.attempts, now=now)
    pass_fault_point(FaultPoint.DELIVERY_SETTLING)


def _changes(
    delivery: Delivery, destination: Destination, outcome: Outcome, now: dt.datetime, jitter: float
) -> dict[str, Any]:
    if outcome.cancelled:
        return {"state": DeliveryState.CANCELLED.value, "reason": outcome.cancelled}
    if outcome.superseded:
        return {"state": DeliveryState.SUPERSEDED.value, "reason": "newer_delivered"}
    sealed = {"parts": told_parts(outcome.parts, outcome.written)} if outcome.plan != PLAIN else {}
    if outcome.error is None:
        body = outcome.parts[0]
        return {
            "state": DeliveryState.DELIVERED.value,
            "delivered_at": now,
            "error_code": "",
            "error_message": "",
            "error_owner": "",
            **sealed,
            **({"resource_counts": body.counts} if body.role == Role.DATA else {}),
        }
    error = outcome.error
    told = {"error_code": error.code, "error_message": str(error), "error_owner": error.owner.value, **sealed}
    due = now + dt.timedelta(seconds=max(backoff_seconds(delivery.attempts, jitter), error.retry_after_seconds or 0))
    # A replay is one attempt (rulings A8); a final code or the end of the clock fails the row.
    over = delivery.give_up_at is not None and due >= delivery.give_up_at
    if error.code in FINAL_CODES or over or delivery.kind == DeliveryKind.REPLAY:
        return {"state": DeliveryState.FAILED.value, **told}
    if _must_pause(destination, outcome) or destination.state != DestinationState.ENABLED:
        return {"state": DeliveryState.HELD.value, "held_at": now, **told}
    return {"state": DeliveryState.RETRYING.value, "next_attempt_at": due, **told}


def _is_refusal(outcome: Outcome) -> bool:
    """Whether only the destination's owner can repair it, and not for this row alone."""
    error = outcome.error
    if error is None or error.code in ROW_CODES:
        return False
    return error.permanent and error.owner == FaultOwner.CUSTOMER


def _must_pause(destination: Destination, outcome: Outcome) -> bool:
    return (
        _is_refusal(outcome)
        and destination.state == DestinationState.ENABLED
        and destination.refused_streak + 1 >= REFUSALS_BEFORE_PAUSE
    )


def _end_streak(destination: Destination) -> None:
    """Forget the failures that this attempt knew of when it was claimed."""
    if not destination.fail_streak and not destination.refused_streak:
        return
    failing = Destination.objects.filter(Q(fail_streak__gt=0) | Q(refused_streak__gt=0), pk=destination.pk)
    if failing.update(**HEALTHY):
        wake(Lane.DELIVER)  # what waited behind the breaker


def _note_failure(
    destination: Destination, outcome: Outcome, error: DeliveryError, now: dt.datetime, *, took_seconds: float
) -> None:
    """Count a failure against the destination's health; what never left this machine says nothing of it."""
    if error.stage in OUR_STAGES:
        return
    pausing = _must_pause(destination, outcome)
    destination.fail_streak += 1
    destination.refused_streak += _is_refusal(outcome)
    destination.first_failure_at = destination.first_failure_at or now
    if rest := open_seconds(destination.fail_streak, took_seconds=took_seconds):
        destination.open_until = now + dt.timedelta(seconds=rest)
    destination.save(update_fields=list(HEALTHY))
    if pausing:
        reason = f"Three deliveries in a row were refused ({error.code}). {error}"
        pause_destination(destination=destination, reason=reason, cause="refused", code=error.code, by=SYSTEM)


def _keep_attempt(
    delivery: Delivery,
    destination: Destination,
    outcome: Outcome,
    started_at: dt.datetime,
    milliseconds: int,
    worker: str,
) -> None:
    error, receipt = outcome.error, outcome.receipt
    run(
        ATTEMPT,
        [
            delivery.pk, delivery.attempts, started_at, milliseconds, error is None,
            receipt.already_there if receipt else False, error.unknown_outcome if error else False,
            error.stage if error else "", error.code if error else "", str(error) if error else "",
            error.owner.value if error else "",
            (error.request_id if error else receipt.request_id if receipt else "")[:128],
            destination.config_version, worker[:100],
        ],
    )  # fmt: skip
