"""From parameters of a search to criteria: a tree that says what is asked, and nothing of how it is found.

Owns names, modifiers, chains and `_has`; refuses what it does not know by name: an unsupported modifier, prefix
or chain is an error, never ignored. Source: FHIR R4 "Search", 3.1.1.4.5 to 3.1.1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from apps.fhir.definitions import Component, SearchParameter, compartment_parameters, search_parameters
from apps.fhir.outcomes import FhirError

from . import conditions
from .conditions import AnyOf, Asking, split_unescaped, unescape
from .entries import IDENTIFIER, OF_TYPE, PRESENT, TEXT, parameter_id
from .extracting import ANY_TYPE, META_PARAMETERS

Table = Literal["token", "string", "date", "reference", "quantity", "uri"]
Reader = Callable[[str, str, Asking], AnyOf]
# Where the values of a kind are kept; those of composites are in a table of their own.
TABLES: dict[str, Table] = {
    "token": "token", "string": "string", "date": "date", "reference": "reference", "quantity": "quantity",
    "number": "quantity", "uri": "uri",
}  # fmt: skip

MOST_LINKS = 3  # of a chain, or of `_has` in `_has`
MOST_VALUES = 500  # of one parameter, separated by commas


@dataclass(frozen=True, slots=True)
class Match:
    """A row of one table with one of these parameters that fulfils one of the alternatives; or no such row."""

    table: Table
    parameters: tuple[int, ...]
    alternatives: AnyOf
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Together:
    """Rows of a composite, one for each component and all of one root element; any of the alternatives."""

    parameter: int
    alternatives: tuple[tuple[AnyOf, ...], ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether the element of a parameter is absent."""

    table: Table
    parameter: int
    presence: int
    is_missing: bool


@dataclass(frozen=True, slots=True)
class Chained:
    """A reference to a resource of one of the types that fulfils its criterion."""

    parameter: int
    targets: tuple[tuple[str, Criterion], ...]


@dataclass(frozen=True, slots=True)
class Referred:
    """A resource of `source_type` that fulfils the criterion refers to this one (`_has`)."""

    source_type: str
    parameter: int
    target_type: str
    criterion: Criterion


@dataclass(frozen=True, slots=True)
class OfId:
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """Our own instant of change, as a range of no length (D17)."""

    alternatives: AnyOf


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag of the resource, or of the whole partition."""

    parameter: int
    alternatives: AnyOf
    is_negated: bool = False


Criterion = Match | Together | Missing | Chained | Referred | OfId | Changed | Tagged


class UnknownParameter(Exception):
    """A name that the type does not have: `Prefer: handling` decides."""


class CannotPointHere(UnknownParameter):
    """A `_has` whose reference never points at the type: refused, but for one of several types of a chain."""


def read_criterion(resource_type: str, name: str, value: str, asking: Asking, *, links: int = 0) -> Criterion:
    """Return what one `name=value` asks of resources of a type.

    Raises: UnknownParameter; FhirError for all that is known and not supported, or not well formed.
    """
    if links > MOST_LINKS:
        raise FhirError("invalid", text=f"A chain has at most {MOST_LINKS} links.")
    if name.startswith("_has:"):
        return _read_has(resource_type, name, value, asking, links)
    head, dot, rest = name.partition(".")
    code, _, modifier = head.partition(":")
    if dot:
        return _read_chain(resource_type, code, modifier, rest, value, asking, links)
    if not value:
        raise conditions.refuse_value(name, "is empty: send a value or leave the parameter out.")
    if code == "_id":
        _refuse_modifier(name, modifier)
        return OfId(tuple(unescape(each) for each in _alternatives(name, value)))
    if code == "_lastUpdated":
        _refuse_modifier(name, modifier)
        return Changed(_any_of(conditions.date_conditions, name, value, asking))
    if code == "_compartment":
        _refuse_modifier(name, modifier)
        return _in_compartment(resource_type, name, value, asking)
    if code in META_PARAMETERS:
        return _of_meta(code, modifier, name, value, asking)
    parameter = search_parameters(resource_type).get(code)
    if parameter is None:
        raise UnknownParameter(name)
    return _of_parameter(resource_type, parameter, modifier, name, value, asking)


def _of_parameter(
    resource_type: str, parameter: SearchParameter, modifier: str, name: str, value: str, asking: Asking
) -> Criterion:
    number = parameter_id(resource_type, parameter.code)
    if modifier == "missing" and parameter.kind != "composite":
        presence = parameter_id(resource_type, parameter.code, PRESENT)
        return Missing(TABLES[parameter.kind], number, presence, _boolean(name, value))
    variant = partial(parameter_id, resource_type, parameter.code)
    match parameter.kind, modifier:
        case "composite", "":
            return Together(
                number, tuple(_together(parameter, name, each, asking) for each in _alternatives(name, value))
            )
        case "token", "" | "not":
            found = _any_of(conditions.token_conditions, name, value, asking)
            return Match("token", (number,), found, is_negated=modifier == "not")
        case "token", "text":
            return Match("string", (variant(TEXT),), _any_of(conditions.starts_with, name, value, asking))
        case "token", "of-type":
            found = _any_of(conditions.typed_identifier_conditions, name, value, asking)
            return Match("token", (variant(OF_TYPE),), found)
        case "reference", "identifier":
            return Match("token", (variant(IDENTIFIER),), _any_of(conditions.token_conditions, name, value, asking))
        case "reference", kind if not kind or kind in parameter.targets:
            reader = conditions.link_conditions((kind,) if kind else ())
            return Match("reference", (number,), _any_of(reader, name, value, asking))
    reader_of_kind = _READERS.get((parameter.kind, modifier))
    if reader_of_kind is None:
        raise _unsupported_modifier(name, modifier)
    return Match(TABLES[parameter.kind], (number,), _any_of(reader_of_kind, name, value, asking))


_READERS: dict[tuple[str, str], Reader] = {
    ("string", ""): conditions.starts_with,
    ("string", "contains"): conditions.contains,
    ("string", "exact"): conditions.exactly,
    ("date", ""): conditions.date_conditions,
    ("number", ""): conditions.number_conditions,
    ("quantity", ""): conditions.quantity_conditions,
    ("uri", ""): conditions.uri_is,
    ("uri", "below"): conditions.uri_below,
    ("uri", "above"): conditions.uri_above,
}


def _of_meta(code: str, modifier: str, name: str, value: str, asking: Asking) -> Criterion:
    number = parameter_id(ANY_TYPE, code)
    if META_PARAMETERS[code] == "token" and modifier in ("", "not"):
        found = _any_of(conditions.token_conditions, name, value, asking)
        return Tagged(number, found, is_negated=modifier == "not")
    reader = _READERS.get(("uri", modifier))
    if META_PARAMETERS[code] != "uri" or reader is None:
        raise _unsupported_modifier(name, modifier)
    return Match("uri", (number,), _any_of(reader, name, value, asking))


def _in_compartment(resource_type: str, name: str, value: str, asking: Asking) -> Criterion:
    """Read `_compartment=Patient/<id>`. Source: the published SDK's common parameters."""
    kind, slash, fhir_id = value.partition("/")
    if kind != "Patient" or not slash or not fhir_id:
        raise conditions.refuse_value(name, "must be Patient/<id>: it is the one compartment here.")
    if resource_type == "Patient":
        return OfId((fhir_id,))
    numbers = tuple(parameter_id(resource_type, code) for code in compartment_parameters(resource_type))
    return Match("reference", numbers, conditions.link_conditions(())(name, value, asking))


def _together(parameter: SearchParameter, name: str, text: str, asking: Asking) -> tuple[AnyOf, ...]:
    parts = split_unescaped(text, "$")
    if len(parts) != len(parameter.components) or not all(parts):
        wanted = "$".join(component.code for component in parameter.components)
        raise conditions.refuse_value(name, f"must be {wanted}.")
    return tuple(
        _component_conditions(component, name, part, asking)
        for component, part in zip(parameter.components, parts, strict=True)
    )


def _component_conditions(component: Component, name: str, text: str, asking: Asking) -> AnyOf:
    """Return a component's conditions, on the columns of the composite table (entries.Part)."""
    readers_of: dict[str, Reader] = {
        "token": conditions.token_conditions,
        "reference": conditions.link_conditions(()),
        "string": conditions.starts_with,
        "date": conditions.date_conditions,
        "number": conditions.number_conditions,
        "quantity": conditions.quantity_conditions,
        "uri": conditions.uri_is,
    }
    return conditions.on_part_columns(readers_of[component.kind](name, text, asking))


def _read_chain(
    resource_type: str, code: str, kind: str, rest: str, value: str, asking: Asking, links: int
) -> Criterion:
    parameter = search_parameters(resource_type).get(code)
    if parameter is None or parameter.kind != "reference":
        raise FhirError("invalid", text=f"{resource_type} has no reference parameter {code[:40]!a} to follow.")
    if kind and kind not in parameter.targets:
        raise FhirError("invalid", text=f"{code} refers to {', '.join(parameter.targets)}, not to {kind[:40]!a}.")
    targets = []
    for target in (kind,) if kind else parameter.targets:
        try:
            targets.append((target, read_criterion(target, rest, value, asking, links=links + 1)))
        except UnknownParameter:
            continue  # some of the types that the reference allows do not have it
    if not targets:
        raise FhirError("invalid", text=f"No type that {code} refers to has the parameter {rest[:40]!a}.")
    return Chained(parameter_id(resource_type, code), tuple(targets))


def _read_has(resource_type: str, name: str, value: str, asking: Asking, links: int) -> Criterion:
    _, source_type, code, rest = (*name.split(":", 3), "", "", "")[:4]
    parameter = search_parameters(source_type).get(code)
    if not rest or parameter is None or parameter.kind != "reference":
        raise FhirError("invalid", text="_has must be _has:Type:reference:parameter.")
    if resource_type not in parameter.targets:
        raise CannotPointHere(name)
    try:
        criterion = read_criterion(source_type, rest, value, asking, links=links + 1)
    except UnknownParameter:
        raise FhirError("invalid", text=f"{source_type} has no parameter {rest[:40]!a}.") from None
    return Referred(source_type, parameter_id(source_type, code), resource_type, criterion)


def _alternatives(name: str, value: str) -> Sequence[str]:
    parts = split_unescaped(value, ",")
    if not all(parts):
        raise conditions.refuse_value(name, "has an empty alternative: a comma too many.")
    if len(parts) > MOST_VALUES:
        raise conditions.refuse_value(name, f"has more than {MOST_VALUES} alternatives.")
    return parts


def _any_of(reader: Reader, name: str, value: str, asking: Asking) -> AnyOf:
    return tuple(each for part in _alternatives(name, value) for each in reader(name, part, asking))


def _boolean(name: str, value: str) -> bool:
    if value not in ("true", "false"):
        raise conditions.refuse_value(name, "must be true or false.")
    return value == "true"


def _refuse_modifier(name: str, modifier: str) -> None:
    if modifier:
        raise _unsupported_modifier(name, modifier)


def _unsupported_modifier(name: str, modifier: str) -> FhirError:
    return FhirError(
        "not-supported", text=f"The modifier {modifier[:20]!a} of {name[:60]!a} is not supported.", status=400
    )
