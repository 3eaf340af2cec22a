"""Chains and reverse chains by R4 3.1.1.4.15 and 3.1.1.4.16."""

from __future__ import annotations

import pytest

from tests.fhir_search.oracle import Unsupported
from tests.fhir_search.oracle.shelf import BASE_URL, Json, ids

PARENT: Json = {"resourceType": "Organization", "id": "parent", "name": "Parent"}
CHILD: Json = {
    "resourceType": "Organization",
    "id": "child",
    "name": "Child",
    "partOf": {"reference": "Organization/parent"},
}
PETER: Json = {
    "resourceType": "Patient",
    "id": "peter",
    "name": [{"given": ["Peter"]}],
    "gender": "male",
    "managingOrganization": {"reference": "Organization/child"},
}
PAULA: Json = {"resourceType": "Patient", "id": "paula", "name": [{"given": ["Paula"]}], "gender": "female"}
OF_PETER: Json = {
    "resourceType": "Observation",
    "id": "of-peter",
    "code": {"coding": [{"code": "1234-5"}]},
    "subject": {"reference": "Patient/peter"},
}
OF_PAULA: Json = {
    "resourceType": "Observation",
    "id": "of-paula",
    "code": {"coding": [{"code": "6789-0"}]},
    "subject": {"reference": f"{BASE_URL}/Patient/paula/_history/1"},
    "hasMember": [{"reference": "Observation/of-peter"}],
}
OF_NOBODY: Json = {
    "resourceType": "Observation",
    "id": "of-nobody",
    "subject": {"reference": "https://other.example/fhir/Patient/peter"},
}
ALL = (PARENT, CHILD, PETER, PAULA, OF_PETER, OF_PAULA, OF_NOBODY)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Observation?subject:Patient.name=peter", ["of-peter"]),
        ("Observation?patient.name=peter", ["of-peter"]),
        ("Observation?subject.name=peter", ["of-peter"]),
        ("Observation?patient.given:exact=peter", []),
        ("Observation?patient.gender=male,female", ["of-peter", "of-paula"]),
        ("Observation?patient.gender:not=male", ["of-paula"]),
        ("Observation?patient._id=paula", ["of-paula"]),
        ("Observation?patient.organization:missing=true", ["of-paula"]),
        ("Observation?patient.organization.name=child", ["of-peter"]),
        ("Observation?patient.organization.partof.name=parent", ["of-peter"]),
        ("Observation?patient.organization=Organization/child", ["of-peter"]),
        ("Observation?patient.name=peter&patient.gender=female", []),
        ("Observation?has-member:Observation.code=1234-5", ["of-paula"]),
        ("Patient?_has:Observation:patient:code=1234-5", ["peter"]),
        ("Patient?_has:Observation:patient:code=1234-5,6789-0", ["peter", "paula"]),
        ("Patient?_has:Observation:patient:code=1234-5&_has:Observation:patient:code=6789-0", []),
        ("Patient?_has:Observation:patient:_id=of-paula", ["paula"]),
        ("Patient?_has:Observation:patient:_has:Observation:has-member:code=6789-0", ["peter"]),
        ("Organization?_has:Patient:organization:_has:Observation:patient:code=1234-5", ["child"]),
        ("Organization?_has:Organization:partof:_has:Patient:organization:gender=male", ["parent"]),
        ("Observation?subject._has:Patient:link:gender=x", []),
        ("Observation?patient._has:Observation:patient:_has:Observation:has-member:code=6789-0", ["of-peter"]),
    ],
)
def test_chain_leads_through_references_of_this_server(path: str, expected: list[str]) -> None:
    assert ids(path, *ALL) == expected


@pytest.mark.parametrize(
    "path",
    [
        "Observation?patient.unheard-of=x",
        "Observation?subject:Organization.name=x",
        "Observation?code.text=x",
        "Observation?patient.organization.partof.partof.name=x",
        "Patient?_has:Observation:patient=x",
        "Patient?_has:Observation:code:code=x",
        "Patient?_has:Observation:patient:unheard-of=x",
        "Patient?_has:Nothing:patient:code=x",
        "Patient?_has:Observation:encounter:code=x",
        "Observation?patient.gender:in=http://x",
    ],
)
def test_chain_that_leads_nowhere_is_refused(path: str) -> None:
    with pytest.raises(Unsupported):
        ids(path, *ALL)
