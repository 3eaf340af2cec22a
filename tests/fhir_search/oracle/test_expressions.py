"""The interpreter on the constructs that search parameters use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fhir_search.oracle.expressions import Node, compiled, evaluate

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "name": [{"given": ["A", "B"]}, {"given": ["C"]}],
    "telecom": [{"system": "email", "value": "e"}, {"system": "phone", "value": "p"}],
    "deceasedDateTime": "2013",
    "statusReason": "no choice of status",
    "subscriberId": "no choice of subscriber",
    "extension": [{"url": "u", "valueCode": "x"}, {"url": "v", "valueString": "y"}],
    "link": [{"other": {"reference": "Patient/1"}}, {"other": {"reference": "RelatedPerson/2"}}, {"other": {}}],
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Patient.name.given", ["A", "B", "C"]),
        ("Patient.name[1].given", ["C"]),
        ("Patient.name.given | Patient.telecom.value", ["A", "B", "C", "e", "p"]),
        ("Patient.telecom.where(system='email').value", ["e"]),
        ("Patient.deceased", ["2013"]),
        ("(Patient.deceased as dateTime)", ["2013"]),
        ("Patient.deceased.as(boolean)", []),
        ("Patient.deceased.ofType(DateTime)", ["2013"]),
        ("Patient.deceased.exists() and Patient.deceased != false", [True]),
        ("Patient.birthDate.exists() and Patient.birthDate != false", [False]),
        ("Patient.birthDate = '2013'", []),
        ("Patient.deceased = '2013'", [True]),
        ("Patient.status", []),
        ("Patient.subscriber", []),
        ("Patient.extension.where(url = 'v').value", ["y"]),
        ("Patient.extension('u').value", ["x"]),
        ("Patient.link.other.where(resolve() is Patient).reference", ["Patient/1"]),
        ("%resource.deceased", ["2013"]),
    ],
)
def test_expression_finds(expression: str, expected: list[Any]) -> None:
    assert [node.value for node in evaluate(expression, Node(PATIENT, "Patient"))] == expected


def test_reference_without_a_type_may_be_let_through() -> None:
    found = evaluate("Patient.link.other.where(resolve() is Patient)", Node(PATIENT, "Patient"), unknown_resolves=True)
    assert [node.value for node in found] == [{"reference": "Patient/1"}, {}]


@pytest.mark.parametrize("expression", ["Patient.name.first()", "Patient.", "Patient)", "Patient.a > 5", "Patient.a b"])
def test_unknown_construct_is_an_error(expression: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        compiled(expression)
