"""Search over the index tables: a tree of criteria becomes one statement, always inside the given partitions (D6).

Owns SQL and paging; refuses to read queries (apps.fhir.search) and to decide who may ask. Ids are found and ordered
first, and lines are read for one page only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from apps.fhir.search.conditions import AnyOf, Condition
from apps.fhir.search.query import Chained, Changed, Criterion, Match, Missing, OfId, Referred, Tagged, Together
from apps.fhir.search.request import Search, SortKey

from .models import (
    CompositeIndex,
    CurrentResource,
    DateIndex,
    QuantityIndex,
    ReferenceIndex,
    StringIndex,
    TokenIndex,
    UriIndex,
)
from .models.entries import EVERY_RESOURCE
from .selectors import fetch_binary

_TABLES: dict[str, str] = {
    name: model._meta.db_table
    for name, model in {
        "token": TokenIndex, "string": StringIndex, "date": DateIndex, "reference": ReferenceIndex,
        "quantity": QuantityIndex, "uri": UriIndex, "composite": CompositeIndex,
    }.items()
}  # fmt: skip
_CURRENT = CurrentResource._meta.db_table
# What a resource with several values is sorted by: the smallest ascending, the largest descending.
_SORT_COLUMNS = {
    "token": ("code", "code"), "string": ("normal", "normal"), "date": ("low", "high"), "quantity": ("low", "high"),
    "reference": ("target", "target"), "uri": ("uri", "uri"),
}  # fmt: skip
_LAST_CHARACTER = "\U0010ffff"


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


class _Statement:
    """The parameters of a statement, by the names that stand in its text."""

    def __init__(self, partitions: Sequence[int]) -> None:
        self.partitions = list(partitions)
        self.parameters: dict[str, Any] = {}

    def put(self, value: Any) -> str:
        """Keep a value and return its place."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"%({name})s"

    def here(self, alias: str = "") -> str:
        """Return the condition that no row of another partition passes."""
        column = f"{alias}.partition_id" if alias else "partition_id"
        if len(self.partitions) == 1:
            return f"{column} = {self.put(self.partitions[0])}"
        return f"{column} = ANY({self.put(self.partitions)}::bigint[])"


def find_page(partitions: Sequence[int], search: Search) -> Page:
    """Return one page of what a search matches, as of now."""
    if search.with_total:
        return _page_and_total(partitions, search)
    statement = _Statement(partitions)
    text = _matches(statement, search, limit=search.count + 1, offset=search.offset)
    ids = [row[0] for row in _run(text, statement)]
    return Page(ids[: search.count], len(ids) > search.count, None)


def _page_and_total(partitions: Sequence[int], search: Search) -> Page:
    """Count and cut in one statement, so that both are of one moment."""
    statement = _Statement(partitions)
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
    statement = _Statement(partitions)
    text = (
        f"SELECT id, type, fhir_id, line FROM records_storedresource"
        f" WHERE id = ANY({statement.put(list(resource_ids))}::bigint[]) AND {statement.here()}"
    )
    found = {row[0]: Line(row[0], row[1], row[2], bytes(row[3])) for row in _run(text, statement)}
    return [found[each] for each in resource_ids if each in found]


def find_targets(partitions: Sequence[int], references: Iterable[tuple[str, str]]) -> list[int]:
    """Return the resources behind (type, id) pairs, in storage order."""
    pairs = sorted(set(references))
    statement = _Statement(partitions)
    kinds, ids = statement.put([kind for kind, _ in pairs]), statement.put([each for _, each in pairs])
    text = (
        f"SELECT c.resource_id FROM unnest({kinds}::text[], {ids}::text[]) AS k(type, fhir_id)"
        f" JOIN {_CURRENT} c ON c.type = k.type AND c.fhir_id = k.fhir_id AND {statement.here('c')} ORDER BY 1"
    )
    return [row[0] for row in _run(text, statement)]


def find_referring(
    partitions: Sequence[int], parameter: int, targets: Iterable[tuple[str, str]], *, limit: int
) -> list[int]:
    """Return the resources whose reference `parameter` points at one of (type, id), in storage order."""
    pairs = sorted(set(targets))
    statement = _Statement(partitions)
    kinds, ids = statement.put([kind for kind, _ in pairs]), statement.put([each for _, each in pairs])
    text = (
        f"SELECT DISTINCT r.resource_id FROM unnest({kinds}::text[], {ids}::text[]) AS k(type, fhir_id)"
        f" JOIN {_TABLES['reference']} r ON r.target = k.fhir_id AND r.target_type = k.type"
        f" AND r.parameter = {statement.put(parameter)} AND {statement.here('r')}"
        f" ORDER BY 1 LIMIT {statement.put(limit)}"
    )
    return [row[0] for row in _run(text, statement)]


def _run(text: str, statement: _Statement) -> list[tuple[Any, ...]]:
    return fetch_binary(text, statement.parameters)


def explain(partitions: Sequence[int], search: Search) -> Any:
    """Return the server's plan of a search as decoded JSON, after running it."""
    statement = _Statement(partitions)
    text = _matches(statement, search, limit=search.count + 1, offset=search.offset)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {text}", statement.parameters)
        return cursor.fetchone()[0]


def _matches(statement: _Statement, search: Search, *, limit: int | None, offset: int) -> str:
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
    where += [_condition_of(statement, each, "c") for each in search.criteria]
    text = (
        f"SELECT c.resource_id FROM {_CURRENT} c {' '.join(joins)} WHERE {' AND '.join(where)}"
        f" ORDER BY {', '.join([*order, 'c.resource_id'])}"
    )
    return text if limit is None else f"{text} LIMIT {statement.put(limit)} OFFSET {statement.put(offset)}"


def _sort_join(statement: _Statement, key: SortKey, alias: str) -> str:
    smallest, largest = _SORT_COLUMNS[key.by]
    chosen = f"max({largest})" if key.is_descending else f"min({smallest})"
    return (
        f"LEFT JOIN (SELECT resource_id, {chosen} AS key FROM {_TABLES[key.by]}"
        f" WHERE {statement.here()} AND parameter = {statement.put(key.parameter)} GROUP BY resource_id) {alias}"
        f" ON {alias}.resource_id = c.resource_id"
    )


def _condition_of(statement: _Statement, criterion: Criterion, of: str) -> str:
    """Return the condition on a current resource, whose alias is `of`."""
    match criterion:
        case Match():
            found = _rows(statement, criterion.table, criterion.parameters, criterion.alternatives)
            return f"{of}.resource_id {'NOT IN' if criterion.is_negated else 'IN'} ({found})"
        case Tagged():
            return _tagged(statement, criterion, of)
        case Missing():
            return _missing(statement, criterion, of)
        case Together():
            alternatives = [_together(statement, criterion.parameter, each) for each in criterion.alternatives]
            return f"{of}.resource_id IN ({' UNION ALL '.join(alternatives)})"
        case OfId():
            return f"{of}.fhir_id = ANY({statement.put(list(criterion.ids))}::text[])"
        case Changed():
            # A point in time: both ends of its range are the one column.
            return _any_of(statement, criterion.alternatives, {"low": f"{of}.changed", "high": f"{of}.changed"})
        case Chained():
            return _chained(statement, criterion, of)
        case Referred():
            return _referred(statement, criterion, of)


def _rows(statement: _Statement, table: str, parameters: Sequence[int], alternatives: AnyOf) -> str:
    """Return the select of the resources that have a fitting row."""
    text = f"SELECT resource_id FROM {_TABLES[table]} WHERE {statement.here()}"
    if len(parameters) == 1:
        text += f" AND parameter = {statement.put(parameters[0])}"
    else:
        text += f" AND parameter = ANY({statement.put(list(parameters))}::int[])"
    return f"{text} AND {_any_of(statement, alternatives, {})}"


def _tagged(statement: _Statement, criterion: Tagged, of: str) -> str:
    found = (
        f"SELECT FROM {_TABLES['token']} t WHERE t.partition_id = {of}.partition_id"
        f" AND t.parameter = {statement.put(criterion.parameter)}"
        f" AND t.resource_id IN ({statement.put(EVERY_RESOURCE)}, {of}.resource_id)"
        f" AND {_any_of(statement, criterion.alternatives, {'code': 't.code', 'system': 't.system'})}"
    )
    return f"{'NOT ' if criterion.is_negated else ''}EXISTS ({found})"


def _missing(statement: _Statement, criterion: Missing, of: str) -> str:
    rows = (
        f"SELECT resource_id FROM {_TABLES[criterion.table]} WHERE {statement.here()}"
        f" AND parameter = {statement.put(criterion.parameter)}"
    )
    present = (
        f"SELECT resource_id FROM {_TABLES['token']} WHERE {statement.here()}"
        f" AND parameter = {statement.put(criterion.presence)}"
    )
    return f"{of}.resource_id {'NOT IN' if criterion.is_missing else 'IN'} ({rows} UNION ALL {present})"


def _together(statement: _Statement, parameter: int, components: Sequence[AnyOf]) -> str:
    names = [f"p{index}" for index in range(len(components))]
    where = []
    for index, (name, alternatives) in enumerate(zip(names, components, strict=True)):
        columns = {each: f"{name}.{each}" for each in ("code", "system", "low", "high")}
        where += [
            statement.here(name),
            f"{name}.parameter = {statement.put(parameter)}",
            f"{name}.component = {statement.put(index)}",
            _any_of(statement, alternatives, columns),
        ]
        if index:
            where += [f"{name}.{column} = p0.{column}" for column in ("partition_id", "resource_id", '"group"')]
    tables = ", ".join(f"{_TABLES['composite']} {name}" for name in names)
    return f"SELECT p0.resource_id FROM {tables} WHERE {' AND '.join(where)}"


def _chained(statement: _Statement, criterion: Chained, of: str) -> str:
    """A reference stays inside its own partition: the same id in another consent is another resource."""
    found = []
    for target_type, inner in criterion.targets:
        alias = f"{of}t"
        found.append(
            f"SELECT r.resource_id FROM {_TABLES['reference']} r JOIN {_CURRENT} {alias}"
            f" ON {alias}.partition_id = r.partition_id AND {alias}.type = r.target_type AND {alias}.fhir_id = r.target"
            f" WHERE {statement.here('r')} AND r.parameter = {statement.put(criterion.parameter)}"
            f" AND r.target_type = {statement.put(target_type)} AND {_condition_of(statement, inner, alias)}"
        )
    return f"{of}.resource_id IN ({' UNION ALL '.join(found)})"


def _referred(statement: _Statement, criterion: Referred, of: str) -> str:
    alias = f"{of}s"
    return (
        f"({of}.partition_id, {of}.fhir_id) IN (SELECT r.partition_id, r.target FROM {_TABLES['reference']} r"
        f" JOIN {_CURRENT} {alias} ON {alias}.partition_id = r.partition_id AND {alias}.resource_id = r.resource_id"
        f" AND {alias}.type = {statement.put(criterion.source_type)}"
        f" WHERE {statement.here('r')} AND r.parameter = {statement.put(criterion.parameter)}"
        f" AND r.target_type = {statement.put(criterion.target_type)}"
        f" AND {_condition_of(statement, criterion.criterion, alias)})"
    )


def _any_of(statement: _Statement, alternatives: AnyOf, columns: dict[str, str]) -> str:
    groups = [
        " AND ".join(_comparison(statement, each, columns.get(each.column, each.column)) for each in conditions)
        for conditions in alternatives
    ]
    return f"({' OR '.join(groups)})"


def _comparison(statement: _Statement, condition: Condition, column: str) -> str:
    operator, value = condition.operator, condition.value
    if operator == "in":
        kind = "bigint" if value and isinstance(value[0], int) else "text"
        return f"{column} = ANY({statement.put(value)}::{kind}[])"
    if operator == "contains":
        return f"position({statement.put(value)} IN {column}) > 0"
    if operator == "prefix":
        low, high = statement.put(value), statement.put(value + _LAST_CHARACTER)
        return f"{column} >= {low} AND {column} < {high}"
    return f"{column} {operator} {statement.put(value)}"
