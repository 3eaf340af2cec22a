"""The StructureDefinitions as a map: which JSON keys an element has, and which FHIR datatypes lie there.

Owns choices (`value[x]`), content references and the systems that required bindings imply; refuses search
parameters and the network. Used by `generate.py` alone. Source: FHIR R4 "StructureDefinition", "ValueSet".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

# Types whose parts are listed with the element itself, and not with the type.
INLINE = ("BackboneElement", "Element")
# Whole in every summary.
UNDIVIDED = ("Meta", "Narrative", "Extension", "Resource")
PRIMITIVE_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


@dataclass(frozen=True, slots=True)
class Place:
    """An element that was reached: its JSON keys from the start, its datatype, and where it is defined."""

    keys: tuple[str, ...]
    type: str
    element: str  # its path in the StructureDefinition, or the datatype
    value_set: str | None = None  # of a required binding

    @property
    def parts_of(self) -> str:
        return self.element if self.type in INLINE else self.type


class Structures:
    """All StructureDefinitions of resources and datatypes, by the path of each element."""

    def __init__(self, definitions: list[dict[str, Any]]) -> None:
        self.kinds: dict[str, str] = {}
        self.elements: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, list[dict[str, Any]]] = {}
        for each in definitions:
            self.kinds[each["id"]] = "" if each["abstract"] else each["kind"]
            if each.get("derivation") == "constraint":
                continue
            for element in each["snapshot"]["element"]:
                path: str = element["path"]
                self.elements[path] = element
                if "." in path:
                    self._parts.setdefault(path.rpartition(".")[0], []).append(element)
        self._carriers = {
            path[: dot.start()]
            for path, element in self.elements.items()
            if element.get("isSummary") and _name(element) != "modifierExtension"
            for dot in re.finditer(r"\.", path)
        }

    def resource_types(self) -> list[str]:
        return sorted(name for name, kind in self.kinds.items() if kind == "resource")

    def parts(self, path: str) -> list[dict[str, Any]]:
        """Return the element definitions right below a path."""
        return self._parts.get(path, [])

    def root(self, resource_type: str) -> Place:
        return Place(keys=(), type=resource_type, element=resource_type)

    def places(self, element: dict[str, Any], before: tuple[str, ...] = ()) -> list[Place]:
        """Return an element under each JSON key that it may have."""
        path: str = element["path"]
        name = path.rpartition(".")[2]
        if reference := element.get("contentReference"):
            return [Place((*before, name), "BackboneElement", reference.removeprefix("#"))]
        binding = element.get("binding", {})
        value_set = binding.get("valueSet") if binding.get("strength") == "required" else None
        found = []
        for each in element.get("type", []):
            datatype = _datatype(each)
            key = name.removesuffix("[x]") + datatype[0].upper() + datatype[1:] if name.endswith("[x]") else name
            place = Place((*before, key), datatype, path, value_set)
            if place not in found:
                found.append(place)
        return found

    def step(self, place: Place, name: str) -> list[Place]:
        """Return what FHIRPath's `.name` reaches: all types of a choice, or the one of a written-out key."""
        for element in self.parts(place.parts_of):
            last = element["path"].rpartition(".")[2]
            places = self.places(element, place.keys)
            if last in (name, f"{name}[x]"):
                return places
            if last.endswith("[x]") and (found := [each for each in places if each.keys[-1] == name]):
                return found
        return []

    def keys(self, elements: list[dict[str, Any]]) -> list[str]:
        return [each.keys[-1] for element in elements for each in self.places(element)]

    def choices(self, resource_type: str) -> dict[str, list[str]]:
        """Return the JSON keys of each top-level choice."""
        return {
            element["path"].rpartition(".")[2].removesuffix("[x]"): self.keys([element])
            for element in self.parts(resource_type)
            if element["path"].endswith("[x]")
        }

    def summary(self, resource_type: str) -> list[str]:
        """Return the summary of a resource type: JSON keys, dotted below what is not whole."""
        wanted = [each for each in self.parts(resource_type) if self._is_in_summary(each)]
        found = [keys for each in wanted for keys in self._with_parts(each, (), ())]
        return [".".join(keys) for keys in found]

    def _is_in_summary(self, element: dict[str, Any]) -> bool:
        """Tell whether an element is flagged, or is there to carry parts that are."""
        return element.get("isSummary", False) or element["path"] in self._carriers

    def _with_parts(
        self, element: dict[str, Any], before: tuple[str, ...], above: tuple[str, ...]
    ) -> list[tuple[str, ...]]:
        found = []
        for place in self.places(element, before):
            found += [place.keys, *self._summary_parts(place, above)]
        return found

    def _summary_parts(self, place: Place, above: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Return the parts that an element is narrowed to, with those it must have; none when it is whole."""
        is_known = place.parts_of in self._carriers and place.parts_of not in (*above, *UNDIVIDED)
        is_resource = self.kinds.get(place.type) == "resource"
        if is_resource or not is_known:
            return []
        found: list[tuple[str, ...]] = []
        is_whole = True
        for part in self.parts(place.parts_of):
            if self._is_in_summary(part) or part.get("min"):
                keys = self._with_parts(part, place.keys, (*above, place.parts_of))
                is_whole = is_whole and len(keys) == len(self.places(part))
                found += keys
            elif _name(part) not in ("id", "extension"):
                is_whole = False
        return [] if is_whole else found


class Systems:
    """Which code system a value set draws on, when it is one alone."""

    def __init__(self, value_sets: list[dict[str, Any]]) -> None:
        self._by_url = {each["url"]: each for each in value_sets}

    def of(self, value_set: str | None) -> str | None:
        systems = self._all(value_set.partition("|")[0], ()) if value_set else set()
        return systems.pop() if len(systems) == 1 else None

    def _all(self, url: str, above: tuple[str, ...]) -> set[str | None]:
        """Return the systems; None among them stands for what is not known."""
        found = self._by_url.get(url)
        if found is None or url in above or not found.get("compose", {}).get("include"):
            return {None}
        systems: set[str | None] = set()
        for include in found["compose"]["include"]:
            if "system" in include:
                systems.add(include["system"])
            else:
                for inner in include["valueSet"]:
                    systems |= self._all(inner.partition("|")[0], (*above, url))
        return systems


def _name(element: dict[str, Any]) -> str:
    return str(element["path"].rpartition(".")[2])


def _datatype(given: dict[str, Any]) -> str:
    code: str = given["code"]
    if "/" not in code:
        return code
    for extension in given.get("extension", []):
        if extension["url"] == PRIMITIVE_TYPE:
            return str(extension["valueUrl"])
    return "string"
