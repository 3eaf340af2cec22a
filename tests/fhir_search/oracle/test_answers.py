"""Order, page and what comes along: R4 3.1.1.5.1, 3.1.1.5.3 and 3.1.1.5.4."""

from __future__ import annotations

import pytest

from tests.fhir_search.oracle import Unsupported
from tests.fhir_search.oracle.shelf import Json, answer, ids, shelf

ENCOUNTERS: list[Json] = [
    {"resourceType": "Encounter", "period": {"start": "2013-02", "end": "2013-03"}, "status": "planned"},
    {"resourceType": "Encounter", "status": "Finished"},
    {"resourceType": "Encounter", "period": {"start": "2013-01"}, "status": "finished"},
    {"resourceType": "Encounter", "period": {"end": "2013-02-01"}, "status": "arrived"},
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("", "1234"),
        ("date", "4312"),
        ("-date", "3142"),
        ("status", "4231"),
        ("-status", "1234"),
        ("status,-date", "4321"),
        ("_id", "1234"),
        ("-_id", "4321"),
        ("_lastUpdated", "1234"),
        ("-_lastUpdated", "4321"),
        ("subject", "1234"),
        ("-subject,-_id", "4321"),
    ],
)
def test_order_of_encounters(rule: str, expected: str) -> None:
    assert "".join(ids(f"Encounter?_sort={rule}", *ENCOUNTERS)) == expected


def test_text_is_sorted_without_case_and_accents_by_its_least_or_its_greatest_part() -> None:
    families = [["Zoe"], ["émile", "Yves"], ["Emil"], [], ["b"]]
    patients = [
        {"resourceType": "Patient", "name": [{"given": each}]} if each else {"resourceType": "Patient"}
        for each in families
    ]
    assert ids("Patient?_sort=given", *patients) == ["5", "3", "2", "1", "4"]
    assert ids("Patient?_sort=-given", *patients) == ["1", "2", "3", "5", "4"]


def test_quantities_and_references_are_sorted() -> None:
    values = [{"value": 5}, {"value": 5, "comparator": "<"}, {"value": 7}, {"unit": "mg"}]
    observations = [
        {"resourceType": "Observation", "valueQuantity": value, "subject": {"reference": f"Patient/{9 - place}"}}
        for place, value in enumerate(values)
    ]
    assert ids("Observation?_sort=value-quantity", *observations) == ["2", "1", "3", "4"]
    assert ids("Observation?_sort=-value-quantity", *observations) == ["3", "1", "2", "4"]
    assert ids("Observation?_sort=subject", *observations) == ["4", "3", "2", "1"]


@pytest.mark.parametrize("rule", ["unheard-of", "code-value-quantity", "date,,status", "--date"])
def test_unknown_order_is_refused(rule: str) -> None:
    with pytest.raises(Unsupported):
        ids(f"Observation?_sort={rule}")


def test_page_is_cut_from_the_whole_order() -> None:
    patients = shelf(*[{"resourceType": "Patient"}] * 25)
    whole = answer(patients, "Patient?")
    assert [len(whole.matches), len(whole.page), whole.total] == [25, 20, 25]
    third = answer(patients, "Patient?_count=10&_offset=20")
    assert [stored.id for stored in third.page] == ["21", "22", "23", "24", "25"]
    assert answer(patients, "Patient?_summary=count").page == []
    assert answer(patients, "Patient?unheard-of=1&_format=json").ignored == ["unheard-of"]


@pytest.mark.parametrize("query", ["_count=-1", "_count=x", "_offset=-1"])
def test_page_of_no_number_is_refused(query: str) -> None:
    with pytest.raises(Unsupported):
        ids(f"Patient?{query}")


FAMILY: list[Json] = [
    {"resourceType": "Organization", "id": "top"},
    {"resourceType": "Organization", "id": "mid", "partOf": {"reference": "Organization/top"}},
    {"resourceType": "Organization", "id": "low", "partOf": {"reference": "Organization/mid"}},
    {"resourceType": "Patient", "id": "p", "managingOrganization": {"reference": "Organization/low"}},
    {
        "resourceType": "Observation",
        "id": "o1",
        "subject": {"reference": "Patient/p"},
        "performer": [{"reference": "Organization/gone"}],
    },
    {"resourceType": "Observation", "id": "o2", "hasMember": [{"reference": "Observation/o1"}]},
    {"resourceType": "Provenance", "id": "v", "target": [{"reference": "Observation/o1"}]},
]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Observation?_include=Observation:subject", "p"),
        ("Observation?_include=Observation:patient", "p"),
        ("Observation?_include=Observation:subject:Patient", "p"),
        ("Observation?_include=Observation:subject:Group", ""),
        ("Observation?_include=*", "p"),
        ("Observation?_include=Observation:*", "p"),
        ("Observation?_include=Observation:performer", ""),
        # What is on the page already does not come along once more.
        ("Observation?_include=Observation:has-member", ""),
        ("Observation?_id=o2&_include=Observation:has-member", "o1"),
        ("Observation?_count=1&_offset=1&_include=Observation:has-member", "o1"),
        # Only :iterate looks at what came along.
        ("Observation?_include=Observation:subject&_include=Patient:organization", "p"),
        ("Observation?_include=Observation:subject&_include:iterate=Patient:organization", "low p"),
        ("Patient?_include=Patient:organization&_include:iterate=Organization:partof", "low mid top"),
        ("Organization?_id=low&_include=Organization:partof", "mid"),
        ("Organization?_id=low&_include:iterate=Organization:partof", "mid top"),
        ("Patient?_revinclude=Observation:subject", "o1"),
        ("Patient?_revinclude=Observation:subject:Patient", "o1"),
        ("Patient?_revinclude=Observation:subject:Group", ""),
        ("Patient?_revinclude=Observation:subject&_revinclude=Provenance:target", "o1"),
        ("Patient?_revinclude=Observation:subject&_revinclude:iterate=Provenance:target", "o1 v"),
        ("Patient?_revinclude:iterate=Observation:subject&_revinclude:iterate=Observation:has-member", "o1 o2"),
        ("Patient?_count=0&_include=Patient:organization", ""),
    ],
)
def test_what_comes_along_with_a_page(path: str, expected: str) -> None:
    found = answer(shelf(*FAMILY), path)
    assert " ".join(sorted(resource_id for _type, resource_id in found.included)) == expected
    assert found.total == len(found.matches)


@pytest.mark.parametrize(
    "query", ["_include=Observation:code", "_include=Nothing:subject", "_include:all=Observation:subject", "_include=x"]
)
def test_include_of_no_reference_is_refused(query: str) -> None:
    with pytest.raises(Unsupported):
        ids(f"Observation?{query}")
