"""A whole search request: its criteria, and how the result is wanted.

Owns the result parameters (_count, _offset, _sort, _total, _summary, _elements, _include, _revinclude) and the
treatment of unknown names by `Prefer: handling`. Source: FHIR R4 "Search", 3.1.1.5 and 3.1.1.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from apps.fhir.definitions import search_parameters
from apps.fhir.outcomes import FhirError

from .conditions import Asking
from .entries import parameter_id
from .query import TABLES, CannotPointHere, Criterion, Table, UnknownParameter, read_criterion

DEFAULT_COUNT, MOST_COUNT = 20, 1000
MOST_OFFSET = 2**30
WILDCARD = "$PATIENT_ID"
IGNORED = ("_format", "_pretty")
TOTALS = ("none", "accurate", "estimate")
SUMMARIES = ("true", "text", "data", "count", "false")
_ONCE = ("_count", "_offset", "_total", "_summary", "_elements", "_sort", *IGNORED)
_INCLUDES = ("_include", "_include:iterate", "_revinclude", "_revinclude:iterate")


@dataclass(frozen=True, slots=True)
class SortKey:
    """What to order by: a table with its parameter, or our own "id" and "changed"."""

    by: Table | Literal["id", "changed"]
    parameter: int
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Include:
    """One directive; "" stands for every type, and as code for every reference parameter."""

    source_type: str
    code: str
    target_type: str
    is_reverse: bool
    is_iterated: bool


@dataclass(frozen=True, slots=True)
class Search:
    """A search that can be run. `parameters` are those that were used, in their order, for the links."""

    resource_type: str
    criteria: tuple[Criterion, ...]
    sort: tuple[SortKey, ...]
    includes: tuple[Include, ...]
    count: int
    offset: int
    with_total: bool
    summary: str  # one of SUMMARIES
    elements: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]


def read_search(
    resource_type: str,
    parameters: Sequence[tuple[str, str]],
    *,
    asking: Asking,
    patient_id: str,
    is_strict: bool,
) -> Search:
    """Return the search that these decoded parameters ask for. Raises: FhirError."""
    given = [(name, value.replace(WILDCARD, patient_id)) for name, value in parameters]
    single = _read_once(given)
    criteria: list[Criterion] = []
    used: list[tuple[str, str]] = []
    ignored: list[str] = []
    for name, value in given:
        if name not in _ONCE and name not in _INCLUDES:
            try:
                criteria.append(read_criterion(resource_type, name, value, asking))
            except CannotPointHere:
                raise FhirError("invalid", text=f"The reference of {name[:60]!a} cannot point here.") from None
            except UnknownParameter:
                if is_strict:
                    raise _unknown(resource_type, name) from None
                ignored.append(name)
                continue
        if name not in IGNORED:
            used.append((name, value))
    count = min(whole_number("_count", single.get("_count", str(DEFAULT_COUNT)), 2**31), MOST_COUNT)
    summary = _one_of("_summary", single.get("_summary", "false"), SUMMARIES)
    total = _one_of("_total", single.get("_total", "none"), TOTALS)
    includes = tuple(_read_include(name, value) for name, value in given if name in _INCLUDES)
    if summary == "text" and includes:
        raise FhirError("invalid", text="_summary=text and _include exclude one another.")
    return Search(
        resource_type=resource_type,
        criteria=tuple(criteria),
        sort=_read_sort(resource_type, single.get("_sort", "")),
        includes=includes,
        count=0 if summary == "count" else count,
        offset=whole_number("_offset", single.get("_offset", "0"), MOST_OFFSET),
        with_total=total != "none" or summary == "count" or count == 0,
        summary=summary,
        elements=tuple(each.strip() for each in single.get("_elements", "").split(",") if each.strip()),
        parameters=tuple(used),
        ignored=tuple(ignored),
    )


def _read_once(given: Sequence[tuple[str, str]]) -> dict[str, str]:
    single: dict[str, str] = {}
    for name, value in given:
        if name not in _ONCE:
            continue
        if name in single:
            raise FhirError("invalid", text=f"The parameter {name} was sent more than once. Send it once.")
        single[name] = value
    return single


def _unknown(resource_type: str, name: str) -> FhirError:
    return FhirError("invalid", text=f"{resource_type} has no search parameter {name[:40]!a}.")


def whole_number(name: str, text: str, most: int) -> int:
    """Read a count. Raises: FhirError naming the parameter."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most):
        raise FhirError("invalid", text=f"{name} must be a whole number from 0 to {most}.")
    return int(text)


def _one_of(name: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise FhirError("invalid", text=f"{name} must be one of {', '.join(allowed)}.")
    return text


def _read_sort(resource_type: str, text: str) -> tuple[SortKey, ...]:
    return tuple(_sort_key(resource_type, each.strip()) for each in text.split(",")) if text else ()


def _sort_key(resource_type: str, text: str) -> SortKey:
    code, is_descending = text.removeprefix("-"), text.startswith("-")
    if code == "_id":
        return SortKey("id", 0, is_descending)
    if code == "_lastUpdated":
        return SortKey("changed", 0, is_descending)
    parameter = search_parameters(resource_type).get(code)
    if parameter is None or parameter.kind not in TABLES:
        raise FhirError("invalid", text=f"{resource_type} cannot be sorted by {code[:40]!a}.")
    return SortKey(TABLES[parameter.kind], parameter_id(resource_type, code), is_descending)


def _read_include(name: str, text: str) -> Include:
    """Read `Type:parameter[:target]` or `*`. Source: FHIR R4 3.1.1.5.4."""
    kind, _, iterate = name.partition(":")
    is_reverse = kind == "_revinclude"
    if text == "*" and not is_reverse:
        return Include("", "", "", is_reverse, bool(iterate))
    source_type, code, target_type = (*text.split(":"), "", "")[:3]
    known = search_parameters(source_type)
    is_any = code == "*" and bool(known) and not is_reverse
    if text.count(":") > 2 or not (is_any or (code in known and known[code].kind == "reference")):
        raise FhirError(
            "invalid", text=f"{kind} must be Type:reference or Type:reference:target, of a reference that the type has."
        )
    return Include(source_type, "" if is_any else code, target_type, is_reverse, bool(iterate))
