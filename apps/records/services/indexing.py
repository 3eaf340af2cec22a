"""Keep the search index at the current versions, inside the transaction that makes them current (D4, D5).

Owns writing it; refuses to read values out of resources (apps.fhir.search) and to index what is not visible.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from apps.authorizations.models import PatientAuthorization
from apps.fhir.search import values
from apps.fhir.search.entries import Entries, Token
from apps.fhir.search.extracting import EXTRACTOR_VERSION, decode_line, extract, shared_tags

from ..models import (
    CompositeIndex,
    CurrentResource,
    DateIndex,
    Partition,
    QuantityIndex,
    ReferenceIndex,
    StoredResource,
    StringIndex,
    TokenIndex,
    UriIndex,
)
from ..models.entries import EVERY_RESOURCE
from ..selectors import View, fetch_binary
from .staging import without_cycle_collection

BATCH_ROWS = 500
INDEXES = (TokenIndex, StringIndex, DateIndex, ReferenceIndex, QuantityIndex, UriIndex, CompositeIndex)
_COLUMNS: dict[type[Any], tuple[str, tuple[str, ...]]] = {
    # The order of the named tuples in apps.fhir.search.entries.
    TokenIndex: ("parameter, code, system", ("int4", "text", "int8")),
    StringIndex: ("parameter, normal, exact", ("int4", "text", "int8")),
    DateIndex: ("parameter, low, high", ("int4", "int8", "int8")),
    ReferenceIndex: ("parameter, target, target_type", ("int4", "text", "text")),
    QuantityIndex: ("parameter, low, high, code, system", ("int4", "numeric", "numeric", "text", "int8")),
    UriIndex: ("parameter, uri", ("int4", "text")),
    CompositeIndex: (
        'parameter, component, code, system, low, high, "group"',
        ("int4", "int2", "text", "int8", "numeric", "numeric", "int4"),
    ),
}


def index_sequence(view: View, *, now: dt.datetime) -> bool:
    """Bring the index of a partition to the sequence that the caller's transaction makes current.

    A partition that another extractor indexed, or none, is indexed whole. Shape: now is when the sequence's versions
    ended. Returns whether anything is visible that was not, or the other way round.
    """
    if not Partition.objects.filter(pk=view.partition_id, indexed_by=EXTRACTOR_VERSION).exists():
        _index_whole(view)
        return True
    versions = StoredResource.objects.filter(partition=view.partition_id, ended_at=now, last_seq=view.seq - 1)
    ended = list(versions.values_list("pk", flat=True))
    if ended:
        with connection.cursor() as cursor:
            for model in (CurrentResource, *INDEXES):
                delete = f"DELETE FROM {model._meta.db_table} WHERE partition_id = %s AND resource_id = ANY(%s)"  # noqa: S608
                cursor.execute(delete, [view.partition_id, ended])
    return _add(view, view.rows().filter(first_seq=view.seq)) > 0 or bool(ended)


def index_outdated(*, limit: int = 20) -> int:
    """Index partitions anew that another extractor indexed, or none; return how many (at most `limit`).

    The lock is that of a closing sync: whichever comes second sees what the first one made.
    """
    outdated = Partition.objects.exclude(indexed_by=EXTRACTOR_VERSION).filter(authorization__current_seq__gt=0)
    done = 0
    for partition_id in list(outdated.order_by("pk").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            held = PatientAuthorization.objects.select_for_update(skip_locked=True, no_key=True)
            authorization = held.filter(partition=partition_id).first()
            if authorization is not None:
                _index_whole(View(partition_id, authorization.current_seq))
                done += 1
    return done


def _index_whole(view: View) -> None:
    remove_entries(view.partition_id)
    _add(view, view.rows())
    Partition.objects.filter(pk=view.partition_id).update(indexed_by=EXTRACTOR_VERSION)


def remove_entries(partition_id: int) -> None:
    """Delete all that a partition is found by."""
    for model in (CurrentResource, *INDEXES):
        model.objects.filter(partition=partition_id)._raw_delete("default")


def _add(view: View, rows: QuerySet[StoredResource]) -> int:
    own_tags: set[Token] = set()
    added = 0
    for batch in _batches(rows):
        added += len(batch)
        with without_cycle_collection():
            _add_batch(view.partition_id, batch, own_tags)
    TokenIndex.objects.bulk_create(
        [
            TokenIndex(partition_id=view.partition_id, resource_id=EVERY_RESOURCE, **each._asdict())
            for each in sorted(own_tags)
        ],
        ignore_conflicts=True,
    )
    return added


def _batches(rows: QuerySet[StoredResource]) -> Iterator[list[tuple[int, str, str, dt.datetime, bytes]]]:
    after = 0
    while True:
        page = rows.filter(pk__gt=after).order_by("pk").values_list("pk", "type", "fhir_id", "stored_at", "line")
        batch = fetch_binary(*page[:BATCH_ROWS].query.sql_with_params())
        if batch:
            yield batch
            after = batch[-1][0]
        if len(batch) < BATCH_ROWS:
            return


def _add_batch(partition_id: int, batch: list[tuple[int, str, str, dt.datetime, bytes]], own_tags: set[Token]) -> None:
    found: list[tuple[int, Entries]] = []
    for pk, _, _, _, line in batch:
        resource = decode_line(line)
        if not found:  # one speaks for all
            own_tags |= shared_tags(resource, tag_base=settings.TAG_BASE)
        entries = extract(resource, base_url=f"{settings.PUBLIC_URL}/fhir", tag_base=settings.TAG_BASE)
        found.append((pk, entries))
    current = [(partition_id, kind, fhir_id, pk, values.instant(at)) for pk, kind, fhir_id, at, _ in batch]
    _copy(CurrentResource, "type, fhir_id, resource_id, changed", ("text", "text", "int8", "int8"), current)
    for model, name in zip(INDEXES, Entries.__slots__, strict=True):
        columns, types = _COLUMNS[model]
        rows = [(partition_id, *each, pk) for pk, entries in found for each in getattr(entries, name)]
        _copy(model, f"{columns}, resource_id", (*types, "int8"), rows)


def _copy(model: type[Any], columns: str, types: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    if not rows:
        return
    statement = f"COPY {model._meta.db_table} (partition_id, {columns}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.cursor.copy(statement) as copy:
        copy.set_types(["int8", *types])
        for row in rows:
            copy.write_row(row)
