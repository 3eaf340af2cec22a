"""`$everything` and its options: what `_type`, `_since` and pages leave out, and that nothing falls between pages."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from apps.audit.models import AuditEvent
from apps.audit.services import Shown
from tests.fhir_search.oracle import Stored
from tests.fhir_search.product import Product

from .test_reading import code_of

pytestmark = pytest.mark.django_db
CHANGED = dt.datetime(2026, 11, 21, 8, tzinfo=dt.UTC)
EVERYTHING = "/fhir/Patient/$PATIENT_ID/$everything"


@pytest.fixture
def product(settings: Settings) -> Product:
    settings.FHIR_PER_MINUTE = 10_000
    product = Product()
    patient = str(product.authorization.destination_patient_id)
    others = [
        (kind, f"{kind[0].lower()}{number}") for kind in ("Coverage", "Claim", "Observation") for number in range(7)
    ]
    kinds = [("Patient", patient), *others]
    product.load([
        Stored(kind, fhir_id, {"resourceType": kind, "id": fhir_id}, CHANGED + dt.timedelta(hours=order), order)
        for order, (kind, fhir_id) in enumerate(kinds)
    ])  # fmt: skip
    return product


def names(bundle: dict[str, Any]) -> list[str]:
    return [f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in bundle.get("entry", [])]


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_pages_are_the_whole_without_gap_or_overlap(product: Product, settings: Settings, count: int) -> None:
    whole = names(product.get(EVERYTHING)[1])
    path, found = f"{EVERYTHING}?_count={count}", []
    while path:
        _, bundle = product.get(path)
        assert bundle["total"] == len(whole)
        found += names(bundle)
        following = [each["url"] for each in bundle["link"] if each["relation"] == "next"]
        path = following[0].removeprefix(settings.PUBLIC_URL) if following else ""
    assert found == whole


def test_types_and_the_instant_of_our_change_narrow_it(product: Product) -> None:
    whole = names(product.get(EVERYTHING)[1])
    two = names(product.get(f"{EVERYTHING}?_type=Coverage,Patient")[1])
    assert two == [each for each in whole if each.partition("/")[0] in ("Coverage", "Patient")]
    assert len(two) == 8
    since = (CHANGED + dt.timedelta(hours=20)).isoformat()  # its + arrives as a space
    assert names(product.get(f"{EVERYTHING}?_since={since}")[1]) == ["Observation/o5", "Observation/o6"]


@pytest.mark.parametrize(
    ("query", "named"),
    [("_type=Fly", "_type"), ("_since=soon", "_since"), ("_count=-1", "_count"), ("_offset=3", "_offset"),
     ("_count=1&_count=2", "_count"), ("start=2020", "start")],
)  # fmt: skip
def test_an_option_that_is_not_understood_is_refused_by_name(product: Product, query: str, named: str) -> None:
    status, outcome = product.get(f"{EVERYTHING}?{query}")
    assert (status, code_of(outcome)) == (400, "invalid")
    assert named in outcome["issue"][0]["details"]["text"]


def test_links_name_the_public_address_and_not_the_host_that_was_asked(product: Product) -> None:
    _, bundle = product.get(f"{EVERYTHING}?_count=1", Host="localhost")
    patient = product.authorization.destination_patient_id
    assert {each["url"].partition("?")[0] for each in bundle["link"]} == {
        f"http://localhost:8000/fhir/Patient/{patient}/$everything"
    }


@pytest.mark.parametrize("query", ["", "?_type=Coverage,Patient", "?_count=4&_offset=4", "?_type=Goal"])
def test_the_audit_log_has_the_hash_of_exactly_what_was_shown(product: Product, query: str) -> None:
    shown = names(product.get(f"{EVERYTHING}{query}")[1])
    detail = AuditEvent.objects.filter(action="record.everything_read").latest("id").detail
    assert detail == {"count": len(shown), "ids_sha256": Shown.of(shown).ids_sha256}
