"""Deliver: fair claim, act without a transaction, settle (D8). The fence says who may write the outcome."""

from __future__ import annotations

import datetime as dt
import hashlib
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
from pathlib import Path

from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.audit.services import record_event
from apps.outbound.failures import DeliveryError, FaultOwner
from apps.outbox.claims import LostLease, heartbeat, take
from apps.records.selectors import View, find_view

from ..connectors.base import Batch, Receipt
from ..models import Delivery, Destination
from ..selectors import connector_for, place_of
from ..states import CLAIMABLE, DeliveryState
from .settling import Outcome, settle_delivery

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
        with _kept_alive(claim):
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


@transaction.atomic
def _claim() -> Claim | None:
    with connection.cursor() as cursor:
        cursor.execute(CANDIDATE)
        found = cursor.fetchone()
    if found is None:
        return None
    row = (
        Delivery.objects.filter(destination=found[0], state__in=CLAIMABLE, next_attempt_at__lte=Now())
        .order_by("next_attempt_at", "id")
        .first()
    )
    if row is None:
        return None
    # An attempt that was counted and left no row was cut off: what it wrote is unknown.
    rows = list(row.attempt_rows.order_by("number").values_list("unknown_outcome", flat=True))
    unknown = row.attempts > len(rows) or any(rows)
    token = take(row, from_states=tuple(CLAIMABLE), to_state=DeliveryState.RUNNING)
    if token is None:
        return None
    Destination.objects.filter(pk=row.destination_id).update(last_served_at=Now())
    delivery = Delivery.objects.select_related(
        "destination__application__workspace", "destination__secret", "authorization__application"
    ).get(pk=row.pk)
    return Claim(delivery, token, unknown)


def _attempt(claim: Claim) -> Outcome:
    delivery = claim.delivery
    view = find_view(delivery.authorization, seq=delivery.seq)
    if not delivery.authorization.is_active(timezone.now()) or view is None:
        return Outcome(cancelled="data_purged" if delivery.authorization.purged_at else "authorization_ended")
    with _spooled(delivery, claim.token, view) as body:
        if delivery.sha256 and delivery.sha256 != body.sha256:
            return Outcome(
                body=body,
                error=DeliveryError(
                    "The lines of this sync are not what an earlier attempt sent.",
                    code="body-changed",
                    stage="spool",
                    permanent=True,
                    owner=FaultOwner.US,
                ),
            )
        Delivery.objects.filter(pk=delivery.pk, lease_token=claim.token).update(
            sha256=body.sha256, bytes=body.size_bytes, resources=body.resources
        )
        try:
            receipt = connector_for(delivery.destination).deliver(
                Batch(
                    path=body.path,
                    object_key=delivery.object_key,
                    content_type=CONTENT_TYPE,
                    size_bytes=body.size_bytes,
                    sha256_hex=body.sha256,
                    earlier_attempt_unknown=claim.earlier_attempt_unknown,
                )
            )
        except DeliveryError as error:
            return Outcome(body=body, error=error)
    return Outcome(body=body, receipt=receipt)


@dataclass(frozen=True, slots=True)
class Spooled:
    """A delivery's bytes on disk (0600, gone after the attempt)."""

    path: Path
    size_bytes: int
    resources: int
    sha256: str
    counts: dict[str, int]


@contextmanager
def _spooled(delivery: Delivery, token: uuid.UUID, view: View) -> Iterator[Spooled]:
    settings.SPOOL_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.SPOOL_DIR / f"{delivery.pk}.{token}.ndjson"
    digest, size, counts = hashlib.sha256(), 0, dict[str, int]()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for resource_type, _, line in view.lines():
                file.write(line)
                file.write(b"\n")
                digest.update(line)
                digest.update(b"\n")
                size += len(line) + 1
                counts[resource_type] = counts.get(resource_type, 0) + 1
        yield Spooled(path, size, sum(counts.values()), digest.hexdigest(), counts)
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _kept_alive(claim: Claim) -> Iterator[None]:
    """Prolong the lease from a thread while the attempt runs; a lost one ends the thread, the fence decides."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(settings.LEASE_SECONDS / 4):
            try:
                heartbeat(claim.delivery, claim.token)
            except LostLease:
                break
        connection.close()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        close_old_connections()


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
