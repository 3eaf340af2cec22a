"""Tokens by the examples and the table of R4 3.1.1.4.10."""

from __future__ import annotations

import pytest

from tests.fhir_search.oracle import Unsupported
from tests.fhir_search.oracle.shelf import Json, ids, is_match

GENDERS = "http://hl7.org/fhir/administrative-gender"
PATIENT: Json = {
    "resourceType": "Patient",
    "identifier": [
        {
            "system": "http://acme.org/patient",
            "value": "2345",
            "type": {"coding": [{"system": "http://t.org/v2-0203", "code": "MR"}], "text": "Medical record"},
        },
        {"value": "no-system"},
    ],
    "gender": "male",
    "active": True,
    "telecom": [{"system": "phone", "value": "555"}, {"system": "email", "value": "A@b.org"}],
}
CONDITION: Json = {
    "resourceType": "Condition",
    "code": {
        "coding": [
            {"system": "http://acme.org/conditions/codes", "code": "ha125", "display": "Head ache"},
            {"code": "Local"},
        ],
        "text": "Kopfweh",
    },
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("identifier=http://acme.org/patient|2345", True),
        ("identifier=http://acme.org/PATIENT|2345", False),
        ("identifier=2345", True),
        ("identifier=|2345", False),
        ("identifier=|no-system", True),
        ("identifier=|NO-SYSTEM", True),
        ("identifier=http://acme.org/patient|", True),
        ("identifier=http://acme.org/other|", False),
        ("identifier=9,2345", True),
        ("identifier=2345&identifier=no-system", True),
        ("identifier=2345&identifier=9", False),
        ("identifier:of-type=http://t.org/v2-0203|MR|2345", True),
        ("identifier:of-type=http://t.org/v2-0203|MR|no-system", False),
        ("identifier:of-type=http://t.org/v2-0203|SS|2345", False),
        ("identifier:text=medical", True),
        ("identifier:text=record", False),
        ("gender=male", True),
        ("gender=MALE", True),
        (f"gender={GENDERS}|male", True),
        (f"gender={GENDERS}|", True),
        ("gender=http://other|male", False),
        ("gender=|male", False),
        ("gender:not=male", False),
        ("gender:not=male,female", False),
        ("gender:not=female", True),
        ("active=true", True),
        ("active=http://terminology.hl7.org/CodeSystem/special-values|true", True),
        ("active=false", False),
        ("telecom=555", True),
        ("telecom=|555", True),
        ("email=a@b.org", True),
        ("phone=a@b.org", False),
        ("email:missing=false", True),
        ("deceased=false", True),
        ("deceased=true", False),
        ("deceased:missing=true", False),
    ],
)
def test_token_of_a_patient(query: str, expected: bool) -> None:
    assert is_match(query, PATIENT) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("code=http://acme.org/conditions/codes|ha125", True),
        ("code=ha125", True),
        ("code=HA125", True),
        ("code=ha12", False),
        ("code=|ha125", False),
        ("code=|local", True),
        ("code=Kopfweh", False),
        ("code:text=kopf", True),
        ("code:text=head", True),
        ("code:text=ache", False),
        ("code:not=ha125", False),
        ("code:not=local", False),
        ("code:not=x", True),
        ("code:not=x,local", False),
        ("code:missing=true", False),
        ("category:missing=true", True),
        ("category:not=x", True),
    ],
)
def test_token_of_a_concept(query: str, expected: bool) -> None:
    assert is_match(query, CONDITION) is expected


@pytest.mark.parametrize(
    ("deceased", "expected"),
    [({}, "false"), ({"deceasedBoolean": False}, "false"), ({"deceasedBoolean": True}, "true"),
     ({"deceasedDateTime": "2013"}, "true")],
)  # fmt: skip
def test_deceased_is_true_for_a_date_and_false_for_nothing(deceased: Json, expected: str) -> None:
    patient = {"resourceType": "Patient", **deceased}
    assert [each for each in ("true", "false") if is_match(f"deceased={each}", patient)] == [expected]


def test_escaped_separators_are_letters_of_a_code() -> None:
    identifiers = [
        {"resourceType": "Patient", "identifier": [{"value": value}]} for value in ("a,b", "a", "a|b", "a\\")
    ]
    assert ids(r"Patient?identifier=a\,b", *identifiers) == ["1"]
    assert ids(r"Patient?identifier=a\|b", *identifiers) == ["3"]
    assert ids(r"Patient?identifier=a\\,a\|b", *identifiers) == ["3", "4"]
    assert ids("Patient?identifier=a%2Cb", *identifiers) == ["2"]


def test_race_is_found_by_the_code_of_either_category_never_by_its_text() -> None:
    parts = [
        {"url": "ombCategory", "valueCoding": {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3"}},
        {"url": "text", "valueString": "White"},
    ]
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
    patient = {"resourceType": "Patient", "extension": [{"url": url, "extension": parts}]}
    other = {"resourceType": "Patient", "extension": [{"url": url + "x", "extension": parts}]}
    assert is_match("race=2106-3", patient)
    assert is_match("race=urn:oid:2.16.840.1.113883.6.238|2106-3", patient)
    assert not is_match("race=White", patient)
    assert not is_match("race=2106-3", other)
    assert is_match("race:missing=true", other)


def test_tags_are_tokens_of_the_meta_element() -> None:
    tagged = {"resourceType": "Patient", "meta": {"tag": [{"system": "http://x", "code": "blue"}]}}
    assert ids("Patient?_tag=http://x|blue", tagged, {"resourceType": "Patient"}) == ["1"]
    assert ids("Patient?_tag:not=blue", tagged, {"resourceType": "Patient"}) == ["2"]


@pytest.mark.parametrize(
    "query",
    ["gender:in=http://x", "gender:not-in=http://x", "gender:above=x", "gender:below=x", "gender:exact=x",
     "identifier:of-type=a|b", "identifier=a|b|c", "gender:missing=maybe", "_id:not=1"],
)  # fmt: skip
def test_what_needs_a_terminology_or_makes_no_sense_is_refused(query: str) -> None:
    with pytest.raises(Unsupported):
        ids(f"Patient?{query}")
