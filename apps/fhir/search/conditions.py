"""One asked value as conditions on the columns of an index table: any of these lists, each wholly.

Owns prefixes, precision and the parts of a value; refuses names, modifiers of other kinds and SQL.
Source: FHIR R4 "Search", 3.1.1.4.4 (prefixes) to 3.1.1.4.14.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from apps.fhir.outcomes import FhirError

from . import readers, values
from .values import Instants, Number

Operator = Literal["=", "<>", "<", "<=", ">", ">=", "prefix", "contains", "in"]


class Condition(NamedTuple):
    """A column of the kind's table (entries.py), compared with a value."""

    column: str
    operator: Operator
    value: Any


Conditions = tuple[Condition, ...]  # all of them
AnyOf = tuple[Conditions, ...]

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_PREFIXED = re.compile(r"(?P<prefix>[a-z]{2})(?P<rest>.+)", re.DOTALL)
_SEPARATED = re.compile(r"(?:[^\\]|\\.?)", re.DOTALL)
_ESCAPED = re.compile(r"\\([,|$\\])")


@dataclass(frozen=True, slots=True)
class Asking:
    """Facts about the request that values are read against: the present moment (microseconds) and our base URL."""

    now: int
    base_url: str


def split_unescaped(text: str, separator: str) -> list[str]:
    """Cut at a separator that no backslash protects; the escapes stay."""
    parts = [""]
    for each in _SEPARATED.findall(text):
        if each == separator:
            parts.append("")
        else:
            parts[-1] += each
    return parts


def unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text)


def refuse_value(name: str, problem: str) -> FhirError:
    """Return the refusal of a value; it names the parameter and never repeats what was sent."""
    return FhirError("invalid", text=f"The value of {name} {problem}")


def token_conditions(name: str, text: str, asking: Asking) -> AnyOf:
    system, bar, code = _bar_parts(text)
    if not bar:
        return ((Condition("code", "=", values.code_key(system)),),)
    on_system = Condition("system", "=", values.system_key(system))
    if not code:
        if not system:
            raise refuse_value(name, "has neither a system nor a code: send code, system|code, |code or system|.")
        return ((on_system,),)
    return ((Condition("code", "=", values.code_key(code)), on_system),)


def typed_identifier_conditions(name: str, text: str, asking: Asking) -> AnyOf:
    parts = [unescape(each) for each in split_unescaped(text, "|")]
    if len(parts) != 3 or not all(parts[1:]):
        raise refuse_value(name, "must be system|code|value of the identifier's type and the identifier.")
    system, code, value = parts
    of_type = Condition("code", "=", values.code_key(f"{code}|{value}"))
    return ((of_type, Condition("system", "=", values.system_key(system))) if system else (of_type,),)


def _bar_parts(text: str) -> tuple[str, bool, str]:
    """Return what stands before the first bar, whether there is one, and what follows it."""
    first, *rest = split_unescaped(text, "|")
    return unescape(first), bool(rest), unescape("|".join(rest))


def starts_with(name: str, text: str, asking: Asking) -> AnyOf:
    return ((Condition("normal", "prefix", _comparable(name, text)),),)


def contains(name: str, text: str, asking: Asking) -> AnyOf:
    return ((Condition("normal", "contains", _comparable(name, text)),),)


def exactly(name: str, text: str, asking: Asking) -> AnyOf:
    return ((Condition("exact", "=", values.digest(unescape(text))),),)


def _comparable(name: str, text: str) -> str:
    plain = unescape(text)
    if len(plain) > values.LONGEST_TEXT:
        raise refuse_value(name, f"is longer than {values.LONGEST_TEXT} characters.")
    return values.normalise(plain)


def date_conditions(name: str, text: str, asking: Asking) -> AnyOf:
    prefix, rest = _prefixed(unescape(text))
    # A + that the client did not encode arrives as a space.
    span = values.date_range(rest.replace(" ", "+"))
    if prefix is None or span is None:
        raise refuse_value(name, f"is no date: send YYYY, YYYY-MM, YYYY-MM-DD or a dateTime, after {_prefixes()}.")
    return _date_comparison(prefix, span, asking.now)


def _date_comparison(prefix: str, asked: Instants, now: int) -> AnyOf:
    inside = (Condition("low", ">=", asked.low), Condition("high", "<=", asked.high))
    match prefix:
        case "eq":
            return (inside,)
        case "ne":
            return (Condition("low", "<", asked.low),), (Condition("high", ">", asked.high),)
        case "gt":
            return ((Condition("high", ">", asked.high),),)
        case "lt":
            return ((Condition("low", "<", asked.low),),)
        case "ge":
            return (Condition("high", ">", asked.high),), inside
        case "le":
            return (Condition("low", "<", asked.low),), inside
        case "sa":
            return ((Condition("low", ">", asked.high),),)
        case "eb":
            return ((Condition("high", "<", asked.low),),)
    margin = abs(now - (asked.low + asked.high) // 2) // 10
    return ((Condition("high", ">=", asked.low - margin), Condition("low", "<=", asked.high + margin)),)


def number_conditions(name: str, text: str, asking: Asking) -> AnyOf:
    prefix, rest = _prefixed(unescape(text))
    number = values.parse_number(rest)
    if prefix is None or number is None:
        raise refuse_value(name, f"is no number: send digits, after {_prefixes()}.")
    return _number_comparison(prefix, number)


def quantity_conditions(name: str, text: str, asking: Asking) -> AnyOf:
    parts = [unescape(each) for each in split_unescaped(text, "|")]
    prefix, rest = _prefixed(parts[0])
    number = values.parse_number(rest)
    if prefix is None or number is None or len(parts) not in (1, 3):
        raise refuse_value(
            name, f"is no quantity: send number, number|system|code or number||unit, after {_prefixes()}."
        )
    system, code = parts[1:] or ("", "")
    unit = [Condition("system", "=", values.system_key(system))] if system else []
    unit += [Condition("code", "=", values.key(code))] if code else []
    return tuple((*each, *unit) for each in _number_comparison(prefix, number))


def _number_comparison(prefix: str, asked: Number) -> AnyOf:
    value, first, end = asked.value, asked.value - asked.half, asked.value + asked.half
    match prefix:
        case "eq":
            return ((Condition("low", ">=", first), Condition("high", "<", end)),)
        case "ne":
            return (Condition("low", "<", first),), (Condition("high", ">=", end),)
        case "gt" | "sa":
            return ((Condition("high" if prefix == "gt" else "low", ">", value),),)
        case "lt" | "eb":
            return ((Condition("low" if prefix == "lt" else "high", "<", value),),)
        case "ge":
            return ((Condition("high", ">=", value),),)
        case "le":
            return ((Condition("low", "<=", value),),)
    near, far = sorted((value * Decimal("0.9"), value * Decimal("1.1")))
    return ((Condition("high", ">=", near), Condition("low", "<=", far)),)


def _prefixed(text: str) -> tuple[str | None, str]:
    """Return (prefix, rest): eq where none is written, None for two letters that are no prefix."""
    found = _PREFIXED.fullmatch(text)
    if found is None:
        return "eq", text
    return (found["prefix"] if found["prefix"] in PREFIXES else None), found["rest"]


def _prefixes() -> str:
    return "one of " + ", ".join(PREFIXES) + " or nothing"


def link_conditions(targets: Iterable[str]) -> Callable[[str, str, Asking], AnyOf]:
    """Return the reader of a reference's values; `targets` narrows an id without a type (`subject:Patient=1`)."""
    allowed = tuple(targets)

    def read(name: str, text: str, asking: Asking) -> AnyOf:
        asked = unescape(text)
        found = readers.local_or_url(asked, base_url=asking.base_url)
        if found is None:
            raise refuse_value(name, "points into a resource: a contained resource has no address.")
        target, kind = found
        if kind:
            if allowed and kind not in allowed:
                raise refuse_value(name, f"is not of type {' or '.join(allowed)}.")
            return ((Condition("target", "=", target), Condition("target_type", "=", kind)),)
        as_url = (Condition("target", "=", target), Condition("target_type", "=", ""))
        if ":" in asked or "/" in asked:
            return (as_url,)
        if allowed:
            return ((Condition("target", "=", target), Condition("target_type", "in", list(allowed))),)
        return ((Condition("target", "=", target), Condition("target_type", "<>", "")),)

    return read


def uri_is(name: str, text: str, asking: Asking) -> AnyOf:
    return ((Condition("uri", "=", values.uri_key(unescape(text))),),)


def uri_below(name: str, text: str, asking: Asking) -> AnyOf:
    return ((Condition("uri", "prefix", unescape(text)),),)


def uri_above(name: str, text: str, asking: Asking) -> AnyOf:
    uri = unescape(text)[: values.LONGEST_TEXT]
    return ((Condition("uri", "in", [uri[:end] for end in range(1, len(uri) + 1)]),),)


_PART_COLUMNS = {"target": "code", "normal": "code", "uri": "code"}


def on_part_columns(alternatives: AnyOf) -> AnyOf:
    """Return the conditions on the columns of a composite's rows (entries.Part)."""
    return tuple(tuple(_on_part(each) for each in conditions) for conditions in alternatives)


def _on_part(condition: Condition) -> Condition:
    column, operator, value = condition
    if column == "target_type":  # there as a digest; "" is 0
        return Condition("system", operator, values.system_key(value) if isinstance(value, str) else value)
    return Condition(_PART_COLUMNS.get(column, column), operator, value)
