"""One search from its query to its answer. Source: FHIR R4, 3.1.1 "Search", 3.1.1.5 "Managing Returned Resources"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tests.fhir_search.oracle.including import directive_for, included_with
from tests.fhir_search.oracle.matching import filter_for
from tests.fhir_search.oracle.querying import pairs
from tests.fhir_search.oracle.sorting import in_order
from tests.fhir_search.oracle.stored import Result, Stored, Unsupported, World

DEFAULT_COUNT, MOST_COUNT = 20, 1000
# They change how an answer looks, never what matches.
_ABOUT_THE_ANSWER = ("_total", "_summary", "_elements", "_format", "_pretty")


def search(stores: Sequence[Stored], resource_type: str, query: str, *, base_url: str, now: datetime) -> Result:
    """Answer one search over one partition; raises Unsupported when the search must be refused."""
    world = World(stores, base_url, now)
    filters, directives, ignored = [], [], []
    settings = {"_count": str(DEFAULT_COUNT), "_offset": "0", "_sort": "", "_summary": ""}
    for name, value in pairs(query):
        if name in settings:
            settings[name] = value
        elif directive := directive_for(name, value, resource_type):
            directives.append(directive)
        elif name in _ABOUT_THE_ANSWER:
            continue
        elif found := filter_for(world, resource_type, name, value):
            filters.append(found)
        elif "." in name or name.startswith("_has:"):
            raise Unsupported(f"{resource_type} has no chain {name}")
        else:
            ignored.append(name)
    matches = [row for row in stores if row.type == resource_type and all(agrees(row) for agrees in filters)]
    ordered = in_order(world, resource_type, matches, settings["_sort"])
    count = 0 if settings["_summary"] == "count" else min(_whole_number(settings["_count"]), MOST_COUNT)
    offset = _whole_number(settings["_offset"])
    page = ordered[offset : offset + count]
    return Result(ordered, page, included_with(world, page, directives), len(ordered), ignored)


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise Unsupported(f"{text} is no number of resources")
    return int(text)
