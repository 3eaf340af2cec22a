"""The one way to write an audit event (rulings A5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg.types.json import Jsonb

from .chain import START, link
from .events import Actor, Place
from .models import AuditEvent, AuditSeal

INSERT = """
INSERT INTO audit_auditevent (workspace_id, application_id, mode, actor_kind, actor_id, actor_label, action,
    target_type, target_id, detail, ip, request_id)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# Of a reading: one statement that is its own transaction, whose commit waits for no disk.
INSERT_READING = f"{INSERT} RETURNING set_config('synchronous_commit', 'off', true)"


def record_event(
    *,
    action: str,
    by: Actor,
    place: Place,
    target_type: str = "",
    target_id: object = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Insert one event in the caller's transaction: it stands or falls with the change."""
    with connection.cursor() as cursor:  # in plain SQL: it is the most frequent insert of all
        cursor.execute(INSERT, _values(action, by, place, target_type, target_id, detail or {}))


def _values(
    action: str, by: Actor, place: Place, target_type: str, target_id: object, detail: Mapping[str, Any]
) -> list[Any]:
    return [
        place.workspace_id, place.application_id, place.mode, by.kind.value, by.id, by.label[:200], action,
        target_type, str(target_id), Jsonb(dict(detail)), by.ip, by.request_id,
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """What a reading showed: how many resources, and which.

    Shape: hex SHA-256 of the sorted ids, a line each.
    """

    count: int
    ids_sha256: str

    @classmethod
    def of(cls, ids: Iterable[str]) -> Shown:
        listed = sorted(ids)
        return cls(len(listed), sha256("\n".join(listed).encode()).hexdigest())


def record_reading(*, action: str, by: Actor, place: Place, target_id: object, shown: Shown) -> None:
    """One event for one reading of patient data.

    Committed without waiting for the disk (`synchronous_commit = off`); a refused insert refuses the read.
    """
    detail = {"count": shown.count, "ids_sha256": shown.ids_sha256}
    values = _values(action, by, place, "patient_authorization", target_id, detail)
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:  # planned once per connection: it goes with every read
        psycopg.Cursor(connection.connection).execute(INSERT_READING.encode(), values, prepare=True)


# Final rows only: written by a transaction older than every running one, or before a restore of the database.
SEALABLE = """
SELECT id FROM audit_auditevent
WHERE workspace_id = %s AND seal_number IS NULL
  AND (transaction_id < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
       OR transaction_id >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
ORDER BY id LIMIT %s
"""
SEAL_ROWS = 5_000


def seal_events() -> int:
    """Chain what is final and not sealed yet, workspace by workspace; return how many events."""
    waiting = AuditEvent.objects.filter(seal_number__isnull=True).values_list("workspace_id", flat=True).distinct()
    return sum(_seal_all(workspace_id) for workspace_id in list(waiting))


def _seal_all(workspace_id: str) -> int:
    total = 0
    while sealed := _seal_workspace(workspace_id):
        total += sealed
        if sealed < SEAL_ROWS:
            break
    return total


@transaction.atomic(durable=True)  # inside another transaction it would see that one's rows, and seal them
def _seal_workspace(workspace_id: str) -> int:
    with connection.cursor() as cursor:
        # One sealer per chain at a time; it ends with this transaction.
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 7))", [workspace_id])
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(SEALABLE, [workspace_id, SEAL_ROWS])
        ids = [row[0] for row in cursor.fetchall()]
    if not ids:
        return 0
    last = AuditSeal.objects.filter(workspace_id=workspace_id).order_by("-number").first()
    start = bytes(last.hash) if last else START
    number, previous = (last.number + 1 if last else 1), start
    events = list(AuditEvent.objects.filter(pk__in=ids).order_by("id"))
    for event in events:
        previous = link(previous, event)
        event.seal_number, event.hash = number, previous
    AuditEvent.objects.bulk_update(events, ["seal_number", "hash"], batch_size=500)
    AuditSeal.objects.create(
        workspace_id=workspace_id,
        number=number,
        first_event_id=ids[0],
        last_event_id=ids[-1],
        event_count=len(ids),
        previous_hash=start,
        hash=previous,
    )
    return len(ids)
