"""Random queries are worth something only if they tell a wrong matcher from a right one.

Each case breaks one rule of the reference matcher; a random search must then answer otherwise, for most
rules within a thousand. A rule that no search reaches is a rule that the product may break unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from tests.fhir_search.chance import made
from tests.fhir_search.oracle import (
    Result,
    Stored,
    dates,
    definitions,
    including,
    matching,
    numbers,
    references,
    search,
    searching,
    sorting,
    texts,
    tokens,
)
from tests.fhir_search.oracle.shelf import BASE_URL, NOW
from tests.fhir_search.oracle.stored import World
from tests.fhir_search.queries import Sight, of_any_type, queries
from tests.fhir_search.stores import random_stores

STORES, QUERIES = 200, 60
_dates_compare, _numbers_compare, _tokens = dates.compare, numbers.compare, tokens.tokens
_parse, _local, _has_unit, _key = dates.parse_date, references.local_target, numbers._has_unit, sorting._key


@cache
def _searches(seed: int) -> list[tuple[list[Stored], str, str, Result]]:
    """Make the searches of one store with their right answers; asked for before anything is broken."""
    rows = made(random_stores(BASE_URL), seed)
    sight = Sight(World(rows, BASE_URL, NOW))
    asked = [made(queries(sight), seed * QUERIES + number) for number in range(QUERIES)]
    return [(rows, resource_type, query, _answer(rows, resource_type, query)) for resource_type, query in asked]


def _answer(rows: Sequence[Stored], resource_type: str, query: str) -> Result:
    return search(rows, resource_type, query, base_url=BASE_URL, now=NOW)


def _is_noticed(seed: int) -> bool:
    return any(_answer(rows, kind, query) != right for rows, kind, query, right in _searches(seed))


def _of_any_type(resource_type: str, code: str) -> definitions.Parameter | None:
    found = definitions.find_parameter(resource_type, code)
    return of_any_type(found) if found else None


def _directive(*pair: str, iterate: bool) -> including.Directive | None:
    found = including.directive_for(*pair)
    return replace(found, iterate=iterate) if found else None


def _date_as(prefix: str, other: str) -> Callable[..., bool]:
    return lambda asked_prefix, *rest, **more: _dates_compare(
        other if asked_prefix == prefix else asked_prefix, *rest, **more
    )


def _number_as(prefix: str, other: str) -> Callable[..., bool]:
    return lambda asked_prefix, *rest: _numbers_compare(other if asked_prefix == prefix else asked_prefix, *rest)


_OTHERS = {"eq": "ap", "ne": "eq", "gt": "ge", "lt": "le", "ge": "gt", "le": "lt", "sa": "gt", "eb": "lt", "ap": "eq"}
BREAKS: dict[str, tuple[Any, str, Any]] = {
    **{f"date {a} is {b}": (dates, "compare", _date_as(a, b)) for a, b in _OTHERS.items() if b not in ("ge", "le")},
    "date gt is sa": (dates, "compare", _date_as("gt", "sa")),
    "date lt is eb": (dates, "compare", _date_as("lt", "eb")),
    "dates without zones": (dates, "_offset", lambda _zone: 0),
    "dates are days": (dates, "parse_date", lambda text: _parse(text[:10])),
    "open periods are nothing": (dates, "_period", lambda value: [] if len(value) < 2 else [_parse(value["start"])]),
    **{
        f"number {a} is {b}": (numbers, "compare", _number_as(a, b))
        for a, b in _OTHERS.items()
        if a not in ("sa", "eb")
    },
    "units are ignored": (numbers, "_has_unit", lambda *_unit: True),
    "units without their case": (
        numbers, "_has_unit",
        lambda node, system, code: any(_has_unit(node, system, each) for each in (code, code.lower(), code.upper())),
    ),
    "comparators are ignored": (
        numbers, "ranges", lambda node: [(v, v) for v in [node.value.get("value")] if v is not None]
        if isinstance(node.value, dict) else [],
    ),
    "codes with their case": (tokens, "_agrees", lambda token, parts: parts[-1] in ("", token[1])),
    "no implied systems": (tokens, "tokens", lambda p, node: [(None, code) for _system, code in _tokens(p, node)]),
    "first coding only": (tokens, "tokens", lambda p, node: _tokens(p, node)[:1]),
    "text of a concept is a token": (
        tokens, "tokens", lambda p, node: _tokens(p, node)
        + ([(None, node.value["text"])] if isinstance(node.value, dict) and "text" in node.value else []),
    ),
    "text modifier finds nothing": (tokens, "words", lambda _node: []),
    "any type of identifier": (tokens, "_is_of_type", lambda *_asked: True),
    "strings with their accents": (texts, "normalise", str.casefold),
    "strings with their case": (texts, "normalise", lambda text: text),
    "strings contain": (texts, "begins", lambda text, asked: texts.normalise(asked) in texts.normalise(text)),
    "first part of a name only": (texts, "_PARTS", ["family", "line"]),
    "uris begin": (texts, "_agrees_as_uri", lambda _modifier, text, asked: text.startswith(asked)),
    "versions of references count": (references, "_without_version", lambda text: text),
    "absolute references are never ours": (references, "local_target", lambda text, _base: _local(text, "http://x")),
    "foreign references are ours": (
        references, "local_target", lambda text, base: _local("/".join(text.split("/")[-2:]), base)
    ),
    "versions of canonicals are ignored": (
        references, "_is_canonical", lambda node, asked: node.value.split("|")[0] == asked.split("|")[0]
    ),
    "references to any type count": (including, "find_parameter", lambda *of: _of_any_type(*of)),
    "missing looks at values": (
        matching, "_missing", lambda parameter, value: lambda stored: bool(matching.nodes_of(parameter, stored))
        == (value == "false"),
    ),
    "composites across elements": (matching, "_composite", lambda *_rest: lambda _node: True),
    "chains lead anywhere": (references, "local_targets", lambda _parameter, _stored, _world: []),
    "nothing iterates": (searching, "directive_for", lambda *pair: _directive(*pair, iterate=False)),
    "everything iterates": (searching, "directive_for", lambda *pair: _directive(*pair, iterate=True)),
    "descending by the beginning": (sorting, "_key", lambda *of, descending: _key(*of, descending=False)),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_rule_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, replacement = BREAKS[name]
    for seed in range(STORES):
        _searches(seed)
        with monkeypatch.context() as broken:
            broken.setattr(owner, attribute, replacement)
            if _is_noticed(seed):
                return
    pytest.fail(f"No search of {STORES * QUERIES} reaches the rule.")
