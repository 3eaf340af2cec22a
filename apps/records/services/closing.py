"""Close a sequence, in the caller's transaction: end what was replaced or is gone, mend references, index (D4)."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from apps.fhir import codec
from apps.transforms.references import OTHER_REFERENCES, REFERENCE, reference_elements

from ..models import Partition, ReferenceTarget, StoredResource, UrnAlias
from ..selectors import View, fetch_binary
from .indexing import index_sequence

BATCH_ROWS = 500


@dataclass(frozen=True, slots=True)
class Closed:
    """The outcome: what is visible by type, what changed, and how many references lead nowhere here."""

    counts: dict[str, int]
    ended: int
    missing_references: int


def close_sequence(
    *, partition_id: int, seq: int, keys: Iterable[str], complete_types: Sequence[str], now: dt.datetime
) -> Closed:
    """End replaced versions and, for `complete_types` only, those whose key was not seen.

    Shape: keys are "Type/id" of everything that the source showed in this crawl.
    The caller sets the authorization's `current_seq` in the same transaction.
    """
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE seen_keys (key text PRIMARY KEY) ON COMMIT DROP")
        with cursor.cursor.copy("COPY seen_keys FROM STDIN") as copy:
            for key in set(keys):
                copy.write_row((key,))
        # Before the first ANALYZE the planner takes a partition for one row: its nested loops are quadratic.
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute(
            """
            UPDATE records_storedresource old SET last_seq = %(seq)s - 1, ended_at = %(now)s
            WHERE old.partition_id = %(partition)s AND old.last_seq IS NULL AND old.first_seq < %(seq)s
              AND EXISTS (SELECT 1 FROM records_storedresource new
                          WHERE new.partition_id = old.partition_id AND new.type = old.type
                            AND new.fhir_id = old.fhir_id AND new.first_seq = %(seq)s)
            """,
            {"seq": seq, "partition": partition_id, "now": now},
        )
        ended = cursor.rowcount
        cursor.execute(
            """
            UPDATE records_storedresource old SET last_seq = %(seq)s - 1, ended_at = %(now)s
            WHERE old.partition_id = %(partition)s AND old.last_seq IS NULL AND old.first_seq < %(seq)s
              AND old.type = ANY(%(types)s)
              AND NOT EXISTS (SELECT 1 FROM seen_keys s WHERE s.key = old.type || '/' || old.fhir_id)
            """,
            {"seq": seq, "partition": partition_id, "now": now, "types": list(complete_types)},
        )
        ended += cursor.rowcount
        cursor.execute("DROP TABLE seen_keys")
        cursor.execute("SET LOCAL enable_nestloop = on")
    view = View(partition_id, seq)
    missing = _mend_references(view, ended=ended, now=now)
    _keep_count(view, has_changed=index_sequence(view, now=now))
    return Closed(view.counts(), ended, missing)


def _keep_count(view: View, *, has_changed: bool) -> None:
    partition = Partition.objects.filter(pk=view.partition_id)
    if not has_changed and partition.filter(counted_seq=view.seq - 1).update(counted_seq=view.seq):
        return
    count, ids_sha256 = view.count_and_hash()
    partition.update(counted_seq=view.seq, resource_count=count, ids_sha256=ids_sha256)


def _mend_references(view: View, *, ended: int, now: dt.datetime) -> int:
    """Point every reference at what is here: locally if the target is, else at the source's own URL.

    Returns how many targets are not here.
    """
    staged = StoredResource.objects.filter(partition=view.partition_id, first_seq=view.seq)
    if not ended and not staged.exists():
        return ReferenceTarget.objects.filter(partition=view.partition_id, is_local=False).count()
    gone, back, still_missing = _targets_by_fate(view)
    aliased = _alias_replacements(view)
    replacements = {each.local.encode(): _escaped(each.external) for each in (*gone, *still_missing)}
    replacements |= {_escaped(each.external): each.local.encode() for each in back}
    replacements = aliased | replacements
    if replacements:
        # Flips concern every line; a target that was missing before concerns only the lines staged now.
        rows = view.rows() if gone or back or aliased else staged
        _rewrite(rows, view, replacements, now)
    ReferenceTarget.objects.filter(pk__in=[each.pk for each in gone]).update(is_local=False)
    ReferenceTarget.objects.filter(pk__in=[each.pk for each in back]).update(is_local=True)
    return len(gone) + len(still_missing)


@dataclass(frozen=True, slots=True)
class _Fate:
    pk: int
    local: str
    external: str


def _targets_by_fate(view: View) -> tuple[list[_Fate], list[_Fate], list[_Fate]]:
    """Return (newly missing, here again, missing as before)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT * FROM (
              SELECT t.id, t.type || '/' || t.fhir_id, t.external, t.is_local,
                     EXISTS (SELECT 1 FROM records_storedresource r
                             WHERE r.partition_id = t.partition_id
                               AND r.type = t.type AND r.fhir_id = t.fhir_id
                               AND r.first_seq <= %(seq)s AND r.last_seq IS NULL) AS here
              FROM records_referencetarget t WHERE t.partition_id = %(partition)s
            ) fates WHERE NOT (is_local AND here)
            """,
            {"seq": view.seq, "partition": view.partition_id},
        )
        rows = cursor.fetchall()
    gone = [_Fate(pk, local, external) for pk, local, external, is_local, here in rows if is_local and not here]
    back = [_Fate(pk, local, external) for pk, local, external, is_local, here in rows if here and not is_local]
    still = [_Fate(pk, local, external) for pk, local, external, is_local, here in rows if not here and not is_local]
    return gone, back, still


def _alias_replacements(view: View) -> dict[bytes, bytes]:
    """A reference by urn becomes local where its resource is here, and a urn again where it is gone."""
    rows = UrnAlias.objects.filter(partition=view.partition_id).order_by("pk")
    aliases = list(rows.values_list("local", "urn"))  # a resource may have several, the newest last
    if not aliases:
        return {}
    ids = [local.partition("/")[2] for local, _ in aliases]
    here = {f"{kind}/{pk}" for kind, pk in view.rows().filter(fhir_id__in=ids).values_list("type", "fhir_id")}
    return {
        **{urn.encode(): local.encode() for local, urn in aliases if local in here},
        **{local.encode(): urn.encode() for local, urn in aliases if local not in here},
    }


def _escaped(text: str) -> bytes:
    return codec.encode(text)[1:-1]


def _rewrite(rows: QuerySet[StoredResource], view: View, replacements: dict[bytes, bytes], now: dt.datetime) -> None:
    def replace(match: re.Match[bytes]) -> bytes:
        found = replacements.get(match[1])
        return match[0] if found is None else b'"reference":"' + found + b'"'

    after = 0
    while True:
        found = rows.filter(pk__gt=after).order_by("pk").values_list("pk", "type", "first_seq", "line")
        batch = fetch_binary(*found[:BATCH_ROWS].query.sql_with_params())
        staged: list[tuple[int, bytes]] = []
        older: list[tuple[int, bytes]] = []
        for pk, kind, first_seq, before in batch:
            if replacements.keys().isdisjoint(REFERENCE.findall(before)):
                continue  # most of them
            line = REFERENCE.sub(replace, before)
            if line != before and kind in OTHER_REFERENCES:
                line = _mended_by_element(before, replacements)
            if line != before:
                (staged if first_seq == view.seq else older).append((pk, line))
        _change_lines(staged)
        _add_versions(older, view.seq, now)
        if len(batch) < BATCH_ROWS:
            return
        after = batch[-1][0]


def _mended_by_element(line: bytes, replacements: dict[bytes, bytes]) -> bytes:
    resource = codec.decode(line)
    for element in reference_elements(resource):
        found = replacements.get(_escaped(element["reference"]))
        if found is not None:
            element["reference"] = codec.decode(b'{"to":"' + found + b'"}')["to"]
    return codec.encode(resource)


def _change_lines(changed: list[tuple[int, bytes]]) -> None:
    """Change versions of this sequence in place: nobody has seen them."""
    if not changed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE records_storedresource r SET line = new.line"
            " FROM unnest(%s::bigint[], %s::bytea[]) AS new(id, line) WHERE r.id = new.id",
            [[pk for pk, _ in changed], [line for _, line in changed]],
        )


def _add_versions(changed: list[tuple[int, bytes]], seq: int, now: dt.datetime) -> None:
    """End versions of older sequences and put new ones in their place.

    The hashes stay: they are of what the source sent, so the next refresh finds it unchanged.
    """
    if not changed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH new AS (SELECT * FROM unnest(%(ids)s::bigint[], %(lines)s::bytea[]) AS new(id, line)),
            ended AS (
                UPDATE records_storedresource r SET last_seq = %(seq)s - 1, ended_at = %(now)s
                FROM new WHERE r.id = new.id
            )
            INSERT INTO records_storedresource
                (partition_id, type, fhir_id, first_seq, stored_at, source_hash, content_hash, pipeline_version, line)
            SELECT r.partition_id, r.type, r.fhir_id, %(seq)s, %(now)s, r.source_hash, r.content_hash,
                   r.pipeline_version, new.line
            FROM new JOIN records_storedresource r ON r.id = new.id
            """,
            {"ids": [pk for pk, _ in changed], "lines": [line for _, line in changed], "seq": seq, "now": now},
        )
