"""Dates as ranges of microseconds, both ends inclusive, and the nine ways to compare them.

Source: FHIR R4, 3.1.1.4.7 "date"; 3.1.1.4.5 "Prefixes"; 2.24.0.1 (formats of dates).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from math import inf
from typing import Any

from tests.fhir_search.oracle.definitions import Parameter
from tests.fhir_search.oracle.expressions import Node
from tests.fhir_search.oracle.stored import Unsupported, World

Range = tuple[float, float]

_SECOND = 1_000_000
_MINUTE = 60 * _SECOND
_DAY = 24 * 60 * _MINUTE
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017
_FORMAT = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?"
    r")?)?",
    re.ASCII,
)
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")


def condition(_parameter: Parameter, _modifier: str, raw: str, world: World) -> Callable[[Node], bool]:
    prefix, text = split_prefix(raw)
    asked = parse_date(re.sub(r" (?=\d\d:\d\d$)", "+", text))
    if asked is None:
        raise Unsupported(f"{raw} is no date")
    return lambda node: any(compare(prefix, asked, found, now=_microseconds(world.now)) for found in ranges(node))


def sort_keys(_parameter: Parameter, node: Node, _world: World) -> list[tuple[Any, Any]]:
    return list(ranges(node))


def split_prefix(raw: str) -> tuple[str, str]:
    return (raw[:2], raw[2:]) if raw[:2] in PREFIXES else ("eq", raw)


def compare(prefix: str, asked: Range, found: Range, *, now: int) -> bool:
    (low, high), (found_low, found_high) = asked, found
    match prefix:
        case "eq":
            return low <= found_low and found_high <= high
        case "ne":
            return not compare("eq", asked, found, now=now)
        case "gt":
            return found_high > high
        case "lt":
            return found_low < low
        case "ge" | "le":
            return compare("gt" if prefix == "ge" else "lt", asked, found, now=now) or compare(
                "eq", asked, found, now=now
            )
        case "sa":
            return found_low > high
        case "eb":
            return found_high < low
        case _:
            margin = abs(now - Fraction(int(low) + int(high), 2)) / 10
            return found_low <= high + margin and found_high >= low - margin


def ranges(node: Node) -> list[Range]:
    """List the ranges of one element; one that is no date (a string, an age) has none."""
    value = node.value
    if isinstance(value, datetime):
        return [(_microseconds(value), _microseconds(value))]
    if isinstance(value, str):
        found = parse_date(value) if node.type in ("", "Date", "DateTime", "Instant") else None
        return [found] if found else []
    if not isinstance(value, dict):
        return []
    if "start" in value or "end" in value:
        return _period(value)
    events = [parse_date(event) for event in value.get("event", [])]
    bounds = value.get("repeat", {}).get("boundsPeriod")
    return [event for event in events if event] + (_period(bounds) if bounds else [])


def parse_date(text: str) -> Range | None:
    """Give the range that a date of any precision stands for, or None when it is none; no zone means UTC."""
    parts = _FORMAT.fullmatch(text)
    if parts is None:
        return None
    year, month, day = (int(parts[name] or 1) for name in ("year", "month", "day"))
    if year == 0 or not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return None
    start = _days(year, month, day) * _DAY
    if parts["hour"]:
        return _moment(start, parts)
    if parts["day"]:
        return start, start + _DAY - 1
    last_month = month if parts["month"] else 12
    return start, (_days(year, last_month, monthrange(year, last_month)[1]) + 1) * _DAY - 1


def _moment(midnight: int, parts: re.Match[str]) -> Range | None:
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if minute > 59 or second > 60 or (hour, minute, second) > (24, 0, 0):
        return None
    start = midnight + (hour * 60 + minute) * _MINUTE + second * _SECOND - _offset(parts["zone"])
    if parts["second"] is None:
        return start, start + _MINUTE - 1
    digits = (parts["fraction"] or "")[:6]
    start += int(digits.ljust(6, "0"))
    return start, start + 10 ** (6 - len(digits)) - 1


def _offset(zone: str | None) -> int:
    if not zone or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return (-minutes if zone[0] == "-" else minutes) * _MINUTE


def _period(value: dict[str, Any]) -> list[Range]:
    start = parse_date(value["start"]) if "start" in value else (-inf, -inf)
    end = parse_date(value["end"]) if "end" in value else (inf, inf)
    return [(start[0], end[1])] if start and end else []


def _days(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - _EPOCH.toordinal()


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
