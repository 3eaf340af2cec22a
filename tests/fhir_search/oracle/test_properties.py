"""What must hold of the reference matcher itself, whatever is stored and asked."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fhir_search import pools
from tests.fhir_search.chance import made
from tests.fhir_search.oracle import Unsupported, dates, numbers, search
from tests.fhir_search.oracle.dates import parse_date
from tests.fhir_search.oracle.querying import escape, split, unescape
from tests.fhir_search.oracle.shelf import BASE_URL, NOW
from tests.fhir_search.oracle.stored import Stored, World
from tests.fhir_search.oracle.texts import normalise
from tests.fhir_search.queries import Sight, plain_filters, queries, written
from tests.fhir_search.stores import random_stores

SEEDS = st.integers(0, 2**64 - 1)
TEXTS = st.text(st.sampled_from(",|$\\ab"), max_size=8)
DATES = st.sampled_from(pools.DATES + pools.INSTANTS)


def _matches(rows: list[Stored], resource_type: str, query: str) -> list[Stored]:
    return search(rows, resource_type, query, base_url=BASE_URL, now=NOW).matches


@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(",|$"))
def test_escaped_texts_survive_joining_and_splitting(texts: list[str], separator: str) -> None:
    assert [unescape(piece) for piece in split(separator.join(map(escape, texts)), separator)] == texts


@given(st.text())
def test_normalised_text_stays_as_it_is(text: str) -> None:
    assert normalise(normalise(text)) == normalise(normalise(normalise(text)))


@given(DATES, DATES)
def test_ways_to_compare_two_dates_agree_with_one_another(left: str, right: str) -> None:
    asked, found = parse_date(left), parse_date(right)
    assert asked
    assert found
    assert asked[0] <= asked[1]
    holds = {prefix: dates.compare(prefix, asked, found, now=0) for prefix in dates.PREFIXES}
    assert holds["eq"] is not holds["ne"]
    assert holds["ge"] is (holds["gt"] or holds["eq"])
    assert holds["le"] is (holds["lt"] or holds["eq"])
    assert not (holds["sa"] and holds["eb"])
    assert holds["gt"] or not holds["sa"]
    assert holds["lt"] or not holds["eb"]
    assert holds["ap"] or not holds["eq"]


@given(st.sampled_from(pools.NUMBERS), st.sampled_from(pools.NUMBERS))
def test_ways_to_compare_two_numbers_agree_with_one_another(asked: Decimal, found: Decimal) -> None:
    holds = {prefix: numbers.compare(prefix, asked, (found, found)) for prefix in dates.PREFIXES}
    assert holds["eq"] is not holds["ne"]
    assert holds["ge"] is not holds["lt"]
    assert holds["le"] is not holds["gt"]
    assert holds["sa"] is holds["gt"]
    assert holds["eb"] is holds["lt"]


@settings(max_examples=10)
@given(SEEDS)
def test_filters_part_and_narrow_a_store(seed: int) -> None:
    rows, random = made(random_stores(BASE_URL), seed), Random(seed)
    sight = Sight(World(rows, BASE_URL, NOW))
    for resource_type in sight.types:
        everything = [row for row in rows if row.type == resource_type]
        for kinds, modifiers in ((("token",), ("", ":not")), (("token", "string", "date", "reference"), ("missing",))):
            name, value = plain_filters(sight, resource_type, kinds=kinds, modified=False).make(random)
            if modifiers == ("missing",):
                if name.startswith("_"):
                    continue
                halves = [_matches(rows, resource_type, f"{name}:missing={each}") for each in ("true", "false")]
            else:
                asked = [written([(name + each, value)]).make(random) for each in modifiers]
                halves = [_matches(rows, resource_type, each) for each in asked]
            assert sorted(halves[0] + halves[1], key=lambda row: row.order) == everything
        first, second = (written([plain_filters(sight, resource_type).make(random)]).make(random) for _ in range(2))
        alone = _matches(rows, resource_type, first)
        assert [row for row in alone if row in _matches(rows, resource_type, second)] == _matches(
            rows, resource_type, f"{first}&{second}"
        )


@settings(max_examples=10)
@given(SEEDS)
def test_pages_are_slices_of_the_matches_and_bring_nothing_that_is_on_them(seed: int) -> None:
    rows, random = made(random_stores(BASE_URL), seed), Random(seed)
    sight = Sight(World(rows, BASE_URL, NOW))
    for _ in range(10):
        resource_type, query = queries(sight).make(random)
        found = search(rows, resource_type, query, base_url=BASE_URL, now=NOW)
        assert found.total == len(found.matches) == len({row.id for row in found.matches})
        assert [row for row in found.matches if row in found.page] == found.page
        assert found.included.isdisjoint((row.type, row.id) for row in found.page)
        assert found.included <= {(row.type, row.id) for row in rows}


@settings(max_examples=20)
@given(SEEDS)
def test_no_random_query_is_refused(seed: int) -> None:
    rows = made(random_stores(BASE_URL), seed)
    sight = Sight(World(rows, BASE_URL, NOW))
    for offset in range(30):
        resource_type, query = made(queries(sight), seed + offset)
        try:
            _matches(rows, resource_type, query)
        except Unsupported as refusal:
            pytest.fail(f"{resource_type}?{query}: {refusal}")
