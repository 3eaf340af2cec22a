"""References by R4 3.1.1.4.12: relative, absolute, versioned, typed, by identifier; and what is none."""

from __future__ import annotations

import pytest

from tests.fhir_search.oracle import Unsupported
from tests.fhir_search.oracle.shelf import BASE_URL, Json, ids, is_match


def _observation(subject: Json | None) -> Json:
    return {"resourceType": "Observation", **({"subject": subject} if subject else {})}


LOCAL = {"reference": "Patient/23"}
FOREIGN = {"reference": "https://other.example/fhir/Patient/23"}
IDENTIFIED = {"identifier": {"system": "http://x", "value": "A1"}, "display": "Somebody"}


@pytest.mark.parametrize(
    ("query", "subject", "expected"),
    [
        ("subject=Patient/23", LOCAL, True),
        ("subject=23", LOCAL, True),
        (f"subject={BASE_URL}/Patient/23", LOCAL, True),
        ("subject:Patient=23", LOCAL, True),
        ("subject:Patient=Patient/23", LOCAL, True),
        ("subject:Group=23", LOCAL, False),
        ("subject=Group/23", LOCAL, False),
        ("subject=Patient/2", LOCAL, False),
        ("subject=1,23", LOCAL, True),
        ("subject=Patient/23/_history/4", LOCAL, True),
        ("patient=Patient/23", LOCAL, True),
        ("patient=23", LOCAL, True),
        ("subject=23", {"reference": "Patient/23/_history/2"}, True),
        ("subject=Patient/23", {"reference": f"{BASE_URL}/Patient/23"}, True),
        ("subject=Patient/23", {"reference": f"{BASE_URL}/Patient/23/_history/1"}, True),
        ("subject=23", {"reference": f"{BASE_URL}/Group/23"}, True),
        ("patient=23", {"reference": "Group/23"}, False),
        ("subject=Patient/23", FOREIGN, False),
        ("subject=23", FOREIGN, False),
        ("subject:Patient=23", FOREIGN, False),
        ("subject=https://other.example/fhir/Patient/23", FOREIGN, True),
        ("patient=https://other.example/fhir/Patient/23", FOREIGN, True),
        ("subject=https://other.example/fhir/Patient/23", LOCAL, False),
        ("subject=urn:uuid:5", {"reference": "urn:uuid:5"}, True),
        ("patient=urn:uuid:5", {"reference": "urn:uuid:5"}, False),
        ("subject=%235", {"reference": "#5"}, False),
        ("subject=5", {"reference": "#5"}, False),
        ("subject=Patient/23", IDENTIFIED, False),
        ("subject:identifier=http://x|a1", IDENTIFIED, True),
        ("subject:identifier=A1", IDENTIFIED, True),
        ("subject:identifier=|A1", IDENTIFIED, False),
        ("subject:identifier=A1", LOCAL, False),
        ("subject:missing=false", IDENTIFIED, True),
        ("subject:missing=false", {"display": "Undefined by source"}, True),
        ("subject:missing=true", None, True),
        ("patient:missing=true", None, True),
        ("patient:missing=true", {"reference": "Group/23"}, True),
        ("patient:missing=false", {"display": "Undefined by source"}, True),
        ("patient:missing=false", LOCAL, True),
    ],
)
def test_subject_of_an_observation(query: str, subject: Json | None, expected: bool) -> None:
    assert is_match(query, _observation(subject)) is expected


@pytest.mark.parametrize(
    ("query", "expected"), [("http://p|1", ["1"]), ("http://p", ["1", "2", "3"]), ("http://p|9", []), ("http://", [])]
)
def test_canonical_without_a_version_is_any_version(query: str, expected: list[str]) -> None:
    profiles = [["http://p|1", "http://q"], ["http://p|2"], ["http://p"]]
    patients = [{"resourceType": "Patient", "meta": {"profile": each}} for each in profiles]
    assert ids(f"Patient?_profile={query}", *patients) == expected
    plans = [{"resourceType": "CarePlan", "instantiatesCanonical": each} for each in profiles]
    assert ids(f"CarePlan?instantiates-canonical={query}", *plans) == expected


@pytest.mark.parametrize("query", ["subject:exact=1", "patient:Group=1", "subject:Nothing=1"])
def test_unknown_modifier_of_a_reference_is_refused(query: str) -> None:
    with pytest.raises(Unsupported):
        ids(f"Observation?{query}")


def test_id_is_compared_whole_and_with_its_case() -> None:
    patients = [{"resourceType": "Patient", "id": each} for each in ("a", "A", "ab")]
    assert ids("Patient?_id=a", *patients) == ["a"]
    assert ids("Patient?_id=ab,a,x", *patients) == ["a", "ab"]
    assert ids("Patient?_id=a&_id=ab", *patients) == []
