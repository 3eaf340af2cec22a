"""The part of FHIRPath that R4's search parameters are written in, compiled into JSON keys and datatypes.

Owns the grammar: `a.b`, `(a.b as T).c`, `a.as(T)`, `a.where(resolve() is T)`, `a.where(key = 'text')` and the one
form of Patient.deceased; refuses everything else with `UnknownExpression`. Used by `generate.py` alone.
Source: FHIR R4 "SearchParameter.expression"; US Core for what its extensions hold.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from .structures import Place, Structures

# What an extension's value[x] is narrowed to by its StructureDefinition (of race and ethnicity: by its parts).
VALUE_TYPES: dict[str, tuple[str, ...]] = {
    "http://hl7.org/fhir/StructureDefinition/condition-assertedDate": ("dateTime",),
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity": ("Coding",),
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity": ("CodeableConcept",),
    "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race": ("Coding",),
}

_CAST = re.compile(r"\((?P<path>[\w.]+) as (?P<type>\w+)\)(?P<rest>(?:\..+)?)")
_STEP = re.compile(
    r"as\((?P<cast>\w+)\)"
    r"|where\(resolve\(\) is (?P<target>\w+)\)"
    r"|where\((?P<key>\w+) ?= ?'(?P<text>[^'\]]*)'\)"
    r"|(?P<name>\w+)(?![\w(\[])"
)
_EXISTS_AND_NOT_FALSE = re.compile(r"(?P<path>[\w.]+)\.exists\(\) and (?P=path) != false")


class UnknownExpression(Exception):
    """An expression outside the grammar, or one that leads nowhere."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """The places of one alternative; `only`: the one type of resource that its references may point at."""

    places: tuple[Place, ...]
    only: str | None = None


def alternatives(expression: str) -> list[str]:
    return [each.strip() for each in expression.split("|")]


def starts_at(alternative: str, resource_type: str) -> bool:
    """Tell whether an alternative is about this type; its first word is a type's name."""
    return re.match(r"\(*(\w+)", alternative).group(1) == resource_type  # type: ignore[union-attr]


def compile_alternative(structures: Structures, start: Place, text: str) -> Compiled:
    """Follow one alternative from a place.

    Raises: UnknownExpression.
    """
    if found := _EXISTS_AND_NOT_FALSE.fullmatch(text):
        if found["path"] != "Patient.deceased":
            raise UnknownExpression(text)
        return Compiled(places=(replace(start, type="deceased"),))
    if found := _CAST.fullmatch(text):
        text = f"{found['path']}.as({found['type']}){found['rest']}"
    return _follow(structures, start, text)


def _follow(structures: Structures, start: Place, text: str) -> Compiled:
    places, only, extension = [start], None, ""
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None or not places:
            raise UnknownExpression(text)
        position = found.end()
        if position < len(text):
            if text[position] != ".":
                raise UnknownExpression(text)
            position += 1
        if name := found["name"]:
            if found.start() == 0 and name == start.type and not start.keys:
                continue
            places = [after for each in places for after in structures.step(each, name)]
            if extension and name == "value":
                places = [each for each in places if each.type in VALUE_TYPES[extension]]
        elif cast := found["cast"]:
            places = [each for each in places if each.type in (cast, cast[0].lower() + cast[1:])]
        elif target := found["target"]:
            only = target
        else:
            extension = found["text"] if found["key"] == "url" else ""
            places = [_filtered(each, found["key"], found["text"]) for each in places]
    if not places:
        raise UnknownExpression(text)
    return Compiled(places=tuple(places), only=only)


def _filtered(place: Place, key: str, text: str) -> Place:
    return replace(place, keys=(*place.keys[:-1], f"{place.keys[-1]}[{key}={text}]"))
