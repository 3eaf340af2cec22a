"""Reads as of a sync sequence, always inside one partition (D4, D6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection
from django.db.models import Count, Q, QuerySet

from apps.authorizations.models import PatientAuthorization

from .models import Partition, StoredResource

# Read in chunks by key, never one open cursor: a slow reader must hold no snapshot (rulings C4).
CHUNK_ROWS = 200


@dataclass(frozen=True, slots=True)
class View:
    """A partition as of one sequence: what a reader sees, whole, whatever a running sync does."""

    partition_id: int
    seq: int

    def rows(self) -> QuerySet[StoredResource]:
        return StoredResource.objects.filter(
            Q(last_seq__isnull=True) | Q(last_seq__gte=self.seq),
            partition=self.partition_id,
            first_seq__lte=self.seq,
        )

    def counts(self) -> dict[str, int]:
        """Return how many resources of each type are visible, Patient first, then by type."""
        found = dict(self.rows().values_list("type").annotate(Count("id")).order_by("type"))
        return {kind: found[kind] for kind in sorted(found, key=lambda kind: (kind != "Patient", kind))}

    def line(self, resource_type: str, fhir_id: str) -> bytes | None:
        found = self.rows().filter(type=resource_type, fhir_id=fhir_id).values_list("line", flat=True).first()
        return None if found is None else bytes(found)

    def lines(self) -> Iterator[tuple[str, str, bytes]]:
        """Yield (type, id, line): Patient first, then by type and id, so equal sets are equal bytes."""
        for resource_type in self.counts():
            after = ""
            while True:
                chunk = fetch_binary(
                    self.rows()
                    .filter(type=resource_type, fhir_id__gt=after)
                    .order_by("fhir_id")
                    .values_list("fhir_id", "line")[:CHUNK_ROWS]
                )
                for fhir_id, line in chunk:
                    yield resource_type, fhir_id, line
                if len(chunk) < CHUNK_ROWS:
                    break
                after = chunk[-1][0]


def fetch_binary(rows: QuerySet[StoredResource, tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return the rows in the server's own form: as text a line is twice as long, and Python takes it apart.

    Shape: the values of `values_list`, binary ones as bytes.
    """
    query, parameters = rows.query.sql_with_params()
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, parameters, binary=True).fetchall()


def find_open_sources(partition_id: int, resource_type: str) -> dict[bytes, str]:
    """Return the source hash -> id of the newest open version of each resource of a type."""
    newest = (
        StoredResource.objects.filter(partition=partition_id, type=resource_type, last_seq__isnull=True)
        .order_by("fhir_id", "-first_seq")
        .distinct("fhir_id")
    )
    return dict(fetch_binary(newest.values_list("source_hash", "fhir_id")))


def find_view(authorization: PatientAuthorization, *, seq: int | None = None) -> View | None:
    """Return the authorization's partition as of `seq` (default: the current); None before the first sync."""
    as_of = authorization.current_seq if seq is None else seq
    if as_of == 0:
        return None
    partition = Partition.objects.filter(authorization=authorization).values_list("pk", flat=True).first()
    return None if partition is None else View(partition, as_of)
