"""Strings and URIs. Source: FHIR R4, 3.1.1.4.8 "string", 3.1.1.4.13 "uri"."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from tests.fhir_search.oracle.definitions import Parameter
from tests.fhir_search.oracle.expressions import Node
from tests.fhir_search.oracle.querying import unescape
from tests.fhir_search.oracle.stored import World

# Of HumanName, then of Address.
_PARTS = ["family", "given", "prefix", "suffix", "text", "line", "city", "district", "state", "postalCode", "country"]


def condition(parameter: Parameter, modifier: str, raw: str, _world: World) -> Callable[[Node], bool]:
    asked = unescape(raw)
    compare = _agrees_as_uri if parameter.kind == "uri" else _agrees
    return lambda node: any(compare(modifier, part, asked) for part in parts(node))


def sort_keys(parameter: Parameter, node: Node, _world: World) -> list[tuple[Any, Any]]:
    if parameter.kind == "uri":
        return [(part, part) for part in parts(node)]
    return [(normalise(part), normalise(part)) for part in parts(node)]


def begins(text: str, asked: str) -> bool:
    return normalise(text).startswith(normalise(asked))


def normalise(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def parts(node: Node) -> list[str]:
    """List the texts of one element: itself, or the parts of a name or an address."""
    if isinstance(node.value, str):
        return [node.value]
    if not isinstance(node.value, dict):
        return []
    found = [node.value[key] for key in _PARTS if key in node.value]
    return [text for part in found for text in (part if isinstance(part, list) else [part])]


def _agrees(modifier: str, text: str, asked: str) -> bool:
    match modifier:
        case "exact":
            return text == asked
        case "contains":
            return normalise(asked) in normalise(text)
        case _:
            return begins(text, asked)


def _agrees_as_uri(modifier: str, text: str, asked: str) -> bool:
    match modifier:
        case "below":
            return text.startswith(asked)
        case "above":
            return asked.startswith(text)
        case _:
            return text == asked
