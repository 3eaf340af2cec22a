"""Reads as of a sync sequence, always inside one partition (D4, D6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection
from django.db.models import Count, Q, QuerySet

from apps.authorizations.models import PatientAuthorization

from .models import StoredResource

# Read in chunks by key, never one open cursor: a slow reader must hold no snapshot (rulings C4).
CHUNK_ROWS = 200
CHUNK_BYTES = 4 * 2**20  # beyond its first row: a chunk of large documents must not fill the memory
CHUNK = """
SELECT type, fhir_id, line FROM (
    SELECT type, fhir_id, line, sum(octet_length(line)) OVER (ORDER BY type, fhir_id) - octet_length(line) AS before
    FROM (SELECT type, fhir_id, line FROM records_storedresource
          WHERE partition_id = %s AND first_seq > %s AND first_seq <= %s AND (last_seq IS NULL OR last_seq >= %s)
            AND (%s::text[] IS NULL OR type = ANY(%s::text[]))
            AND (%s::timestamptz IS NULL OR stored_at >= %s::timestamptz)
            AND (type, fhir_id) > (%s, %s) AND {kind}
          ORDER BY type, fhir_id LIMIT %s) rows
) measured WHERE before < %s ORDER BY type, fhir_id
"""
PATIENT_CHUNK, OTHERS_CHUNK = CHUNK.format(kind="type = 'Patient'"), CHUNK.format(kind="type <> 'Patient'")


DELETED = """
SELECT old.type, old.fhir_id FROM records_storedresource old
WHERE old.partition_id = %s AND old.first_seq <= %s AND old.last_seq >= %s AND old.last_seq < %s
  AND NOT EXISTS (SELECT 1 FROM records_storedresource new
                  WHERE new.partition_id = old.partition_id AND new.type = old.type AND new.fhir_id = old.fhir_id
                    AND new.first_seq <= %s AND (new.last_seq IS NULL OR new.last_seq >= %s))
ORDER BY old.type = 'Patient', old.type, old.fhir_id
"""


VISIBLE = """records_storedresource
WHERE partition_id = %s AND first_seq <= %s AND (last_seq IS NULL OR last_seq >= %s)
  AND (%s::text[] IS NULL OR type = ANY(%s::text[])) AND (%s::timestamptz IS NULL OR stored_at >= %s::timestamptz)"""
ADDRESSES = f"SELECT id, type, fhir_id FROM {VISIBLE} ORDER BY type <> 'Patient', type, fhir_id"  # noqa: S608
KEPT_COUNT = "SELECT resource_count, ids_sha256 FROM records_partition WHERE id = %s AND counted_seq = %s"
COUNT_AND_HASH = f"""
SELECT count(*), encode(sha256(convert_to(coalesce(
    string_agg(type || '/' || fhir_id, E'\\n' ORDER BY type || '/' || fhir_id), ''), 'UTF8')), 'hex') FROM {VISIBLE}
"""  # noqa: S608
ONE = """
SELECT id, stored_at, line FROM records_storedresource
WHERE partition_id = %s AND type = %s AND fhir_id = %s AND first_seq <= %s AND (last_seq IS NULL OR last_seq >= %s)
"""
CURRENT_ONE = """
SELECT s.id, s.stored_at, s.line FROM records_partition p JOIN records_storedresource s ON s.partition_id = p.id
WHERE p.authorization_id = %s AND s.type = %s AND s.fhir_id = %s
  AND s.first_seq <= %s AND (s.last_seq IS NULL OR s.last_seq >= %s)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """One version: its number, our instant of its change, its line."""

    pk: int
    stored_at: dt.datetime
    line: bytes


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

    def addresses(
        self, *, types: Sequence[str] | None = None, changed_from: dt.datetime | None = None
    ) -> list[tuple[int, str, str]]:
        """Return (number of the version, type, id) of what `lines` yields, in its order."""
        return fetch_binary(
            ADDRESSES, [self.partition_id, self.seq, self.seq, types, types, changed_from, changed_from]
        )

    def count_and_hash(
        self, *, types: Sequence[str] | None = None, changed_from: dt.datetime | None = None
    ) -> tuple[int, str]:
        """Return how many `lines` yields, and the hex SHA-256 of their sorted "Type/id", a line each.

        Of everything it was kept when the sequence closed; of less the server makes it, for a hundred thousand ids
        would be as large as everything else here.
        """
        if types is None and changed_from is None:
            kept = fetch_binary(KEPT_COUNT, [self.partition_id, self.seq])
            if kept:
                return kept[0][0], kept[0][1]
        seen = [self.partition_id, self.seq, self.seq, types, types, changed_from, changed_from]
        count, ids_sha256 = fetch_binary(COUNT_AND_HASH, seen)[0]
        return count, ids_sha256

    def find(self, resource_type: str, fhir_id: str) -> Stored | None:
        """Return one resource as it is visible here."""
        rows = fetch_binary(ONE, [self.partition_id, resource_type, fhir_id, self.seq, self.seq])
        return Stored(*rows[0]) if rows else None

    def line(self, resource_type: str, fhir_id: str) -> bytes | None:
        found = self.find(resource_type, fhir_id)
        return None if found is None else found.line

    def lines(
        self, *, since: int = 0, types: Sequence[str] | None = None, changed_from: dt.datetime | None = None
    ) -> Iterator[tuple[str, str, bytes]]:
        """Yield (type, id, line): Patient first, then by type and id, so equal sets are equal bytes.

        `since`: only what became visible after that sequence; `types`: only these; `changed_from`: only what changed
        at that instant or later.
        """
        for query in (PATIENT_CHUNK, OTHERS_CHUNK):
            after, is_last = ("", ""), False
            while not is_last:
                seen = [self.partition_id, since, self.seq, self.seq, types, types, changed_from, changed_from]
                chunk = fetch_binary(query, [*seen, *after, CHUNK_ROWS, CHUNK_BYTES])
                yield from chunk
                # Short in rows and in bytes: there is no more.
                is_last = len(chunk) < CHUNK_ROWS and sum(len(line) for _, _, line in chunk) < CHUNK_BYTES
                after = chunk[-1][:2] if chunk else after

    def deleted_since(self, seq: int) -> Iterator[tuple[str, str]]:
        """Yield (type, id) of what was visible as of `seq` and is so no more: the Patient last, others refer to it."""
        with connection.cursor() as cursor:
            cursor.execute(DELETED, [self.partition_id, seq, seq, self.seq, self.seq, self.seq])
            yield from cursor.fetchall()


def fetch_binary(query: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows in the server's own form: as text a line is twice as long, and Python takes it apart.

    Shape: binary columns as bytes.
    """
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, parameters, binary=True, prepare=True).fetchall()


def find_current(authorization: PatientAuthorization, resource_type: str, fhir_id: str) -> Stored | None:
    """Return one resource as it is visible now, in one statement: it is the most frequent read of all."""
    seq = authorization.current_seq
    rows = fetch_binary(CURRENT_ONE, [authorization.pk, resource_type, fhir_id, seq, seq])
    return Stored(*rows[0]) if rows else None


def find_open_sources(partition_id: int, resource_type: str) -> dict[bytes, str]:
    """Return the source hash -> id of the newest open version of each resource of a type."""
    newest = (
        StoredResource.objects.filter(partition=partition_id, type=resource_type, last_seq__isnull=True)
        .order_by("fhir_id", "-first_seq")
        .distinct("fhir_id")
    )
    return dict(fetch_binary(*newest.values_list("source_hash", "fhir_id").query.sql_with_params()))


PARTITIONS = "SELECT authorization_id, id, indexed_by FROM records_partition WHERE authorization_id = ANY(%s)"


def find_view(authorization: PatientAuthorization, *, seq: int | None = None) -> View | None:
    """Return the authorization's partition as of `seq` (default: the current); None before the first sync."""
    as_of = authorization.current_seq if seq is None else seq
    if as_of == 0:
        return None
    if "partition" in authorization._state.fields_cache:  # loaded with it
        return View(authorization.partition.pk, as_of)
    found = find_partitions([authorization]).get(authorization.pk)
    return None if found is None else View(found.pk, as_of)


@dataclass(frozen=True, slots=True)
class Kept:
    """A partition, and the extractor that its search index was made with."""

    pk: int
    indexed_by: int


def find_partitions(authorizations: Sequence[PatientAuthorization]) -> dict[UUID, Kept]:
    """Return by authorization what is kept of it."""
    rows = fetch_binary(PARTITIONS, [[each.pk for each in authorizations]])
    return {authorization_id: Kept(pk, indexed_by) for authorization_id, pk, indexed_by in rows}
