"""What a page brings along: `_include` and `_revinclude`, once or to the end of the road.

Source: FHIR R4, 3.1.1.5.4 "Including other resources in result".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.fhir_search.oracle.definitions import Parameter, find_parameter, reference_parameters
from tests.fhir_search.oracle.references import Local, local_targets
from tests.fhir_search.oracle.stored import Stored, Unsupported, World


@dataclass(frozen=True, slots=True)
class Directive:
    """One `_include` or `_revinclude`; no parameters named means all references of the type."""

    reverse: bool
    iterate: bool
    source_type: str
    parameters: tuple[Parameter, ...]
    target_type: str


def directive_for(name: str, value: str, resource_type: str) -> Directive | None:
    """Read one pair of a query; None when it is something else; raises Unsupported."""
    base, _colon, modifier = name.partition(":")
    if base not in ("_include", "_revinclude"):
        return None
    source_type, _colon, rest = value.partition(":")
    if value == "*" and base == "_include":
        source_type, rest = resource_type, "*"
    code, _colon, target_type = rest.partition(":")
    named = reference_parameters(source_type) if code == "*" else [find_parameter(source_type, code)]
    parameters = tuple(parameter for parameter in named if parameter and parameter.kind == "reference")
    if modifier not in ("", "iterate") or not parameters:
        raise Unsupported(f"{name}={value} names no reference")
    return Directive(base == "_revinclude", modifier == "iterate", source_type, parameters, target_type)


def included_with(world: World, page: list[Stored], directives: Iterable[Directive]) -> set[Local]:
    """List the (type, id) that come along with a page, without the page itself."""
    directives = list(directives)
    reached = _reached(world, page, directives)
    frontier = reached
    while frontier:
        found = _reached(world, [row for local in frontier if (row := world.find(*local))], directives, again=True)
        frontier = found - reached
        reached = reached | frontier
    return reached - {(row.type, row.id) for row in page}


def _reached(world: World, rows: list[Stored], directives: list[Directive], *, again: bool = False) -> set[Local]:
    reached: set[Local] = set()
    for directive in directives:
        if directive.iterate or not again:
            reached |= _backward(world, rows, directive) if directive.reverse else _forward(world, rows, directive)
    return {local for local in reached if world.find(*local)}


def _forward(world: World, rows: list[Stored], directive: Directive) -> set[Local]:
    return {
        local
        for row in rows
        if row.type == directive.source_type
        for parameter in directive.parameters
        for local in local_targets(parameter, row, world)
        if directive.target_type in ("", local[0])
    }


def _backward(world: World, rows: list[Stored], directive: Directive) -> set[Local]:
    wanted = {(row.type, row.id) for row in rows if directive.target_type in ("", row.type)}
    return {
        (source.type, source.id)
        for source in world.stores
        if source.type == directive.source_type
        for parameter in directive.parameters
        if wanted & set(local_targets(parameter, source, world))
    }
