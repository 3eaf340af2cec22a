"""One answer of the product held against the reference, in words that say what is wrong.

Owns reading a searchset Bundle; refuses to judge by anything but the reference.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

from tests.fhir_search.oracle import Result, Stored, Unsupported, search
from tests.fhir_search.product import Product, base_url
from tests.fhir_search.stores import line

Key = tuple[str, str]


@dataclass(frozen=True)
class Answer:
    """What the product said to one search."""

    status: int
    bundle: dict[str, Any]

    @property
    def matches(self) -> list[Key]:
        return self._keys("match")

    @property
    def included(self) -> list[Key]:
        return self._keys("include")

    @property
    def next(self) -> str:
        """The path and query of the next page, or nothing."""
        urls = [link["url"] for link in self.bundle.get("link", []) if link["relation"] == "next"]
        return f"{urlsplit(urls[0]).path}?{urlsplit(urls[0]).query}" if urls else ""

    def _keys(self, mode: str) -> list[Key]:
        entries = [entry for entry in self.bundle.get("entry", []) if entry["search"]["mode"] == mode]
        return [(entry["resource"]["resourceType"], entry["resource"]["id"]) for entry in entries]


def asked(product: Product, resource_type: str, query: str) -> Answer:
    return Answer(*product.search(resource_type, query))


def found(product: Product, resource_type: str, query: str) -> list[Key]:
    """List all matches of a search that must succeed."""
    answer = asked(product, resource_type, f"_count=1000&{query}")
    assert answer.status == 200, f"{resource_type}?{query} was answered {answer.status}: {answer.bundle}"
    return answer.matches


def expected_of(rows: Sequence[Stored], resource_type: str, query: str) -> Result | None:
    """Ask the reference; None when the search must be refused."""
    try:
        return search(rows, resource_type, query, base_url=base_url(), now=timezone.now())
    except Unsupported:
        return None


def check_equal(product: Product, rows: Sequence[Stored], resource_type: str, query: str) -> None:
    """Hold one answer against the reference: status, matches in order, what came along, total."""
    answer = asked(product, resource_type, f"{query}&_total=accurate")
    expected = expected_of(rows, resource_type, query)
    where = f"/fhir/{resource_type}?{query}"
    if expected is None:
        assert answer.status == 400, f"{where} must be refused, was answered {answer.status}"
        return
    assert answer.status == 200, f"{where} was answered {answer.status}: {answer.bundle}"
    page = [key_of(row) for row in expected.page]
    assert answer.matches == page, _difference(where, "matches", rows, answer.matches, page)
    assert len(answer.included) == len(set(answer.included)), f"{where} includes a resource twice"
    assert set(answer.included) == expected.included, _difference(
        where, "includes", rows, answer.included, sorted(expected.included)
    )
    assert answer.bundle["total"] == expected.total, f"{where}: total {answer.bundle['total']}, not {expected.total}"


def key_of(row: Stored) -> Key:
    return row.type, row.id


def _difference(where: str, what: str, rows: Sequence[Stored], ours: list[Key], expected: list[Key]) -> str:
    """Say which resources are too many, which too few, and show them."""
    extra, lacking = sorted({*ours} - {*expected}), sorted({*expected} - {*ours})
    shown = [json.dumps(json.loads(line(row)), ensure_ascii=False) for row in rows if key_of(row) in extra + lacking]
    lines = [where, f"{what}: {ours}", f"expected: {expected}", f"too many: {extra}", f"too few: {lacking}"]
    return "\n".join([*lines, *shown[:4]])
