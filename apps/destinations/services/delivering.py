"""Deliver: fair claim, act without a transaction, settle (D8). The fence says who may write the outcome."""

from __future__ import annotations

import datetime as dt
import logging
import os
import random
import socket
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import close_old_connections, connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from apps.audit.events import SYSTEM
from apps.audit.services import record_event
from apps.encryption.envelope import EnvelopeError
from apps.outbound.failures import DeliveryError
from apps.outbox.claims import LostLease, heartbeat
from apps.outbox.faults import FaultPoint, pass_fault_point
from apps.records.selectors import find_view

from ..breaker import OPENS_AT
from ..connectors.base import Batch, Receipt
from ..manifests import CONTENT_TYPES, PLAIN, Plan
from ..models import Delivery
from ..selectors import connector_for, place_of
from ..states import DeliveryKind
from .sealing import Superseded, plan_delivery
from .settling import Outcome, settle_delivery, told_parts
from .spooling import Part, our_fault, spooled

logger = logging.getLogger("relay.delivery")

# Sealed deliveries of one authorization go one by one, in the order of their syncs.
DUE = """v.state IN ('PENDING', 'RETRYING') AND v.next_attempt_at <= now()
    AND (NOT (d.manifest OR d.tombstones) OR NOT EXISTS (
        SELECT 1 FROM destinations_delivery e
        WHERE e.destination_id = v.destination_id AND e.authorization_id = v.authorization_id AND e.id <> v.id
          AND (e.state = 'RUNNING' OR (e.state IN ('PENDING', 'RETRYING', 'HELD') AND e.seq < v.seq
                                       AND e.kind <> 'replay' AND v.kind <> 'replay'))))"""
# Live first, then the least recently served destination that has something due (queue.md 5.3); one whose breaker is
# open is left alone, and gets one probe after that.
CANDIDATE = f"""
SELECT d.id FROM destinations_destination d
WHERE d.state = 'ENABLED' AND (d.open_until IS NULL OR d.open_until <= now())
  AND EXISTS (SELECT 1 FROM destinations_delivery v WHERE v.destination_id = d.id AND {DUE})
  AND (SELECT count(*) FROM destinations_delivery v WHERE v.destination_id = d.id
       AND v.state = 'RUNNING' AND v.lease_until > now())
      < CASE WHEN d.fail_streak < {OPENS_AT} THEN d.concurrency ELSE 1 END
ORDER BY d.mode = 'live' DESC, d.last_served_at ASC NULLS FIRST, d.id
LIMIT 1 FOR UPDATE OF d SKIP LOCKED
"""  # noqa: S608
# A back-fill goes behind what is live. An attempt that was counted and left no row was cut off: what it wrote is
# unknown.
CLAIM = f"""
WITH served AS (UPDATE destinations_destination SET last_served_at = now() WHERE id = %(destination)s)
UPDATE destinations_delivery v
SET state = 'RUNNING', lease_token = %(token)s, lease_until = now() + %(lease)s * interval '1 second',
    attempts = attempts + 1
WHERE id = (SELECT v.id FROM destinations_delivery v JOIN destinations_destination d ON d.id = v.destination_id
            WHERE v.destination_id = %(destination)s AND {DUE}
            ORDER BY v.kind = 'backfill', v.next_attempt_at, v.id LIMIT 1)
  AND state IN ('PENDING', 'RETRYING')
RETURNING id, attempts > 1 AND (
    SELECT v.attempts - 1 > count(*) OR coalesce(bool_or(unknown_outcome), false)
    FROM destinations_deliveryattempt a WHERE a.delivery_id = v.id)
"""  # noqa: S608
NOTE = """
UPDATE destinations_delivery SET sha256 = %s, bytes = %s, resources = %s, plan = %s, parts = %s
WHERE id = %s AND lease_token = %s
"""
# One join more costs the planner more than a query of its own would.
LOADED_WITH = ("destination__application", "destination__secret", "authorization__partition")


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery and the fence that lets us settle it."""

    delivery: Delivery
    token: uuid.UUID
    earlier_attempt_unknown: bool


def deliver_next() -> bool:
    """Attempt the next due delivery; False when none is due. Never raises for what a destination does."""
    claim = _claim()
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


def _claim() -> Claim | None:
    token = uuid.uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(CANDIDATE)
        found = cursor.fetchone()
        if found is None:
            return None
        # A statement of its own: it sees what the holder of the lock before us has committed.
        cursor.execute(CLAIM, {"destination": found[0], "token": token, "lease": settings.LEASE_SECONDS})
        row = cursor.fetchone()
    if row is None:
        return None
    delivery_id, unknown = row
    return Claim(Delivery.objects.select_related(*LOADED_WITH).get(pk=delivery_id), token, unknown)


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
        connector = connector_for(claim.delivery.destination)
        for part in parts:
            if part.role in written:
                continue
            receipt = connector.deliver(_batch(claim, part))
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


def _note(claim: Claim, plan: Plan, parts: list[Part], written: Collection[str]) -> None:
    """Take the last look before the wire: a revocation in between has taken the fence away. Raises: LostLease."""
    delivery, first = claim.delivery, parts[0]
    sealed = plan != PLAIN
    told: list[Any] = [Jsonb(plan.as_json() if sealed else {}), Jsonb(told_parts(parts, written) if sealed else [])]
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [first.sha256, first.size_bytes, first.lines, *told, delivery.pk, claim.token])
        if not cursor.rowcount:
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


class _Beats:
    """One thread of this process prolongs the leases of all its running attempts; the fence decides what they wrote."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[uuid.UUID, Claim] = {}
        self._thread: threading.Thread | None = None

    @contextmanager
    def keep(self, claim: Claim) -> Iterator[None]:
        with self._lock:
            self._held[claim.token] = claim
            if self._thread is None or not self._thread.is_alive():  # the first here, or after a fork
                self._thread = threading.Thread(target=self._beat, daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                del self._held[claim.token]
            close_old_connections()  # the database may have gone meanwhile: settling asks for a new connection then

    def _beat(self) -> None:
        while True:
            time.sleep(settings.LEASE_SECONDS / 4)
            with self._lock:
                running = list(self._held.values())
            for claim in running:
                try:
                    heartbeat(claim.delivery, claim.token)
                except LostLease:
                    continue
                except DatabaseFailure:  # away for a moment: the next beat may still be in time
                    connection.close()
            connection.close()


_beats = _Beats()


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
