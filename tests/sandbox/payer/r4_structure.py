"""A small check of resources against FHIR R4: element names, cardinality, types of values, reference targets.

Reads the element tables of the public data sets: an independent reading of the shapes that are generated.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Element = dict[str, Any]

_PRIMITIVES: dict[str, type | tuple[type, ...]] = {
    "boolean": bool,
    "integer": int,
    "positiveInt": int,
    "unsignedInt": int,
    "decimal": (int, float),
}
_TYPE_OF_REFERENCE = re.compile(r"^(?:https?://.*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[0-9]+)?$")


class Structures:
    """The element tables of R4, by type name."""

    def __init__(self, folder: Path) -> None:
        self._children: dict[str, dict[str, list[tuple[str, Element]]]] = {}
        with gzip.open(folder / "fhir-r4-definitions" / "structure-elements.ndjson.gz", "rt") as lines:
            for line in lines:
                structure = json.loads(line)
                self._children[structure["id"]] = _by_parent(structure["elements"])

    def faults(self, resource: dict[str, Any]) -> list[str]:
        """List what is wrong with a resource. Shape: "path: fault"."""
        return list(self._object(resource, resource["resourceType"], resource["resourceType"]))

    def _object(self, value: dict[str, Any], structure: str, path: str) -> Iterator[str]:
        """Walk an object that is a type, or (path with dots) a backbone element of one."""
        type_ = path.split(".")[0]
        known = {name: (element, code) for name, element, code in self._names(type_, path)}
        for name, inner in value.items():
            if name == "resourceType" or (name.startswith("_") and name[1:] in value):
                continue
            if name not in known:
                yield f"{path}.{name}: unknown element"
                continue
            element, code = known[name]
            yield from self._values(inner, element, code, f"{path}.{name}")
        for name_with_choice, element in self._children[type_].get(path, []):
            stem = name_with_choice.removesuffix("[x]")
            if element["min"] and not any(name == stem or name.startswith(stem) for name in value):
                yield f"{path}.{stem}: missing"

    def _values(self, value: Any, element: Element, code: str, path: str) -> Iterator[str]:
        if (element["max"] != "1") != isinstance(value, list):
            yield f"{path}: list and single are mixed up"
            return
        for one in value if isinstance(value, list) else [value]:
            yield from self._value(one, element, code, path)

    def _value(self, value: Any, element: Element, code: str, path: str) -> Iterator[str]:
        if code in ("BackboneElement", "Element"):
            yield from self._object(value, code, element["path"])
        elif code == "Resource":
            yield from self._object(value, value["resourceType"], value["resourceType"])
        elif code in self._children and isinstance(value, dict):
            yield from self._object(value, code, code)
            if code == "Reference":
                yield from _target_faults(value, element, path)
        elif code in _PRIMITIVES:
            if not isinstance(value, _PRIMITIVES[code]):
                yield f"{path}: not a {code}"
        elif not isinstance(value, str) or not value:
            yield f"{path}: not a {code}"

    def _names(self, type_: str, path: str) -> Iterator[tuple[str, Element, str]]:
        """Name every child as it is spelled in JSON, with the type of its values."""
        for name, element in self._children[type_].get(path, []):
            if "contentReference" in element:
                yield name, element | {"path": element["contentReference"].split("#")[-1]}, "BackboneElement"
            for kind in element.get("type", []):
                code = kind["code"].rsplit(".", 1)[-1]
                if name.endswith("[x]"):
                    yield name[:-3] + code[0].upper() + code[1:], element | {"type": [kind]}, code
                else:
                    yield name, element, code


def _by_parent(elements: list[Element]) -> dict[str, list[tuple[str, Element]]]:
    children: dict[str, list[tuple[str, Element]]] = {}
    for element in elements:
        parent, _, name = element["path"].rpartition(".")
        if parent:
            children.setdefault(parent, []).append((name, element))
    return children


def _target_faults(value: dict[str, Any], element: Element, path: str) -> Iterator[str]:
    targets = {target for kind in element["type"] for target in kind.get("targets", [])}
    match = _TYPE_OF_REFERENCE.match(value.get("reference", ""))
    if match and targets and "Resource" not in targets and match[1] not in targets:
        yield f"{path}: refers to a {match[1]}"
