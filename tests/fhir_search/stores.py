"""Random small stores: some thirty resources that refer to one another, and where a second partition would leak in.

Owns ids, order, instants and `meta`; the rest of a resource is made in `resources`.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis.strategies import SearchStrategy

from tests.fhir_search import chance as st
from tests.fhir_search import pools
from tests.fhir_search.oracle import Stored
from tests.fhir_search.pools import LETTERS, element, known_id, some
from tests.fhir_search.resources import shapes

STRANGERS = "123456"
_FIRST_CHANGE = datetime(2024, 2, 29, 10, 30, tzinfo=timezone.utc)  # noqa: UP017
_line = msgspec.json.Encoder(decimal_format="number")

# How many of a type a store has: those with most search parameters come most.
_COUNTS = {"Observation": 10, "Patient": 5, "Condition": 5, "DocumentReference": 5, "Organization": 4, "Encounter": 4}
_COUNT_OF_OTHERS = 4

metas = element(
    tag=some(pools.codings),
    security=some(pools.codings),
    profile=some(st.sampled_from(pools.PROFILES)),
    source=st.sampled_from(pools.URIS),
)


def stores(base_url: str) -> SearchStrategy[list[Stored]]:
    return st.seeded(random_stores(base_url))


@st.composite
def random_stores(draw: st.Draw, base_url: str, *, letters: str = LETTERS, strangers: str = STRANGERS) -> list[Stored]:
    """Make one partition's resources in the order of storing."""
    made: list[tuple[str, str, dict[str, Any]]] = []
    for resource_type, shape in shapes(base_url, strangers).items():
        count = _COUNTS.get(resource_type, _COUNT_OF_OTHERS)
        made += [(resource_type, known_id(letter), draw(shape)) for letter in letters[:count]]
    shuffled = draw(st.permutations(made))
    return [
        _stored(resource_type, resource_id, resource, draw(st.one_of(st.just(None), metas)), draw(_changes), order)
        for order, (resource_type, resource_id, resource) in enumerate(shuffled)
    ]


_changes = st.sampled_from([0, 1, 250_000, 999_999, 1_000_000, 86_400_000_000, 5_184_000_000_000]).map(
    lambda microseconds: _FIRST_CHANGE + timedelta(microseconds=microseconds)
)


def line(stored: Stored) -> bytes:
    """Write a resource as JSON; numbers keep their digits."""
    return _line.encode(stored.resource)


def _stored(
    resource_type: str, resource_id: str, resource: dict[str, Any], meta: dict[str, Any] | None, changed: datetime,
    order: int,
) -> Stored:  # fmt: skip
    whole = {"resourceType": resource_type, "id": resource_id, **({"meta": meta} if meta else {}), **resource}
    parsed = json.loads(_line.encode(whole), parse_float=Decimal)
    return Stored(resource_type, resource_id, parsed, changed, order)
