"""Search over the index tables: a tree of criteria becomes one statement, always inside the given partitions (D6).

Owns SQL and paging; refuses to read queries (apps.fhir.search) and to decide who may ask. Ids are found and ordered
first, and lines are read for one page only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

from apps.fhir.search.request import Search, SortKey

from .criteria import CURRENT, TABLES, Statement, condition_of

# What a resource with several values is sorted by: the smallest ascending, the largest descending.
_SORT_COLUMNS = {
    "token": ("code", "code"), "string": ("normal", "normal"), "date": ("low", "high"), "quantity": ("low", "high"),
    "reference": ("target", "target"), "uri": ("uri", "uri"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its resources in order, whether more follow, and the total where it was asked for."""

    resource_ids: list[int]
    has_more: bool
    total: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """A resource as it is kept."""

    resource_id: int
    type: str
    fhir_id: str
    line: bytes


def find_page(partitions: Sequence[int], search: Search) -> Page:
    """Return one page of what a search matches, as of now."""
    if search.with_total:
        return _page_and_total(partitions, search)
    statement = Statement(partitions)
    text = _matches(statement, search, limit=search.count + 1, offset=search.offset)
    ids = [row[0] for row in _run(text, statement)]
    return Page(ids[: search.count], len(ids) > search.count, None)


def _page_and_total(partitions: Sequence[int], search: Search) -> Page:
    """Count and cut in one statement, so that both are of one moment."""
    statement = Statement(partitions)
    everything = _matches(statement, search, limit=None, offset=0)
    start, end = statement.put(search.offset + 1), statement.put(search.offset + search.count)
    text = (
        f"WITH found AS MATERIALIZED (SELECT array_agg(id) AS ids FROM ({everything}) AS matches(id))"
        f" SELECT coalesce(cardinality(ids), 0), (coalesce(ids, '{{}}'))[{start}:{end}] FROM found"
    )
    total, ids = _run(text, statement)[0]
    return Page(list(ids), search.offset + len(ids) < total, total)


def find_lines(partitions: Sequence[int], resource_ids: Sequence[int]) -> list[Line]:
    """Return the lines of a page, in its order."""
    statement = Statement(partitions)
    text = (
        f"SELECT id, type, fhir_id, line FROM records_storedresource"
        f" WHERE id = ANY({statement.put(list(resource_ids))}::bigint[]) AND {statement.here()}"
    )
    found = {row[0]: Line(row[0], row[1], row[2], bytes(row[3])) for row in _run(text, statement)}
    return [found[each] for each in resource_ids if each in found]


def find_targets(partitions: Sequence[int], references: Iterable[tuple[str, str]]) -> list[int]:
    """Return the resources behind (type, id) pairs, in storage order."""
    pairs = sorted(set(references))
    statement = Statement(partitions)
    kinds, ids = statement.put([kind for kind, _ in pairs]), statement.put([each for _, each in pairs])
    text = (
        f"SELECT c.resource_id FROM unnest({kinds}::text[], {ids}::text[]) AS k(type, fhir_id)"
        f" JOIN {CURRENT} c ON c.type = k.type AND c.fhir_id = k.fhir_id AND {statement.here('c')} ORDER BY 1"
    )
    return [row[0] for row in _run(text, statement)]


def find_referring(
    partitions: Sequence[int], parameter: int, targets: Iterable[tuple[str, str]], *, limit: int
) -> list[int]:
    """Return the resources whose reference `parameter` points at one of (type, id), in storage order."""
    pairs = sorted(set(targets))
    statement = Statement(partitions)
    kinds, ids = statement.put([kind for kind, _ in pairs]), statement.put([each for _, each in pairs])
    text = (
        f"SELECT DISTINCT r.resource_id FROM unnest({kinds}::text[], {ids}::text[]) AS k(type, fhir_id)"
        f" JOIN {TABLES['reference']} r ON r.target = k.fhir_id AND r.target_type = k.type"
        f" AND r.parameter = {statement.put(parameter)} AND {statement.here('r')}"
        f" ORDER BY 1 LIMIT {statement.put(limit)}"
    )
    return [row[0] for row in _run(text, statement)]


def _run(text: str, statement: Statement) -> list[tuple[Any, ...]]:
    """Run it, planned for its own values: a plan that fits any knows nothing of how few lie in a range."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(text, statement.parameters, binary=True, prepare=False).fetchall()


def explain(partitions: Sequence[int], search: Search) -> Any:
    """Return the server's plan of a search as decoded JSON, after running it."""
    statement = Statement(partitions)
    text = _matches(statement, search, limit=search.count + 1, offset=search.offset)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", statement.parameters)
        return cursor.fetchone()[0]


def _matches(statement: Statement, search: Search, *, limit: int | None, offset: int) -> str:
    """Return the statement that yields the ids of all matches in their order."""
    joins: list[str] = []
    order: list[str] = []
    for index, key in enumerate(search.sort):
        direction = "DESC" if key.is_descending else "ASC"
        if key.by in ("id", "changed"):
            order.append(f"c.{'fhir_id' if key.by == 'id' else 'changed'} {direction}")
        else:
            joins.append(_sort_join(statement, key, f"s{index}"))
            order.append(f"s{index}.key {direction} NULLS LAST")
    where = [statement.here("c"), f"c.type = {statement.put(search.resource_type)}"]
    where += [condition_of(statement, each, "c") for each in search.criteria]
    text = (
        f"SELECT c.resource_id FROM {CURRENT} c {' '.join(joins)} WHERE {' AND '.join(where)}"
        f" ORDER BY {', '.join([*order, 'c.resource_id'])}"
    )
    return text if limit is None else f"{text} LIMIT {statement.put(limit)} OFFSET {statement.put(offset)}"


def _sort_join(statement: Statement, key: SortKey, alias: str) -> str:
    smallest, largest = _SORT_COLUMNS[key.by]
    chosen = f"max({largest})" if key.is_descending else f"min({smallest})"
    return (
        f"LEFT JOIN (SELECT resource_id, {chosen} AS key FROM {TABLES[key.by]}"
        f" WHERE {statement.here()} AND parameter = {statement.put(key.parameter)} GROUP BY resource_id) {alias}"
        f" ON {alias}.resource_id = c.resource_id"
    )
