"""Composites by R4 3.1.1.4.14: all parts of one value, within one element."""

from __future__ import annotations

import pytest

from tests.fhir_search.oracle import Unsupported
from tests.fhir_search.oracle.shelf import Json, ids, is_match

LOINC = "http://loinc.org"


def _coded(code: str) -> Json:
    return {"coding": [{"system": LOINC, "code": code}]}


BLOOD_PRESSURE: Json = {
    "resourceType": "Observation",
    "code": _coded("85354-9"),
    "valueQuantity": {"value": 1},
    "component": [
        {"code": _coded("8480-6"), "valueQuantity": {"value": 107, "unit": "mmHg"}},
        {"code": _coded("8462-4"), "valueQuantity": {"value": 60, "unit": "mmHg"}},
        {"code": _coded("mood"), "valueCodeableConcept": _coded("good")},
    ],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("component-code-value-quantity=http://loinc.org|8480-6$lt110", True),
        ("component-code-value-quantity=8480-6$107||mmHg", True),
        # The values are there, but not in one component.
        ("component-code-value-quantity=8480-6$60", False),
        ("component-code-value-quantity=85354-9$1", False),
        ("component-code-value-quantity=8480-6$60,8462-4$60", True),
        ("code-value-quantity=85354-9$1", True),
        ("code-value-quantity=85354-9$107", False),
        ("code-value-quantity=8480-6$107", False),
        ("combo-code-value-quantity=85354-9$1", True),
        ("combo-code-value-quantity=8462-4$60", True),
        ("combo-code-value-quantity=85354-9$60", False),
        ("component-code-value-concept=mood$good", True),
        ("combo-code-value-concept=mood$|good", False),
    ],
)
def test_parts_of_a_composite_are_of_one_element(query: str, expected: bool) -> None:
    assert is_match(query, BLOOD_PRESSURE) is expected


def test_other_kinds_of_parts() -> None:
    day = {"resourceType": "Observation", "code": _coded("d"), "valueDateTime": "2013-01-14"}
    word = {"resourceType": "Observation", "code": _coded("w"), "valueString": "Ünder $5"}
    assert ids("Observation?code-value-date=d$ge2013-01", day, word) == ["1"]
    assert ids("Observation?code-value-date=d$gt2014", day, word) == []
    assert ids(r"Observation?code-value-string=w$under \$5", day, word) == ["2"]


def test_relationship_of_documents() -> None:
    targets = [("replaces", "1"), ("signs", "2")]
    document = {
        "resourceType": "DocumentReference",
        "relatesTo": [{"code": code, "target": {"reference": f"DocumentReference/{x}"}} for code, x in targets],
    }
    assert is_match("relationship=replaces$DocumentReference/1", document)
    assert is_match("relationship=http://hl7.org/fhir/document-relationship-type|signs$2", document)
    assert not is_match("relationship=signs$1", document)


@pytest.mark.parametrize("query", ["=a", "=a$1$2", ":missing=true", ":not=a$1", "=a$x"])
def test_composite_of_another_shape_is_refused(query: str) -> None:
    with pytest.raises(Unsupported):
        ids(f"Observation?code-value-quantity{query}")
