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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.audit.services import record_event
from apps.encryption.envelope import EnvelopeError
from apps.outbound.failures import DeliveryError
from apps.outbox.claims import LostLease, heartbeat
from apps.records.selectors import find_view

from ..connectors.base import Batch, Receipt
from ..models import Delivery
from ..selectors import connector_for, place_of
from .settling import Outcome, settle_delivery
from .spooling import Spooled, our_fault, spooled

logger = logging.getLogger("relay.delivery")
CONTENT_TYPE = "application/fhir+ndjson"

# Live first, then the least recently served destination that has something due (queue.md 5.3).
CANDIDATE = """
SELECT d.id FROM destinations_destination d
WHERE d.state = 'ENABLED'
  AND EXISTS (SELECT 1 FROM destinations_delivery v WHERE v.destination_id = d.id
              AND v.state IN ('PENDING', 'RETRYING') AND v.next_attempt_at <= now())
  AND (SELECT count(*) FROM destinations_delivery v WHERE v.destination_id = d.id
       AND v.state = 'RUNNING' AND v.lease_until > now()) < d.concurrency
ORDER BY d.mode = 'live' DESC, d.last_served_at ASC NULLS FIRST, d.id
LIMIT 1 FOR UPDATE OF d SKIP LOCKED
"""


# An attempt that was counted and left no row was cut off: what it wrote is unknown.
CLAIM = """
WITH served AS (UPDATE destinations_destination SET last_served_at = now() WHERE id = %(destination)s)
UPDATE destinations_delivery v
SET state = 'RUNNING', lease_token = %(token)s, lease_until = now() + %(lease)s * interval '1 second',
    attempts = attempts + 1
WHERE id = (SELECT id FROM destinations_delivery
            WHERE destination_id = %(destination)s AND state IN ('PENDING', 'RETRYING') AND next_attempt_at <= now()
            ORDER BY next_attempt_at, id LIMIT 1)
  AND state IN ('PENDING', 'RETRYING')
RETURNING id, attempts > 1 AND (
    SELECT v.attempts - 1 > count(*) OR coalesce(bool_or(unknown_outcome), false)
    FROM destinations_deliveryattempt a WHERE a.delivery_id = v.id)
"""
NOTE = "UPDATE destinations_delivery SET sha256 = %s, bytes = %s, resources = %s WHERE id = %s AND lease_token = %s"
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
    view = find_view(delivery.authorization, seq=delivery.seq)
    if not delivery.authorization.is_active(timezone.now()) or view is None:
        return Outcome(cancelled="data_purged" if delivery.authorization.purged_at else "authorization_ended")
    try:
        with spooled(delivery, claim.token, view) as body:
            return _send(claim, body)
    except DeliveryError as error:  # of the spool: nothing was sent
        return Outcome(error=error)


def _send(claim: Claim, body: Spooled) -> Outcome:
    """Record what is about to leave, if the row is still ours, and send it. Raises: LostLease."""
    delivery = claim.delivery
    # The last look before the wire: a revocation in between has taken the fence away (architecture 6).
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [body.sha256, body.size_bytes, body.resources, delivery.pk, claim.token])
        if not cursor.rowcount:
            raise LostLease(str(delivery.pk))
    batch = Batch(
        path=body.path,
        object_key=delivery.object_key,
        content_type=CONTENT_TYPE,
        size_bytes=body.size_bytes,
        sha256_hex=body.sha256,
        earlier_attempt_unknown=claim.earlier_attempt_unknown,
    )
    try:
        return Outcome(body=body, receipt=connector_for(delivery.destination).deliver(batch))
    except DeliveryError as error:
        return Outcome(body=body, error=error)
    except EnvelopeError:
        message = "The destination's secret cannot be opened with FIELD_ENCRYPTION_KEYS."
        return Outcome(body=body, error=our_fault("secret-sealed", message, permanent=False))


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
