"""Stage versions of a running sync: written now, visible to nobody until the sequence is closed (D4)."""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from django.db import connection, transaction

from apps.authorizations.models import PatientAuthorization
from apps.transforms.pipeline import PIPELINE_VERSION, Target, Transformed

from ..models import LONGEST_URN, Partition, StoredResource, UrnAlias


def open_partition(authorization: PatientAuthorization) -> Partition:
    return Partition.objects.get_or_create(authorization=authorization)[0]


def discard_staged(*, partition_id: int, current_seq: int) -> int:
    """Forget what a sync staged that never closed."""
    staged = StoredResource.objects.filter(partition=partition_id, first_seq__gt=current_seq)
    return staged._raw_delete(using="default")


@transaction.atomic(savepoint=False)
def stage_resources(
    *,
    partition_id: int,
    seq: int,
    resources: Sequence[Transformed],
    targets: Sequence[Target],
    aliases: Mapping[str, str],
    now: dt.datetime,
) -> int:
    """Write what is new or changed as versions of `seq`; an unchanged resource is not written.

    The same resource twice in one crawl: the later one stands.
    Shape: targets are what the resources refer to, as far as this crawl has not kept them yet; aliases are
    urn -> "Type/our id" of resources that the source also names so. Returns how many were written.
    """
    latest = {(each.type, each.id): each for each in resources}
    known = _known_versions(partition_id, list(latest))
    fresh, superseded = [], []
    for key, each in latest.items():
        versions = known.get(key, [])
        same = [first_seq for first_seq, *what in versions if what == [each.content_hash, PIPELINE_VERSION]]
        if same and same[0] == versions[0][0]:
            continue
        if versions and versions[0][0] == seq:
            superseded.append(key)
        # Shown differently before in this crawl, and now as it was kept: the kept version goes on.
        if not same:
            fresh.append(each)
    if superseded:
        _drop_staged(partition_id, seq, superseded)
    if fresh:
        _copy(partition_id, seq, fresh, now)
    _keep_targets(partition_id, targets)
    # Also of unchanged resources: a source may name them by another urn each time.
    named = [UrnAlias(partition_id=partition_id, urn=urn, local=local) for urn, local in aliases.items()
             if len(urn) <= LONGEST_URN]  # fmt: skip
    if named:
        UrnAlias.objects.bulk_create(named, ignore_conflicts=True)
    return len(fresh)


def _known_versions(
    partition_id: int, keys: list[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[int, bytes, int]]]:
    """Return the open versions of each key, the one staged now before the kept one.

    Shape: (first_seq, content hash, pipeline version)
    LATERAL with LIMIT leaves the planner one way only: a look-up in the index for each key. Before the first
    ANALYZE it would else read the whole partition for every page.
    """
    if not keys:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT k.type, k.fhir_id, newest.first_seq, newest.content_hash, newest.pipeline_version
            FROM unnest(%s::text[], %s::text[]) AS k(type, fhir_id)
            CROSS JOIN LATERAL (
                SELECT r.first_seq, r.content_hash, r.pipeline_version FROM records_storedresource r
                WHERE r.partition_id = %s AND r.type = k.type AND r.fhir_id = k.fhir_id AND r.last_seq IS NULL
                ORDER BY r.first_seq DESC LIMIT 2
            ) newest
            ORDER BY newest.first_seq DESC
            """,
            [[key[0] for key in keys], [key[1] for key in keys], partition_id],
        )
        known: dict[tuple[str, str], list[tuple[int, bytes, int]]] = {}
        for kind, fhir_id, first_seq, content_hash, version in cursor.fetchall():
            known.setdefault((kind, fhir_id), []).append((first_seq, bytes(content_hash), version))
        return known


def _drop_staged(partition_id: int, seq: int, keys: list[tuple[str, str]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM records_storedresource r USING unnest(%s::text[], %s::text[]) AS k(type, fhir_id)
            WHERE r.partition_id = %s AND r.first_seq = %s AND r.type = k.type AND r.fhir_id = k.fhir_id
            """,
            [[key[0] for key in keys], [key[1] for key in keys], partition_id, seq],
        )


def _copy(partition_id: int, seq: int, resources: Sequence[Transformed], now: dt.datetime) -> None:
    with (
        connection.cursor() as cursor,
        cursor.cursor.copy(
            "COPY records_storedresource (partition_id, type, fhir_id, first_seq, stored_at, source_hash,"
            " content_hash, pipeline_version, line) FROM STDIN (FORMAT BINARY)"
        ) as copy,
    ):
        copy.set_types(["int8", "text", "text", "int4", "timestamptz", "bytea", "bytea", "int2", "bytea"])
        for each in resources:
            copy.write_row((
                partition_id, each.type, each.id, seq, now, each.source_hash, each.content_hash,
                PIPELINE_VERSION, each.line,
            ))  # fmt: skip


def _keep_targets(partition_id: int, targets: Sequence[Target]) -> None:
    distinct = {target.local: target for target in targets}
    if not distinct:
        return
    rows = [(each.type, local.removeprefix(f"{each.type}/"), each.source_id, each.external)
            for local, each in distinct.items()]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO records_referencetarget (partition_id, type, fhir_id, source_id, external, is_local)
            SELECT %s, *, true FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
            ON CONFLICT DO NOTHING
            """,
            [partition_id, *(list(column) for column in zip(*rows, strict=True))],
        )


@contextmanager
def without_cycle_collection() -> Iterator[None]:
    """Decoding makes many small objects: the cyclic collector costs five times the work (fhir-engine 3)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
