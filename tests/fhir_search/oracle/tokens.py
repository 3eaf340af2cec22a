"""Tokens: what is a code of which system, and the modifiers that read something else of the same element.

Codes are compared without their case ("when in doubt"), systems with it. Source: FHIR R4, 3.1.1.4.10 "token".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fhir_search.oracle import texts
from tests.fhir_search.oracle.definitions import Parameter
from tests.fhir_search.oracle.expressions import Node
from tests.fhir_search.oracle.querying import split, unescape
from tests.fhir_search.oracle.stored import Unsupported, World

TRUE_AND_FALSE = "http://terminology.hl7.org/CodeSystem/special-values"

Token = tuple[str | None, str]


def condition(parameter: Parameter, modifier: str, raw: str, _world: World) -> Callable[[Node], bool]:
    if modifier == "text":
        return lambda node: any(texts.begins(text, unescape(raw)) for text in words(node))
    parts = [unescape(piece) for piece in split(raw, "|")]
    if modifier == "of-type":
        if len(parts) != 3 or not all(parts):
            raise Unsupported(f"{raw} is not system|code|value")
        return lambda node: _is_of_type(node, *parts)
    if len(parts) > 2 or not any(parts):
        raise Unsupported(f"{raw} is no token")
    return lambda node: any(_agrees(token, parts) for token in tokens(parameter, node))


def sort_keys(parameter: Parameter, node: Node, _world: World) -> list[tuple[Any, Any]]:
    return [(code.casefold(), code.casefold()) for _system, code in tokens(parameter, node)]


def tokens(parameter: Parameter, node: Node) -> list[Token]:
    """List (system, code) of one element; a CodeableConcept has one for every coding, its text is none."""
    value = node.value
    if isinstance(value, bool):
        return [(TRUE_AND_FALSE, "true" if value else "false")]
    if isinstance(value, str):
        return [(parameter.systems.get(node.trail), value)]
    if "coding" in value:
        return [token for coding in value["coding"] for token in tokens(parameter, Node(coding))]
    if "code" in value and isinstance(value["code"], str):
        return [(value.get("system"), value["code"])]
    if "value" in value and isinstance(value["value"], str):
        contact_point = "telecom" in node.trail or node.type == "ContactPoint"
        return [(None if contact_point else value.get("system"), value["value"])]
    return []


def _agrees(token: Token, parts: list[str]) -> bool:
    system, code = token
    if len(parts) == 2 and (system or "") != parts[0]:
        return False
    return not parts[-1] or parts[-1].casefold() == code.casefold()


def words(node: Node) -> list[str]:
    """List what a person would read: a concept's text, a coding's display, the text of an identifier's type."""
    value = node.value
    if not isinstance(value, dict):
        return []
    if "coding" in value or "text" in value:
        return [coding["display"] for coding in value.get("coding", []) if "display" in coding] + (
            [value["text"]] if "text" in value else []
        )
    if "display" in value:
        return [value["display"]]
    return [value["type"]["text"]] if isinstance(value.get("type"), dict) and "text" in value["type"] else []


def _is_of_type(node: Node, system: str, code: str, number: str) -> bool:
    value = node.value
    if not isinstance(value, dict) or value.get("value", "").casefold() != number.casefold():
        return False
    codings = value.get("type", {}).get("coding", [])
    return any(c.get("system") == system and c.get("code", "").casefold() == code.casefold() for c in codings)
