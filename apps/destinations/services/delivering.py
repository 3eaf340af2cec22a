"""Deliver: fair claim, act without a transaction, settle (D8). The fence says who may write the outcome."""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import socket
import time
from collections.abc import Collection
from typing import Any

from django.utils import timezone
from psycopg.types.json import Jsonb

from apps.audit.events import SYSTEM
from apps.audit.services import record_event
from apps.encryption.envelope import EnvelopeError
from apps.outbound.failures import DeliveryError, FaultOwner
from apps.outbox.claims import LostLease
from apps.outbox.faults import FaultPoint, pass_fault_point
from apps.outbox.statements import run
from apps.records.selectors import find_view

from ..connectors.base import Batch, Receipt
from ..manifests import CONTENT_TYPES, PLAIN, Plan
from ..selectors import connector_for, place_of
from ..states import DeliveryKind
from .beats import Beats
from .claiming import Claim, claim_next
from .replacing import adopt_if_accepted
from .sealing import Superseded, plan_delivery
from .settling import Outcome, settle_delivery, told_parts
from .spooling import Part, our_fault, spooled

logger = logging.getLogger("relay.delivery")
_beats = Beats()
ASSUME_ROLE = "assume_role"  # the stage at which a role refuses us

NOTE = """
UPDATE destinations_delivery SET sha256 = %s, bytes = %s, resources = %s, plan = %s, parts = %s
WHERE id = %s AND lease_token = %s
"""


def deliver_next() -> bool:
    """Attempt the next due delivery; False when none is due. Never raises for what a destination does."""
    claim = claim_next()
    if claim is None:
        return False
    pass_fault_point(FaultPoint.DELIVERY_CLAIMED)
    started, clock = timezone.now(), time.monotonic()
    try:
        with _beats.keep(claim):
            outcome = _attempt(claim)
    except LostLease:
        logger.warning("delivery %s lost its lease", claim.delivery.pk)
        return True
    milliseconds = int((time.monotonic() - clock) * 1000)
    try:
        settle_delivery(
            delivery=claim.delivery,
            token=claim.token,
            outcome=outcome,
            started_at=started,
            milliseconds=milliseconds,
            worker=f"{socket.gethostname()}:{os.getpid()}",
            jitter=random.random(),  # noqa: S311
        )
    except LostLease:
        _record_late_end(claim, outcome)
    pass_fault_point(FaultPoint.DELIVERY_SETTLED)
    return True


def _attempt(claim: Claim) -> Outcome:
    delivery = claim.delivery
    view = None
    if delivery.kind != DeliveryKind.TOMBSTONE:  # that one says that there is nothing any more
        view = find_view(delivery.authorization, seq=delivery.seq)
        if not delivery.authorization.is_active(timezone.now()) or view is None:
            return Outcome(cancelled="data_purged" if delivery.authorization.purged_at else "authorization_ended")
    try:
        plan = plan_delivery(delivery, view)
        with spooled(delivery, claim.token, plan, view) as parts:
            return _send(claim, plan, parts)
    except Superseded:
        return Outcome(superseded=True)
    except DeliveryError as error:  # of the spool: nothing was sent
        return Outcome(error=error)


def _send(claim: Claim, plan: Plan, parts: list[Part]) -> Outcome:
    """Record what is about to leave, if the row is still ours, and send it. Raises: LostLease."""
    written = {each["role"] for each in claim.delivery.parts if each.get("written")}
    _note(claim, plan, parts, written)
    receipt = None
    try:
        for part in parts:
            if part.role in written:
                continue
            receipt = _write(claim, part)
            written.add(part.role)
            pass_fault_point(FaultPoint.DELIVERY_PART_WRITTEN)
    except DeliveryError as error:
        return Outcome(plan=plan, parts=parts, written=written, error=error)
    except EnvelopeError:
        message = "The destination's secret cannot be opened with FIELD_ENCRYPTION_KEYS."
        sealed_off = our_fault("secret-sealed", message, permanent=False)
        return Outcome(plan=plan, parts=parts, written=written, error=sealed_off)
    pass_fault_point(FaultPoint.DELIVERY_WRITTEN)
    return Outcome(plan=plan, parts=parts, written=written, receipt=receipt)


def _write(claim: Claim, part: Part) -> Receipt:
    """Write one object; where only the next external ID opens the role any more, with that. Raises: DeliveryError."""
    destination, batch = claim.delivery.destination, _batch(claim, part)
    try:
        return connector_for(destination).deliver(batch)
    except DeliveryError as refused:
        is_trust = refused.stage == ASSUME_ROLE and refused.owner == FaultOwner.CUSTOMER
        if not is_trust or not adopt_if_accepted(destination):
            raise
    return connector_for(destination).deliver(batch)


def _note(claim: Claim, plan: Plan, parts: list[Part], written: Collection[str]) -> None:
    """Take the last look before the wire: a revocation in between has taken the fence away. Raises: LostLease."""
    delivery, first = claim.delivery, parts[0]
    sealed = plan != PLAIN
    told: list[Any] = [Jsonb(plan.as_json() if sealed else {}), Jsonb(told_parts(parts, written) if sealed else [])]
    values = [first.sha256, first.size_bytes, first.lines, *told, delivery.pk, claim.token]
    if not run(NOTE, values).rowcount:
        raise LostLease(str(delivery.pk))
    pass_fault_point(FaultPoint.DELIVERY_NOTED)


def _batch(claim: Claim, part: Part) -> Batch:
    return Batch(
        path=part.path,
        object_key=part.key,
        content_type=CONTENT_TYPES[part.role],
        size_bytes=part.size_bytes,
        sha256_hex=part.sha256,
        earlier_attempt_unknown=claim.earlier_attempt_unknown,
    )


def _record_late_end(claim: Claim, outcome: Outcome) -> None:
    """Name a write that finished after its lease (rulings B10): the row is somebody else's now."""
    logger.warning("delivery %s finished after its lease", claim.delivery.pk)
    if isinstance(outcome.receipt, Receipt):
        record_event(
            action="delivery.finished_late",
            by=SYSTEM,
            place=place_of(claim.delivery.destination),
            target_type="delivery",
            target_id=claim.delivery.pk,
            detail={"at": dt.datetime.now(dt.UTC).isoformat()},
        )
