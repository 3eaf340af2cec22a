"""Documented placeholders, only for what is absent."""

from __future__ import annotations

from typing import Any

import pytest

from .sources import line_of

UNDEFINED = {"display": "Undefined by source"}


def test_documented_sample() -> None:
    kind = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "pharmacy"}]}
    line = line_of({"resourceType": "ExplanationOfBenefit", "id": "1", "type": kind})
    assert line["type"] == kind
    assert line["provider"] == UNDEFINED
    assert line["insurer"] == UNDEFINED
    assert line["insurance"] == [{"focal": True, "coverage": UNDEFINED}]


@pytest.mark.parametrize(
    ("resource_type", "expected"),
    [
        ("Coverage", {"payor": [UNDEFINED]}),
        ("Claim", {"provider": UNDEFINED, "priority": {"coding": [UNDEFINED]}}),
        ("ClaimResponse", {}),
        ("Patient", {}),
    ],
)
def test_absent_elements_of_each_type_are_filled(resource_type: str, expected: dict[str, Any]) -> None:
    line = line_of({"resourceType": resource_type, "id": "1"})
    assert {key: line[key] for key in set(line) - {"resourceType", "id", "meta", "identifier"}} == expected


@pytest.mark.parametrize("empty", [None, [], {}])
def test_empty_elements_count_as_absent(empty: Any) -> None:
    assert line_of({"resourceType": "Coverage", "id": "1", "payor": empty})["payor"] == [UNDEFINED]


@pytest.mark.parametrize(
    "resource",
    [
        {
            "resourceType": "ExplanationOfBenefit",
            "provider": {"display": "Dr"},
            "insurer": {"identifier": {"value": "1"}},
            "insurance": [{"focal": False, "coverage": {"display": "c"}}],
        },
        {"resourceType": "Coverage", "payor": [{"display": "p"}]},
        {"resourceType": "Claim", "provider": {"display": "p"}, "priority": {"text": "normal"}},
    ],
)
def test_present_elements_stay(resource: dict[str, Any]) -> None:
    line = line_of({"id": "1", **resource})
    assert {key: line[key] for key in resource} == resource
