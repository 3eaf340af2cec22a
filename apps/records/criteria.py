"""From criteria to conditions in SQL, each inside the partitions of its statement (D6).

Owns the text of conditions; refuses values in it: whatever was sent is a parameter. A condition is on a current
resource, whose alias is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apps.fhir.search.conditions import AnyOf, Condition
from apps.fhir.search.query import Chained, Changed, Criterion, Match, Missing, OfId, Referred, Tagged, Together

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

TABLES: dict[str, str] = {
    name: model._meta.db_table
    for name, model in {
        "token": TokenIndex, "string": StringIndex, "date": DateIndex, "reference": ReferenceIndex,
        "quantity": QuantityIndex, "uri": UriIndex, "composite": CompositeIndex,
    }.items()
}  # fmt: skip
CURRENT = CurrentResource._meta.db_table
_LAST_CHARACTER = "\U0010ffff"


class Statement:
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


def condition_of(statement: Statement, criterion: Criterion, of: str) -> str:
    """Return what a criterion asks of the current resource with the alias `of`."""
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


def _rows(statement: Statement, table: str, parameters: Sequence[int], alternatives: AnyOf) -> str:
    """Return the select of the resources that have a fitting row."""
    text = f"SELECT resource_id FROM {TABLES[table]} WHERE {statement.here()}"
    if len(parameters) == 1:
        text += f" AND parameter = {statement.put(parameters[0])}"
    else:
        text += f" AND parameter = ANY({statement.put(list(parameters))}::int[])"
    return f"{text} AND {_any_of(statement, alternatives, {})}"


def _tagged(statement: Statement, criterion: Tagged, of: str) -> str:
    found = (
        f"SELECT FROM {TABLES['token']} t WHERE t.partition_id = {of}.partition_id"
        f" AND t.parameter = {statement.put(criterion.parameter)}"
        f" AND t.resource_id IN ({statement.put(EVERY_RESOURCE)}, {of}.resource_id)"
        f" AND {_any_of(statement, criterion.alternatives, {'code': 't.code', 'system': 't.system'})}"
    )
    return f"{'NOT ' if criterion.is_negated else ''}EXISTS ({found})"


def _missing(statement: Statement, criterion: Missing, of: str) -> str:
    rows = (
        f"SELECT resource_id FROM {TABLES[criterion.table]} WHERE {statement.here()}"
        f" AND parameter = {statement.put(criterion.parameter)}"
    )
    present = (
        f"SELECT resource_id FROM {TABLES['token']} WHERE {statement.here()}"
        f" AND parameter = {statement.put(criterion.presence)}"
    )
    return f"{of}.resource_id {'NOT IN' if criterion.is_missing else 'IN'} ({rows} UNION ALL {present})"


def _together(statement: Statement, parameter: int, components: Sequence[AnyOf]) -> str:
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
    tables = ", ".join(f"{TABLES['composite']} {name}" for name in names)
    return f"SELECT p0.resource_id FROM {tables} WHERE {' AND '.join(where)}"


def _chained(statement: Statement, criterion: Chained, of: str) -> str:
    """A reference stays inside its own partition: the same id in another consent is another resource."""
    found = []
    for target_type, inner in criterion.targets:
        alias = f"{of}t"
        found.append(
            f"SELECT r.resource_id FROM {TABLES['reference']} r JOIN {CURRENT} {alias}"
            f" ON {alias}.partition_id = r.partition_id AND {alias}.type = r.target_type AND {alias}.fhir_id = r.target"
            f" WHERE {statement.here('r')} AND r.parameter = {statement.put(criterion.parameter)}"
            f" AND r.target_type = {statement.put(target_type)} AND {condition_of(statement, inner, alias)}"
        )
    return f"{of}.resource_id IN ({' UNION ALL '.join(found)})"


def _referred(statement: Statement, criterion: Referred, of: str) -> str:
    alias = f"{of}s"
    return (
        f"({of}.partition_id, {of}.fhir_id) IN (SELECT r.partition_id, r.target FROM {TABLES['reference']} r"
        f" JOIN {CURRENT} {alias} ON {alias}.partition_id = r.partition_id AND {alias}.resource_id = r.resource_id"
        f" AND {alias}.type = {statement.put(criterion.source_type)}"
        f" WHERE {statement.here('r')} AND r.parameter = {statement.put(criterion.parameter)}"
        f" AND r.target_type = {statement.put(criterion.target_type)}"
        f" AND {condition_of(statement, criterion.criterion, alias)})"
    )


def _any_of(statement: Statement, alternatives: AnyOf, columns: dict[str, str]) -> str:
    groups = [
        " AND ".join(_comparison(statement, each, columns.get(each.column, each.column)) for each in conditions)
        for conditions in alternatives
    ]
    return f"({' OR '.join(groups)})"


def _comparison(statement: Statement, condition: Condition, column: str) -> str:
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
