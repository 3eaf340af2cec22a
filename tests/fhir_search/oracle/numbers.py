"""Numbers and quantities: what the digits written imply, comparators, units and money.

Source: FHIR R4, 3.1.1.4.6 "number", 3.1.1.4.11 "quantity", 3.1.1.4.5 "Prefixes".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.fhir_search.oracle.dates import split_prefix
from tests.fhir_search.oracle.definitions import Parameter
from tests.fhir_search.oracle.expressions import Node
from tests.fhir_search.oracle.querying import split, unescape
from tests.fhir_search.oracle.stored import Unsupported, World

CURRENCIES = "urn:iso:std:iso:4217"

_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_LEAST, _MOST = Decimal("-Infinity"), Decimal("Infinity")

Range = tuple[Decimal, Decimal]


def condition(parameter: Parameter, _modifier: str, raw: str, _world: World) -> Callable[[Node], bool]:
    number, *unit = [unescape(piece) for piece in split(raw, "|")]
    prefix, text = split_prefix(number)
    if not _NUMBER.fullmatch(text) or len(unit) not in (0, 2) or (unit and parameter.kind == "number"):
        raise Unsupported(f"{raw} is no {parameter.kind}")
    asked = Decimal(text)
    return lambda node: (
        (not unit or _has_unit(node, *unit)) and any(compare(prefix, asked, found) for found in ranges(node))
    )


def sort_keys(_parameter: Parameter, node: Node, _world: World) -> list[tuple[Any, Any]]:
    return list(ranges(node))


def compare(prefix: str, asked: Decimal, found: Range) -> bool:
    low, high = found
    half = Decimal((0, (5,), int(asked.as_tuple().exponent) - 1))
    match prefix:
        case "eq":
            return asked - half <= low and high < asked + half
        case "ne":
            return not compare("eq", asked, found)
        case "gt":
            return high > asked
        case "lt":
            return low < asked
        case "ge":
            return high >= asked
        case "le":
            return low <= asked
        case "sa":
            return low > asked
        case "eb":
            return high < asked
        case _:
            tenth = abs(asked) / 10
            return low <= asked + tenth and high >= asked - tenth


def ranges(node: Node) -> list[Range]:
    """Give the range of one number, Quantity, Money or Range; sampled data has none."""
    value = node.value
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return [(Decimal(value), Decimal(value))]
    if not isinstance(value, dict) or "origin" in value:
        return []
    if "low" in value or "high" in value:
        low, high = (value.get(end, {}).get("value") for end in ("low", "high"))
        return [(_LEAST if low is None else Decimal(low), _MOST if high is None else Decimal(high))]
    if "value" not in value:
        return []
    number = Decimal(value["value"])
    match value.get("comparator"):
        case "<" | "<=":
            return [(_LEAST, number)]
        case ">" | ">=":
            return [(number, _MOST)]
        case _:
            return [(number, number)]


def _has_unit(node: Node, system: str, code: str) -> bool:
    value = node.value if isinstance(node.value, dict) else {}
    if "currency" in value:
        return code == value["currency"] and system in ("", CURRENCIES)
    if not system:
        return code in (value.get("code"), value.get("unit"))
    return (system, code) == (value.get("system"), value.get("code"))
