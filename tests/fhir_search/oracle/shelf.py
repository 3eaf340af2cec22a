"""A few resources on a shelf, for the cases in which one query has one known answer."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from tests.fhir_search.oracle import Result, Stored, search

BASE_URL = "https://relay.example/fhir"
NOW = datetime(2024, 3, 10, tzinfo=timezone.utc)  # noqa: UP017
FIRST_CHANGE = datetime(2024, 2, 1, tzinfo=timezone.utc)  # noqa: UP017

Json = dict[str, Any]


def shelf(*resources: Json) -> list[Stored]:
    """Store resources in this order, an hour apart; one without an id is called by its place, "1" and so on."""
    return [
        Stored(
            type=resource["resourceType"],
            id=resource.get("id", str(place)),
            resource=json.loads(json.dumps({"id": str(place), **resource}), parse_float=Decimal),
            changed=FIRST_CHANGE + timedelta(hours=place),
            order=place,
        )
        for place, resource in enumerate(resources, 1)
    ]


def answer(stores: list[Stored], path: str) -> Result:
    """Search by a path such as "Patient?name=x"."""
    resource_type, _mark, query = path.partition("?")
    return search(stores, resource_type, query, base_url=BASE_URL, now=NOW)


def ids(path: str, *resources: Json) -> list[str]:
    """List the ids of the matches, in order."""
    return [stored.id for stored in answer(shelf(*resources), path).matches]


def is_match(query: str, resource: Json) -> bool:
    """Say whether one resource alone matches a query on its type."""
    return bool(ids(f"{resource['resourceType']}?{query}", resource))
