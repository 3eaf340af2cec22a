"""The CapabilityStatement says what the table says, in R4's words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.fhir import definitions
from apps.fhir.capability import capability_statement
from apps.fhir.resource_types import ALL_R4_TYPES

BASE = "https://relay.example/fhir"
STATEMENT: dict[str, Any] = json.loads(capability_statement(base_url=BASE, brand="Record Relay"))
REST: dict[str, Any] = STATEMENT["rest"][0]
RESOURCES: dict[str, dict[str, Any]] = {each["type"]: each for each in REST["resource"]}
# The value set search-param-type.
KINDS = {"number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"}


def test_head_is_that_of_the_documented_sample() -> None:
    assert {name: value for name, value in STATEMENT.items() if name not in ("rest", "date")} == {
        "resourceType": "CapabilityStatement",
        "url": f"{BASE}/metadata",
        "title": "Record Relay Capability Statement",
        "status": "active",
        "publisher": "Record Relay",
        "kind": "instance",
        "implementation": {"description": "Record Relay", "url": BASE},
        "fhirVersion": "4.0.1",
        "format": ["json"],
    }
    assert REST["mode"] == "server"
    assert "Bearer" in REST["security"]["description"]


def test_every_type_is_listed_once_and_in_order() -> None:
    assert [each["type"] for each in REST["resource"]] == sorted(ALL_R4_TYPES)


@pytest.mark.parametrize("name", ALL_R4_TYPES)
def test_type_is_described_by_the_table(name: str) -> None:
    resource = RESOURCES[name]
    assert resource["interaction"] == [{"code": "read"}, {"code": "search-type"}]
    assert resource["conditionalRead"] == "full-support"
    parameters = definitions.search_parameters(name)
    own = [each for each in resource["searchParam"] if not each["name"].startswith("_")]
    assert own == [{"name": code, "definition": each.url, "type": each.kind} for code, each in parameters.items()]
    common = {each["name"]: each["definition"] for each in resource["searchParam"] if each["name"].startswith("_")}
    assert common == {
        f"_{code}": f"http://hl7.org/fhir/SearchParameter/Resource-{code}"
        for code in ("id", "lastUpdated", "profile", "security", "source", "tag")
    }
    assert {each["type"] for each in resource["searchParam"]} <= KINDS
    assert len({each["name"] for each in resource["searchParam"]}) == len(resource["searchParam"])  # cpb-12
    references = {f"{name}:{code}" for code, each in parameters.items() if each.kind == "reference"}
    assert resource["searchInclude"][0] == "*"
    assert set(resource["searchInclude"][1:]) == references


def test_reverse_includes_mirror_the_references() -> None:
    said = {(target, each) for target, resource in RESOURCES.items() for each in resource["searchRevInclude"]}
    assert said == {
        (target, f"{name}:{code}")
        for name in ALL_R4_TYPES
        for code, each in definitions.search_parameters(name).items()
        for target in each.targets
    }
    assert "Observation:subject" in RESOURCES["Patient"]["searchRevInclude"]


def test_operations_stand_at_patient() -> None:
    assert RESOURCES["Patient"]["operation"] == [
        {"name": "everything", "definition": "http://hl7.org/fhir/OperationDefinition/Patient-everything"},
        {"name": "expunge", "definition": f"{BASE}/OperationDefinition/Patient-expunge"},
    ]
    assert [name for name, each in RESOURCES.items() if "operation" in each] == ["Patient"]


def test_documented_examples_are_found() -> None:
    assert "ExplanationOfBenefit:care-team" in RESOURCES["ExplanationOfBenefit"]["searchInclude"]
    assert {
        "name": "onset-age",
        "definition": "http://hl7.org/fhir/SearchParameter/Condition-onset-age",
        "type": "quantity",
    } in RESOURCES["Condition"]["searchParam"]


def test_statement_is_made_once_for_a_base() -> None:
    again = capability_statement(base_url=BASE, brand="Record Relay")
    assert again is capability_statement(base_url=BASE, brand="Record Relay")
    assert capability_statement(base_url="https://b.example/fhir", brand="Other") != again
