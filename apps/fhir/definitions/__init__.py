"""What the R4 definitions say of each resource type: search parameters, summary, mandatory and modifier elements.

Owns the generated table `r4.json` and reading it, once, when first asked; refuses to be edited by hand: see
`generate.py`. Source: FHIR R4 4.0.1 definitions (CC0), US Core and CARIN Blue Button search parameters (CC0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import msgspec

ANY = "*"  # in the table: a reference to a resource of any type


@dataclass(frozen=True, slots=True)
class Step:
    """A JSON key; `filter` keeps of its elements those whose first text, a key, equals the second."""

    key: str
    filter: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """Where a value lies and its FHIR datatype; `system` is the one that a required binding implies for a code.

    Shape: type "deceased" without steps is Patient.deceased[x] as true or false, also when absent.
    """

    steps: tuple[Step, ...]
    type: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a composite; its paths start at each of the composite's roots."""

    code: str
    kind: str
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter of one resource type.

    Shape: `kind` token, string, date, reference, quantity, number, uri or composite. A composite has `roots`
    (() is the resource itself) and `components`, any other has `paths`. `only_targets`: no reference but one to
    `targets` counts.
    """

    code: str
    kind: str
    url: str
    expression: str
    paths: tuple[Path, ...] = ()
    targets: tuple[str, ...] = ()
    only_targets: bool = False
    roots: tuple[tuple[Step, ...], ...] = ()
    components: tuple[Component, ...] = ()


def search_parameters(resource_type: str) -> Mapping[str, SearchParameter]:
    """Return the type's own parameters by code; none for an unknown type, and never `_id`, `_tag` and such."""
    return _parameters(resource_type) if resource_type in _table()["types"] else MappingProxyType({})


def summary_elements(resource_type: str) -> tuple[str, ...]:
    """Return the elements of a summary.

    Shape: JSON keys, dotted when nested; an element with nested ones is narrowed to them, any other is whole.
    """
    return _names(resource_type, "summary")


def mandatory_elements(resource_type: str) -> tuple[str, ...]:
    """Return the JSON keys of the top-level elements that must be there (of a choice: all its keys)."""
    return _names(resource_type, "mandatory")


def modifier_elements(resource_type: str) -> tuple[str, ...]:
    """Return the JSON keys of the top-level elements that change the meaning of others."""
    return _names(resource_type, "modifiers")


def compartment_parameters(resource_type: str) -> tuple[str, ...]:
    """Return the codes of the parameters that put a resource into the compartment of a Patient."""
    return _names(resource_type, "compartment")


def choice_elements(resource_type: str) -> Mapping[str, tuple[str, ...]]:
    """Return the JSON keys of each top-level choice: `value` has `valueQuantity` and so on."""
    choices: Mapping[str, list[str]] = _table()["types"].get(resource_type, {}).get("choices", {})
    return {name: tuple(keys) for name, keys in choices.items()}


def resource_types() -> tuple[str, ...]:
    """Return the concrete resource types of R4 in alphabetical order."""
    return tuple(_table()["types"])


def source() -> Mapping[str, str]:
    """Return where the table is from: package, version, sha256, fhirVersion, buildId, licence."""
    found: Mapping[str, str] = _table()["source"]
    return found


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = msgspec.json.decode(files(__package__).joinpath("r4.json").read_bytes())
    return table


@cache
def _names(resource_type: str, which: str) -> tuple[str, ...]:
    return tuple(_table()["types"].get(resource_type, {}).get(which, ()))


@cache
def _parameters(resource_type: str) -> Mapping[str, SearchParameter]:
    found: dict[str, dict[str, Any]] = _table()["types"][resource_type]["search"]
    return MappingProxyType({code: _parameter(code, each) for code, each in found.items()})


def _parameter(code: str, fields: dict[str, Any]) -> SearchParameter:
    targets = fields.get("targets", [])
    return SearchParameter(
        code=code,
        kind=fields["kind"],
        url=fields["url"],
        expression=fields["expression"],
        paths=_paths(fields.get("paths", [])),
        targets=resource_types() if targets == [ANY] else tuple(targets),
        only_targets=fields.get("only", False),
        roots=tuple(tuple(_step(each) for each in root) for root in fields.get("roots", [])),
        components=tuple(
            Component(code=each["code"], kind=each["kind"], paths=_paths(each["paths"]))
            for each in fields.get("components", [])
        ),
    )


def _paths(paths: list[dict[str, Any]]) -> tuple[Path, ...]:
    return tuple(
        Path(steps=tuple(_step(step) for step in each["steps"]), type=each["type"], system=each.get("system"))
        for each in paths
    )


def _step(text: str) -> Step:
    """Shape: `code`, or `telecom[system=email]`."""
    key, bracket, rest = text.partition("[")
    if not bracket:
        return Step(key)
    name, _, value = rest.removesuffix("]").partition("=")
    return Step(key, (name, value))
