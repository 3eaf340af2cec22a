"""What our rows say should lie in a destination's storage, in the order in which storage lists it.

Owns which row explains which key. Reads in chunks by key, never one open cursor, and holds one patient authorization's
rows at most: a million rows take no more memory than a thousand.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.states import ACTIVE

from ..manifests import Role, part_key
from ..models import Delivery, Destination
from ..states import DeliveryKind, DeliveryState

ROWS = 1000
WAITING = (DeliveryState.PENDING, DeliveryState.RUNNING, DeliveryState.RETRYING, DeliveryState.HELD)
SUFFIXES = sorted((part_key("", role) for role in Role), key=len, reverse=True)

CHUNK = """
SELECT v.id, v.object_key, v.state, v.kind, v.reason, v.bytes, v.sha256, v.parts, v.delivered_at, a.purged_at
FROM destinations_delivery v JOIN authorizations_patientauthorization a ON a.id = v.authorization_id
WHERE v.destination_id = %s AND starts_with(v.object_key, %s) AND v.object_key COLLATE "C" > %s
ORDER BY v.object_key COLLATE "C" LIMIT %s
"""
# Of what was delivered to a destination, each object with its length and hash.
DELIVERED = """
FROM (SELECT v.id, v.bytes AS size, v.sha256 AS sha256 FROM destinations_delivery v
      WHERE v.destination_id = %s AND v.state = 'DELIVERED' AND v.parts = '[]'
      UNION ALL
      SELECT v.id, (p ->> 'bytes')::bigint, p ->> 'sha256'
      FROM destinations_delivery v CROSS JOIN jsonb_array_elements(v.parts) p
      WHERE v.destination_id = %s AND v.state = 'DELIVERED' AND v.parts <> '[]') known
"""
SIZES = f"SELECT DISTINCT size {DELIVERED} WHERE size = ANY(%s)"
TWINS = f"SELECT DISTINCT ON (sha256) sha256, id {DELIVERED} WHERE sha256 = ANY(%s) ORDER BY sha256, id"


class Fate(StrEnum):
    """What became of a row, as far as the storage is concerned."""

    DELIVERED = "delivered"
    PURGED = "purged"  # its data is gone here, so it may be gone there
    WAITING = "waiting"
    FAILED = "failed"
    ELSEWHERE = "elsewhere"  # delivered before the destination was pointed here
    UNSENT = "unsent"  # skipped, cancelled, superseded


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """One object that a row names; `is_first` counts the row once, however many objects it has."""

    key: str
    fate: Fate
    delivery_id: UUID
    size_bytes: int
    sha256: str
    is_first: bool


def list_expected(destination: Destination, *, after: str) -> Iterator[Expected]:
    """Yield what the rows name below the destination's prefix and behind the key `after`, in byte order."""
    moved_at = find_moved_at(destination)
    # The objects of one row lie side by side: begin with the folder, and leave out what is not behind.
    for _, rows in groupby(_list_rows(destination, _folder(after)), key=lambda row: _folder(row[1])):
        named = [each for row in rows for each in _objects(row, moved_at)]
        yield from (each for each in sorted(named, key=lambda each: each.key) if each.key > after)


def _list_rows(destination: Destination, after: str) -> Iterator[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [()]
    while rows:
        with connection.cursor() as cursor:
            cursor.execute(CHUNK, [destination.pk, destination.prefix, after, ROWS])
            rows = cursor.fetchall()
        yield from rows
        after = rows[-1][1] if rows else ""


def _objects(row: tuple[Any, ...], moved_at: dt.datetime | None) -> Iterator[Expected]:
    pk, key, state, kind, reason, size, sha256, parts, delivered_at, purged_at = row
    fate = _fate(state, kind, reason, delivered_at, purged_at, moved_at)
    named = json.loads(parts) or [{"key": key, "bytes": size, "sha256": sha256}]
    for number, part in enumerate(named):
        yield Expected(
            key=part["key"],
            fate=fate,
            delivery_id=pk,
            size_bytes=part["bytes"] or 0,
            sha256=part["sha256"],
            is_first=number == 0,
        )


def _fate(
    state: str,
    kind: str,
    reason: str,
    delivered_at: dt.datetime | None,
    purged_at: dt.datetime | None,
    moved_at: dt.datetime | None,
) -> Fate:
    if reason == "data_purged":
        return Fate.PURGED
    if state == DeliveryState.DELIVERED:
        if purged_at is not None and kind != DeliveryKind.TOMBSTONE:
            return Fate.PURGED
        is_old = moved_at is not None and delivered_at is not None and delivered_at < moved_at
        return Fate.ELSEWHERE if is_old else Fate.DELIVERED
    if state in WAITING:
        return Fate.WAITING
    return Fate.FAILED if state == DeliveryState.FAILED else Fate.UNSENT


def count_outside(destination: Destination) -> int:
    """Count what was delivered below a prefix that the destination had before."""
    delivered = Delivery.objects.filter(destination=destination, state=DeliveryState.DELIVERED)
    return delivered.exclude(object_key__startswith=destination.prefix).count()


def find_moved_at(destination: Destination) -> dt.datetime | None:
    """Return when the destination was last pointed at another bucket; what was delivered before is not there."""
    changes = AuditEvent.objects.filter(target_type="destination", target_id=str(destination.pk))
    moves = changes.filter(action="destination.changed", detail__fields__contains=["bucket"])
    return moves.order_by("-id").values_list("at", flat=True).first()


def find_explained(destination: Destination, keys: Collection[str]) -> set[str]:
    """Return those of `keys` that some row of ours names: of any destination in the same bucket, deleted ones too.

    Of a delivery that is on its way, any object may be there already.
    """
    stems = {key: _stem(key) for key in keys}
    owners = {part_key(f"{stem}.ndjson", role) for stem in stems.values() for role in (Role.DATA, Role.DELETED)}
    rows = Delivery.objects.filter(object_key__in=owners, destination__bucket=destination.bucket)
    named, on_their_way = set[str](), set[str]()
    for key, state, parts in rows.values_list("object_key", "state", "parts"):
        named |= {key, *(part["key"] for part in parts)}
        if state != DeliveryState.DELIVERED:
            on_their_way.add(_stem(key))
    return {key for key in keys if key in named or stems[key] in on_their_way}


def find_known_sizes(destination: Destination, sizes: Sequence[int]) -> set[int]:
    """Return those of `sizes` that a delivered object has."""
    return {size for (size,) in _ask(SIZES, destination, sizes)}


def find_twins(destination: Destination, hashes: Sequence[str]) -> dict[str, UUID]:
    """Return a delivery for each of `hashes` that a delivered object has."""
    return dict(_ask(TWINS, destination, hashes))


def _ask(query: str, destination: Destination, values: Sequence[int] | Sequence[str]) -> list[tuple[Any, ...]]:
    if not values:
        return []
    with connection.cursor() as cursor:
        cursor.execute(query, [destination.pk, destination.pk, list(values)])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def list_unscheduled(destination: Destination, *, now: dt.datetime) -> QuerySet[PatientAuthorization]:
    """Return active authorizations whose current sync came after the destination was first enabled and has no row."""
    enabled = AuditEvent.objects.filter(target_type="destination", target_id=str(destination.pk))
    enabled_at = enabled.filter(action="destination.enabled").order_by("id").values_list("at", flat=True).first()
    if enabled_at is None:
        return PatientAuthorization.objects.none()
    own = Delivery.objects.filter(destination=destination, authorization=OuterRef("pk"), seq=OuterRef("current_seq"))
    return PatientAuthorization.objects.filter(
        ~Exists(own.exclude(kind=DeliveryKind.REPLAY)),
        Q(purge_at=None) | Q(purge_at__gt=now),
        application=destination.application_id,
        mode=destination.mode,
        state__in=ACTIVE,
        current_sync_job_id__isnull=False,
        last_synced_at__gt=enabled_at,
        purged_at=None,
    ).order_by("created_at", "id")


def _folder(key: str) -> str:
    return key[: key.rfind("/") + 1]


def _stem(key: str) -> str:
    return next((key.removesuffix(suffix) for suffix in SUFFIXES if key.endswith(suffix)), key)
