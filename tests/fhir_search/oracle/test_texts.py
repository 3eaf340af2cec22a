"""Strings and URIs by the examples of R4 3.1.1.4.8 and 3.1.1.4.13."""

from __future__ import annotations

import pytest

from tests.fhir_search.oracle.shelf import Json, ids, is_match

PATIENT: Json = {
    "resourceType": "Patient",
    "name": [
        {"given": ["Evelyn", "Ève"], "family": "de la Cruz", "prefix": ["Dr."], "text": "Dr. Eve"},
        {"family": "Müßig, jr."},
    ],
    "address": [{"line": ["100% Road", "Flat_2"], "city": "Ålesund", "postalCode": "02139", "country": "NO"}],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("given=eve", True),
        ("given=EVE", True),
        ("given=ève", True),
        ("given=lyn", False),
        ("given:contains=LYN", True),
        ("given:exact=Evelyn", True),
        ("given:exact=evelyn", False),
        ("given:exact=Ève", True),
        ("given:exact=Eve", False),
        ("given:exact=Eve,Evelyn", True),
        ("family=mussig", True),
        ("family=MÜSSIG", True),
        (r"family=m%C3%BC%C3%9Fig\, jr.", True),
        ("family=x,de", True),
        ("family=cruz", False),
        ("family:contains=la c", True),
        ("name=dr.", True),
        ("name=de la", True),
        ("name=eve", True),
        ("phonetic=eve", True),
        ("address=alesund", True),
        ("address=flat", True),
        ("address=100%25 r", True),
        ("address=100x", False),
        ("address:contains=t_2", True),
        ("address:contains=tx2", False),
        ("address-city=%C3%A5le", True),
        ("address-postalcode=0213", True),
        ("address-state:missing=true", True),
        ("address-city:missing=true", False),
    ],
)
def test_string_begins_with_whatever_case_and_accents(query: str, expected: bool) -> None:
    assert is_match(query, PATIENT) is expected


@pytest.mark.parametrize(
    ("query", "expected"), [("name=ac", True), ("name=branch", True), ("name:exact=ACME", True), ("name=lab", False)]
)
def test_name_of_an_organization_may_be_an_alias(query: str, expected: bool) -> None:
    assert is_match(query, {"resourceType": "Organization", "name": "ACME", "alias": ["Branch"]}) is expected


def test_the_text_of_a_concept_is_a_string_where_the_parameter_says_so() -> None:
    observation = {"resourceType": "Observation", "valueCodeableConcept": {"text": "Positive"}}
    assert is_match("value-string=pos", observation)
    assert not is_match("value-concept=positive", observation)


URLS = [
    "http://acme.org/fhir",
    "http://acme.org/fhir/ValueSet",
    "http://acme.org/fhir/ValueSet/123",
    "http://acme.org/FHIR",
]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("http://acme.org/fhir", ["1"]),
        ("http://acme.org/fhir/", []),
        ("http://acme.org/fhir,http://acme.org/FHIR", ["1", "4"]),
    ],
)
def test_uri_is_compared_letter_by_letter(query: str, expected: list[str]) -> None:
    plans = [{"resourceType": "CarePlan", "instantiatesUri": [url]} for url in URLS]
    assert ids(f"CarePlan?instantiates-uri={query}", *plans) == expected


def test_below_finds_what_begins_with_it_and_above_what_it_begins_with() -> None:
    plans = [{"resourceType": "CarePlan", "instantiatesUri": [url]} for url in URLS]
    assert ids("CarePlan?instantiates-uri:below=http://acme.org/fhir/", *plans) == ["2", "3"]
    assert ids("CarePlan?instantiates-uri:below=http://acme.org/fhir", *plans) == ["1", "2", "3"]
    assert ids("CarePlan?instantiates-uri:above=http://acme.org/fhir/ValueSet/1", *plans) == ["1", "2"]


def test_source_is_a_uri() -> None:
    patient = {"resourceType": "Patient", "meta": {"source": "http://a/b"}}
    assert is_match("_source=http://a/b", patient)
    assert not is_match("_source=http://a", patient)
    assert is_match("_source:below=http://a", patient)
