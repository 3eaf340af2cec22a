"""The order of matches. Source: FHIR R4, 3.1.1.5.1 "Sorting"."""

from __future__ import annotations

from typing import Any

from tests.fhir_search.oracle.definitions import Parameter, find_parameter
from tests.fhir_search.oracle.matching import KINDS, nodes_of
from tests.fhir_search.oracle.stored import Stored, Unsupported, World


def in_order(world: World, resource_type: str, matches: list[Stored], rule: str) -> list[Stored]:
    """Sort by each key of the rule, then by the order of storing; what has no value comes last either way."""
    ordered = sorted(matches, key=lambda stored: stored.order)
    for key in reversed(rule.split(",") if rule else []):
        parameter = find_parameter(resource_type, key.removeprefix("-"))
        if parameter is None or parameter.kind == "composite":
            raise Unsupported(f"{resource_type} cannot be sorted by {key}")
        ordered = _sorted_by(world, parameter, ordered, descending=key.startswith("-"))
    return ordered


def _sorted_by(world: World, parameter: Parameter, rows: list[Stored], *, descending: bool) -> list[Stored]:
    keys = {(row.type, row.id): _key(world, parameter, row, descending=descending) for row in rows}
    valued = [row for row in rows if keys[row.type, row.id] is not None]
    without = [row for row in rows if keys[row.type, row.id] is None]
    return sorted(valued, key=lambda row: keys[row.type, row.id], reverse=descending) + without


def _key(world: World, parameter: Parameter, stored: Stored, *, descending: bool) -> Any:
    """Give the smallest beginning of all values, or the greatest end when descending; None without a value."""
    if parameter.kind == "id":
        return stored.id
    found = [
        key for node in nodes_of(parameter, stored) for key in KINDS[parameter.kind].sort_keys(parameter, node, world)
    ]
    if not found:
        return None
    return max(high for _low, high in found) if descending else min(low for low, _high in found)
