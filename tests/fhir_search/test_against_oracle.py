"""The product against the reference matcher: random searches over random stores, and what must hold without it.

Each test fills the partition of one consent, and that of a second one whose resources refer into the first and are
referred to from there. A store and its queries are made from one seed; Hypothesis names it when something fails.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from tests.fhir_search.chance import made
from tests.fhir_search.comparing import asked, check_equal, expected_of, found, key_of
from tests.fhir_search.oracle.stored import World
from tests.fhir_search.pools import LETTERS
from tests.fhir_search.product import Product, base_url
from tests.fhir_search.queries import Sight, filters, plain_filters, queries, sorts, written
from tests.fhir_search.stores import STRANGERS, random_stores

pytestmark = pytest.mark.django_db

SEEDS = st.integers(0, 2**64 - 1)
QUERIES = 55


def stores_of_examples(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test on this many seeds; without shrinking, since another seed is another store."""
    return settings(
        max_examples=count,
        phases=[Phase.explicit, Phase.generate],
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture
def products(settings: Settings) -> tuple[Product, Product]:
    settings.FHIR_PER_MINUTE = 1_000_000
    return Product(), Product()


def filled(products: tuple[Product, Product], seed: int) -> tuple[Product, Sight, Random]:
    """Fill both partitions; the second one's ids are the strangers of the first."""
    ours, theirs = products
    rows = made(random_stores(base_url()), seed)
    strangers = made(random_stores(base_url(), letters=STRANGERS, strangers=LETTERS), seed + 1)
    ours.load(rows)
    theirs.load(strangers)
    return ours, Sight(World(rows, base_url(), timezone.now())), Random(seed)


def rows_of(sight: Sight, resource_type: str) -> list[tuple[str, str]]:
    return [key_of(row) for row in sight.world.stores if row.type == resource_type]


@pytest.mark.parametrize("batch", range(4))
@stores_of_examples(5)
@given(seed=SEEDS)
def test_matches_order_includes_and_total_are_those_of_the_reference(
    products: tuple[Product, Product], batch: int, seed: int
) -> None:
    product, sight, random = filled(products, seed + batch)
    for _ in range(QUERIES):
        resource_type, query = queries(sight).make(random)
        check_equal(product, sight.world.stores, resource_type, query)


@stores_of_examples(5)
@given(seed=SEEDS)
def test_pages_joined_are_the_whole_without_a_resource_twice(products: tuple[Product, Product], seed: int) -> None:
    product, sight, random = filled(products, seed)
    for resource_type in random.sample(sight.types, 6):
        pairs = [sorts(sight, resource_type).make(random), ("_count", str(random.randint(1, 4)))]
        query = written(pairs + [plain_filters(sight, resource_type).make(random)] * random.randint(0, 1)).make(random)
        expected = expected_of(sight.world.stores, resource_type, query)
        assert expected is not None
        page = asked(product, resource_type, query)
        joined = page.matches
        while page.next:
            page = type(page)(*product.get(page.next))
            assert page.matches, f"{resource_type}?{query} has an empty page"
            joined += page.matches
        assert joined == [key_of(row) for row in expected.matches], f"{resource_type}?{query}"


@stores_of_examples(3)
@given(seed=SEEDS)
def test_not_is_the_complement(products: tuple[Product, Product], seed: int) -> None:
    product, sight, random = filled(products, seed)
    for resource_type in sight.types:
        (name, value) = plain_filters(sight, resource_type, kinds=("token",), modified=False).make(random)
        plain = found(product, resource_type, written([(name, value)]).make(random))
        others = found(product, resource_type, written([(f"{name}:not", value)]).make(random))
        assert sorted(plain + others) == sorted(rows_of(sight, resource_type)), f"{resource_type}?{name}:not={value}"


@stores_of_examples(2)
@given(seed=SEEDS)
def test_missing_parts_every_type_in_two(products: tuple[Product, Product], seed: int) -> None:
    product, sight, random = filled(products, seed)
    for resource_type in sight.types:
        known = [parameter for parameter, _nodes in sight.parameters[resource_type] if parameter.kind != "composite"]
        for parameter in random.sample(known, min(3, len(known))):
            if parameter.code.startswith("_"):
                continue
            there = found(product, resource_type, f"{parameter.code}:missing=false")
            gone = found(product, resource_type, f"{parameter.code}:missing=true")
            assert sorted(there + gone) == sorted(rows_of(sight, resource_type)), f"{resource_type}?{parameter.code}"


@stores_of_examples(5)
@given(seed=SEEDS)
def test_one_more_filter_narrows_and_one_more_value_widens(products: tuple[Product, Product], seed: int) -> None:
    product, sight, random = filled(products, seed)
    for resource_type in random.sample(sight.types, 6):
        first, second = (filters(sight, resource_type).make(random) for _ in range(2))
        (name, value), (_name, other) = (plain_filters(sight, resource_type, modified=False).make(random) for _ in "ab")
        alone = found(product, resource_type, written([first]).make(random))
        both = found(product, resource_type, written([first, second]).make(random))
        assert both == [key for key in alone if key in both], f"{resource_type}: {first} and {second}"
        plain = found(product, resource_type, written([(name, value)]).make(random))
        expected = expected_of(sight.world.stores, resource_type, written([(name, f"{value},{other}")]).make(random))
        if expected is not None:
            wider = found(product, resource_type, written([(name, f"{value},{other}")]).make(random))
            assert plain == [key for key in wider if key in plain], f"{resource_type}: {name}={value} or {other}"


@stores_of_examples(2)
@given(seed=SEEDS)
def test_no_row_of_another_partition_appears(products: tuple[Product, Product], seed: int) -> None:
    """Ask for what is not ours by its id, by references to it, and as what comes along."""
    product, sight, random = filled(products, seed)
    strangers = {row.id for row in made(random_stores(base_url(), letters=STRANGERS, strangers=LETTERS), seed + 1)}
    for resource_type in sight.types:
        assert found(product, resource_type, f"_id={','.join(sorted(strangers))}") == []
        assert found(product, resource_type, "") == rows_of(sight, resource_type)
    for source, code, target in random.sample(sight.arrows, min(8, len(sight.arrows))):
        for path in (f"_include:iterate={source}:{code}", f"_include={source}:*", f"{code}:{target}._id:not=1"):
            answer = asked(product, source, f"_count=1000&{path}")
            assert strangers.isdisjoint(resource_id for _type, resource_id in answer.matches + answer.included)
        answer = asked(product, target, f"_count=1000&_revinclude:iterate={source}:{code}")
        assert strangers.isdisjoint(resource_id for _type, resource_id in answer.matches + answer.included)


@pytest.mark.parametrize(
    "path",
    [
        "Patient?gender:in=http://example.org/v",
        "Patient?gender:below=male",
        "Patient?gender:exact=male",
        "Patient?name:not=x",
        "Patient?birthdate:exact=2013",
        "Patient?birthdate=yesterday",
        "Patient?birthdate=2013-02-30",
        "Patient?identifier:of-type=a|b",
        "Patient?gender:missing=maybe",
        "Patient?organization:Patient=1",
        "Patient?organization.unheard-of=1",
        "Patient?_has:Observation:patient=1",
        "Patient?_has:Observation:code:code=1",
        "Patient?_sort=unheard-of",
        "Patient?_count=-1",
        "Patient?_offset=x",
        "Patient?_include=Patient:gender",
        "Observation?code-value-quantity=a",
        "Observation?_sort=code-value-quantity",
        "Observation?value-quantity=five",
        "Observation?value-quantity=5|mg",
        "Observation?code-value-quantity:missing=true",
        "Condition?_has:Coverage:payor:status=active",
        "Observation?patient.organization.partof.partof.name=x",
    ],
)
def test_what_the_reference_refuses_is_refused(products: tuple[Product, Product], path: str) -> None:
    resource_type, _mark, query = path.partition("?")
    products[0].load([])
    assert expected_of([], resource_type, query) is None
    answer = asked(products[0], resource_type, query)
    assert answer.status == 400
    assert answer.bundle["resourceType"] == "OperationOutcome"
