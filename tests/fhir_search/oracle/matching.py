"""Filters: one pair of a query becomes a question to one resource.

Owns values joined by commas, modifiers, composites, chains and reverse chains; refuses what a server must refuse.
Source: FHIR R4, 3.1.1.4.4 "Modifiers", 3.1.1.4.14 "composite", 3.1.1.4.15 "Chained parameters", 3.1.1.4.16 "_has".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType

from tests.fhir_search.oracle import dates, numbers, references, texts, tokens
from tests.fhir_search.oracle.definitions import Parameter, find_parameter
from tests.fhir_search.oracle.expressions import Node, evaluate
from tests.fhir_search.oracle.querying import split, unescape
from tests.fhir_search.oracle.stored import Stored, Unsupported, World

KINDS: dict[str, ModuleType] = {
    "date": dates,
    "number": numbers,
    "quantity": numbers,
    "reference": references,
    "string": texts,
    "token": tokens,
    "uri": texts,
}
MODIFIERS: dict[str, tuple[str, ...]] = {
    "composite": (),
    "date": ("missing",),
    "id": (),
    "number": ("missing",),
    "quantity": ("missing",),
    "reference": ("missing", "identifier"),
    "string": ("missing", "exact", "contains"),
    "token": ("missing", "not", "text", "of-type"),
    "uri": ("missing", "above", "below"),
}
MOST_LINKS = 3

Filter = Callable[[Stored], bool]
_CHAIN = re.compile(r"(?P<code>[^:.]+)(?::(?P<type>[A-Za-z]+))?\.(?P<rest>.+)")


def filter_for(world: World, resource_type: str, name: str, value: str, *, links: int = 0) -> Filter | None:
    """Make the filter of one pair, or None when the type has no such parameter or chain; raises Unsupported."""
    if links > MOST_LINKS:
        raise Unsupported(f"{name} is one link too many")
    if name.startswith("_has:"):
        return _reverse_chain(world, resource_type, name, value, links)
    if chain := _CHAIN.fullmatch(name):
        return _chain(world, resource_type, chain, value, links)
    code, _colon, modifier = name.partition(":")
    parameter = find_parameter(resource_type, code)
    if parameter is None:
        return None
    if modifier not in ("", *MODIFIERS[parameter.kind], *parameter.targets):
        raise Unsupported(f"{parameter.kind} parameters have no modifier {modifier}")
    if modifier == "missing":
        return _missing(parameter, value)
    if modifier == "not":
        matches = _any_value(world, parameter, "", value)
        return lambda stored: not matches(stored)
    return _any_value(world, parameter, modifier, value)


def nodes_of(parameter: Parameter, stored: Stored, *, unknown_resolves: bool = False) -> list[Node]:
    """List the elements of a resource that a parameter looks at."""
    if parameter.code == "_lastUpdated":
        return [Node(stored.changed)]
    root = Node(stored.resource, stored.type)
    return evaluate(parameter.expression, root, unknown_resolves=unknown_resolves)


def _any_value(world: World, parameter: Parameter, modifier: str, value: str) -> Filter:
    values = split(value, ",")
    if parameter.kind == "id":
        return lambda stored: stored.id in map(unescape, values)
    if parameter.kind == "composite":
        conditions = [_composite(world, parameter, each) for each in values]
    else:
        conditions = [KINDS[parameter.kind].condition(parameter, modifier, each, world) for each in values]
    return lambda stored: any(agrees(node) for node in nodes_of(parameter, stored) for agrees in conditions)


def _composite(world: World, parameter: Parameter, value: str) -> Callable[[Node], bool]:
    parts = split(value, "$")
    if len(parts) != len(parameter.components):
        raise Unsupported(f"{parameter.code} has {len(parameter.components)} parts")
    conditions = [
        (component.expression, KINDS[component.kind].condition(component, "", part, world))
        for component, part in zip(parameter.components, parts, strict=True)
    ]
    return lambda node: all(
        any(agrees(found) for found in evaluate(expression, Node(node.value))) for expression, agrees in conditions
    )


def _missing(parameter: Parameter, value: str) -> Filter:
    if value not in ("true", "false"):
        raise Unsupported(":missing is true or false")
    return lambda stored: bool(nodes_of(parameter, stored, unknown_resolves=True)) == (value == "false")


def _chain(world: World, resource_type: str, chain: re.Match[str], value: str, links: int) -> Filter | None:
    parameter = find_parameter(resource_type, chain["code"])
    if parameter is None or parameter.kind != "reference":
        return None
    targets = [chain["type"]] if chain["type"] else parameter.targets
    if not set(targets) <= set(parameter.targets):
        raise Unsupported(f"{parameter.code} never leads to {chain['type']}")
    found = {target: filter_for(world, target, chain["rest"], value, links=links + 1) for target in targets}
    filters = {target: matches for target, matches in found.items() if matches}
    if not filters:
        return None

    def leads_to_a_match(stored: Stored) -> bool:
        reached = [world.find(*local) for local in references.local_targets(parameter, stored, world)]
        return any(other.type in filters and filters[other.type](other) for other in reached if other)

    return leads_to_a_match


def _reverse_chain(world: World, resource_type: str, name: str, value: str, links: int) -> Filter | None:
    try:
        _has, source_type, code, rest = name.split(":", 3)
    except ValueError:
        raise Unsupported(f"{name} is not _has:Type:reference:parameter") from None
    parameter = find_parameter(source_type, code)
    matches = filter_for(world, source_type, rest, value, links=links + 1)
    if parameter is None or parameter.kind != "reference" or matches is None:
        raise Unsupported(f"{source_type} has no {code} or no {rest}")
    if resource_type not in parameter.targets:
        return None
    sources = [stored for stored in world.stores if stored.type == source_type and matches(stored)]
    reached = {local for source in sources for local in references.local_targets(parameter, source, world)}
    return lambda stored: (stored.type, stored.id) in reached
