"""References and canonicals: which are local, which are compared as they are written.

Source: FHIR R4, 3.1.1.4.12 "reference"; 2.3.0.1 "Literal References"; 2.5.1 "Canonical URLs".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.fhir_search.oracle import tokens
from tests.fhir_search.oracle.definitions import Parameter
from tests.fhir_search.oracle.expressions import Node, evaluate
from tests.fhir_search.oracle.querying import unescape
from tests.fhir_search.oracle.stored import Stored, World

Local = tuple[str, str]
_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/([^/?#\s]+)")
_IDENTIFIER = Parameter("identifier", "token", "")


def condition(_parameter: Parameter, modifier: str, raw: str, world: World) -> Callable[[Node], bool]:
    if modifier == "identifier":
        agrees = tokens.condition(_IDENTIFIER, "", raw, world)
        return lambda node: (
            _is_reference(node) and "identifier" in node.value and agrees(Node(node.value["identifier"]))
        )
    asked = unescape(raw)
    return lambda node: (
        _is_canonical(node, asked) if isinstance(node.value, str) else _agrees(node, modifier, asked, world)
    )


def sort_keys(_parameter: Parameter, node: Node, world: World) -> list[tuple[Any, Any]]:
    if isinstance(node.value, str):
        return [(node.value, node.value)]
    text = _text(node)
    if not text or text.startswith("#"):
        return []
    local = local_target(text, world.base_url)
    key = local[1] if local else text
    return [(key, key)]


def local_target(text: str, base_url: str) -> Local | None:
    """Give (type, id) of a reference to a resource of this server; relative or absolute, with or without a version."""
    named = _LOCAL.fullmatch(_without_version(text).removeprefix(base_url.rstrip("/") + "/"))
    return (named[1], named[2]) if named else None


def local_targets(parameter: Parameter, stored: Stored, world: World) -> list[Local]:
    """List where the references under this parameter lead, those only that count for it."""
    nodes = evaluate(parameter.expression, Node(stored.resource, stored.type))
    found = [local_target(_text(node), world.base_url) for node in nodes if _is_reference(node)]
    return [local for local in found if local]


def _agrees(node: Node, wanted_type: str, asked: str, world: World) -> bool:
    text = _text(node)
    if not text or text.startswith("#"):
        return False
    ours, theirs = local_target(text, world.base_url), local_target(asked, world.base_url)
    if ours and wanted_type and ours[0] != wanted_type:
        return False
    if theirs:
        return ours == theirs
    if ours:
        return ours[1] == asked
    return not wanted_type and _without_version(text) == _without_version(asked)


def _is_canonical(node: Node, asked: str) -> bool:
    return asked in (node.value, node.value.split("|")[0])


def _is_reference(node: Node) -> bool:
    return isinstance(node.value, dict)


def _text(node: Node) -> str:
    return str(node.value.get("reference", ""))


def _without_version(text: str) -> str:
    return text.split("/_history/")[0]
