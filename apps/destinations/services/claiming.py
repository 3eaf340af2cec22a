"""Claim the next delivery, fairly: live first, then whoever was served longest ago (queue.md 5.3).

Owns who is passed over: destinations at their limit or behind their breaker, and sealed deliveries before their turn.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import models, transaction

from apps.applications.models import Application
from apps.authorizations.models import PatientAuthorization
from apps.outbox.statements import columns_of, read, run
from apps.records.models import Partition

from ..breaker import OPENS_AT
from ..models import Delivery, Destination, DestinationSecret

LOADED: tuple[tuple[str, type[models.Model]], ...] = (
    ("v", Delivery), ("d", Destination), ("a", Application), ("p", PatientAuthorization), ("r", Partition),
    ("s", DestinationSecret),
)  # fmt: skip
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
      < CASE WHEN d.fail_streak < {OPENS_AT} THEN least(d.concurrency, %(share)s) ELSE 1 END
ORDER BY d.mode = 'live' DESC, d.last_served_at ASC NULLS FIRST, d.id
LIMIT 1 FOR UPDATE OF d SKIP LOCKED
"""  # noqa: S608
# A back-fill goes behind what is live. An attempt that was counted and left no row was cut off: what it wrote is
# unknown.
CLAIM = f"""
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),
    served AS (UPDATE destinations_destination SET last_served_at = now() WHERE id = %(destination)s)
UPDATE destinations_delivery v
SET state = 'RUNNING', lease_token = %(token)s, lease_until = now() + %(lease)s * interval '1 second',
    attempts = v.attempts + 1
FROM quick, destinations_destination d
    JOIN applications_application a ON a.id = d.application_id
    LEFT JOIN destinations_destinationsecret s ON s.destination_id = d.id,
    authorizations_patientauthorization p LEFT JOIN records_partition r ON r.authorization_id = p.id
WHERE v.id = (SELECT v.id FROM destinations_delivery v JOIN destinations_destination d ON d.id = v.destination_id
              WHERE v.destination_id = %(destination)s AND {DUE}
              ORDER BY v.kind = 'backfill', v.next_attempt_at, v.id LIMIT 1)
  AND v.state IN ('PENDING', 'RETRYING') AND d.id = v.destination_id AND p.id = v.authorization_id
RETURNING v.attempts > 1 AND (
    SELECT v.attempts - 1 > count(*) OR coalesce(bool_or(unknown_outcome), false)
    FROM destinations_deliveryattempt tried WHERE tried.delivery_id = v.id),
    {", ".join(columns_of(model, alias) for alias, model in LOADED)}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery and the fence that lets us settle it."""

    delivery: Delivery
    token: uuid.UUID
    earlier_attempt_unknown: bool


def claim_next() -> Claim | None:
    """Take a due delivery with all that an attempt needs; None when there is none.

    The claim is flushed to the disk by whatever commits next, and that comes before anything is sent.
    """
    token = uuid.uuid4()
    with transaction.atomic():
        found = run(CANDIDATE, {"share": settings.WORKERS_PER_DESTINATION}).fetchone()
        if found is None:
            return None
        # A statement of its own: it sees what the holder of the lock before us has committed.
        values = {"destination": found[0], "token": token, "lease": settings.LEASE_SECONDS}
        row = run(CLAIM, values).fetchone()
    return None if row is None else Claim(_read(row[1:]), token, bool(row[0]))


def _read(row: Sequence[Any]) -> Delivery:
    """Take a row of `CLAIM` apart, the relations filled."""
    values, at = [], 0
    for _, model in LOADED:
        width = len(model._meta.concrete_fields)
        values.append(row[at : at + width])
        at += width
    v, d, a, p, r, s = values
    delivery, destination, authorization = read(Delivery, v), read(Destination, d), read(PatientAuthorization, p)
    delivery.destination, delivery.authorization = destination, authorization
    destination.application = read(Application, a)
    if r[0] is not None:  # a partition or a secret may be gone
        authorization.partition = read(Partition, r)
    if s[0] is not None:
        destination.secret = read(DestinationSecret, s)
    return delivery
