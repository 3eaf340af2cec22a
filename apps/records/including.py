"""What a page carries beside its matches: `_include` and `_revinclude`, once each, to a fixpoint where asked.

Owns the walk; refuses to look outside the partitions, and to include without end. References are read from the
lines of the page itself, with the extractor that indexed them. Source: FHIR R4 "Search", 3.1.1.5.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.fhir.definitions import search_parameters
from apps.fhir.search.entries import parameter_id
from apps.fhir.search.extracting import decode_line, extract
from apps.fhir.search.request import Include

from .searching import Line, find_lines, find_referring, find_targets

MOST_INCLUDED = 5000


@dataclass(frozen=True, slots=True)
class Included:
    """The resources in storage order, and whether there would have been more than are allowed."""

    lines: list[Line]
    is_cut: bool


def find_included(
    partitions: Sequence[int], matches: Sequence[Line], directives: Sequence[Include], *, base_url: str
) -> Included:
    """Return what the directives add to the matches: those without `:iterate` look at matches only."""
    seen = {each.resource_id for each in matches}
    included: dict[int, Line] = {}
    frontier, active = list(matches), list(directives)
    while frontier and active:
        found: set[int] = set()
        for directive in active:
            found.update(_follow(partitions, directive, frontier, base_url, MOST_INCLUDED + 1))
        new = sorted(found - seen)
        room = MOST_INCLUDED - len(included)
        frontier = find_lines(partitions, new[:room])
        included |= {each.resource_id: each for each in frontier}
        if len(new) > room:
            return Included([included[each] for each in sorted(included)], is_cut=True)
        seen.update(new)
        active = [each for each in directives if each.is_iterated]
    return Included([included[each] for each in sorted(included)], is_cut=False)


def _follow(
    partitions: Sequence[int], directive: Include, frontier: Sequence[Line], base_url: str, limit: int
) -> list[int]:
    if directive.is_reverse:
        targets = {(each.type, each.fhir_id) for each in frontier if directive.target_type in ("", each.type)}
        number = parameter_id(directive.source_type, directive.code)
        return find_referring(partitions, number, targets, limit=limit) if targets else []
    sources = [each for each in frontier if directive.source_type in ("", each.type)]
    targets = {target for each in sources for target in _references(each, directive, base_url)}
    return find_targets(partitions, targets) if targets else []


def _references(source: Line, directive: Include, base_url: str) -> Iterator[tuple[str, str]]:
    """Yield (type, id) of our own resources that a line refers to by the directive's parameters."""
    codes = [directive.code] if directive.code else list(search_parameters(source.type))
    numbers = {parameter_id(source.type, code) for code in codes}
    for link in extract(decode_line(source.line), base_url=base_url).links:
        if link.parameter in numbers and link.target_type and directive.target_type in ("", link.target_type):
            yield link.target_type, link.target
