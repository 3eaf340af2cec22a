"""Part of a resource instead of all of it: `_summary` and `_elements` on one stored line.

Owns what is kept and the tag that says so; refuses to store or deliver the result, and `_summary=count`, which is
the Bundle's. Source: FHIR R4 "Search", 3.1.1.5.8 and 3.1.1.5.9.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Any

from . import definitions
from .codec import decode, encode

SUBSETTED = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}
ALWAYS = frozenset({"resourceType", "id", "meta"})

Tree = dict[str, "Tree"]  # a name's parts; none: it is whole


class Summary(StrEnum):
    TRUE = "true"
    TEXT = "text"
    DATA = "data"
    FALSE = "false"


def summarise(line: bytes, resource_type: str, *, summary: Summary) -> bytes:
    """Return the resource as `_summary` asks for it: never without id, meta, mandatory and modifier elements."""
    if summary is Summary.FALSE:
        return line
    resource = decode(line)
    if summary is Summary.DATA:
        return _subset({name: value for name, value in resource.items() if name != "text"})
    if summary is Summary.TEXT:
        return _subset(_keep(resource, _needed(resource_type) | {"text": {}}))
    return _subset(_keep(resource, _summary_tree(resource_type)))


def select_elements(line: bytes, resource_type: str, *, elements: Iterable[str]) -> bytes:
    """Return the resource with the named elements alone, and its id, meta, mandatory and modifier elements.

    Shape: `elements` names of top-level elements (`name`, `Patient.name`; a choice as `value`, `value[x]` or
    `valueQuantity`); names that are no elements are not there, and names of other types alone change nothing.
    """
    names = _names_for(resource_type, elements)
    if names is None:
        return line
    return _subset(_keep(decode(line), _needed(resource_type) | {name: {} for name in names}))


def _names_for(resource_type: str, elements: Iterable[str]) -> list[str] | None:
    types, names = definitions.resource_types(), []
    for each in elements:
        prefix, dot, rest = each.partition(".")
        is_of_type = dot and prefix in types
        if not is_of_type or prefix == resource_type:
            names.append((rest if is_of_type else each).removesuffix("[x]"))
    if not names:
        return None
    choices = definitions.choice_elements(resource_type)
    return [key for each in names for key in choices.get(each, (each,))]


@cache
def _needed(resource_type: str) -> Tree:
    mandatory, modifiers = definitions.mandatory_elements(resource_type), definitions.modifier_elements(resource_type)
    return {name: {} for name in (*ALWAYS, *mandatory, *modifiers)}


@cache
def _summary_tree(resource_type: str) -> Tree:
    tree: Tree = {}
    for name in definitions.summary_elements(resource_type):
        branch = tree
        for part in name.split("."):
            branch = branch.setdefault(part, {})
    return _needed(resource_type) | tree


def _keep(element: dict[str, Any], tree: Tree) -> dict[str, Any]:
    """Keep the names of a tree, each with its sibling `_name`, where a primitive has its id and extensions."""
    kept = {}
    for name, value in element.items():
        branch = tree.get(name.removeprefix("_"))
        if branch is not None:
            kept[name] = _narrow(value, branch)
    return kept


def _narrow(value: Any, tree: Tree) -> Any:
    """Narrow a value to the tree below it; what would be empty is no valid element and stays whole."""
    if not tree:
        return value
    if isinstance(value, list):
        return [_narrow(each, tree) for each in value]
    return _keep(value, tree | {"id": {}}) or value if isinstance(value, dict) else value


def _subset(resource: dict[str, Any]) -> bytes:
    """Write the resource with the tag that says that it is not all of it."""
    meta = resource.get("meta")
    meta = dict(meta) if isinstance(meta, dict) else {}
    tags = meta.get("tag")
    tags = list(tags) if isinstance(tags, list) else []
    if not any(_is_subsetted(tag) for tag in tags):
        tags.append(SUBSETTED)
    return encode({**resource, "meta": {**meta, "tag": tags}})


def _is_subsetted(tag: Any) -> bool:
    return isinstance(tag, dict) and all(tag.get(name) == SUBSETTED[name] for name in ("system", "code"))
