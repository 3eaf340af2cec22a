"""Every form of reference, wherever it stands, and what must never be taken for one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fhir import codec
from apps.transforms.pipeline import Transformed
from apps.transforms.references import rewrite_line, rewrite_references

from .sources import BASE, CONTEXT, line_of, transformed

URN = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
LOCAL_9 = f"Practitioner/{CONTEXT.new_id('Practitioner', '9')}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Practitioner/9", LOCAL_9),
        ("Practitioner/9/_history/4", LOCAL_9),
        (f"{BASE}/Practitioner/9", LOCAL_9),
        (f"{BASE}/Practitioner/9/_history/4", LOCAL_9),
        (URN, URN),
        ("Patient/98765", f"Patient/{CONTEXT.patient_id}"),
        ("urn:uuid:unknown", "urn:uuid:unknown"),
        ("#p1", "#p1"),
        ("https://elsewhere.example/fhir/Practitioner/9", "https://elsewhere.example/fhir/Practitioner/9"),
        (f"{BASE}2/Practitioner/9", f"{BASE}2/Practitioner/9"),
        ("Practitioner?identifier=s|9", f"{BASE}/Practitioner?identifier=s|9"),
        (f"{BASE}/Practitioner?identifier=s|9", f"{BASE}/Practitioner?identifier=s|9"),
        ("Practitioner", "Practitioner"),
        ("", ""),
        ("Practitioner/" + "9" * 3000, "Practitioner/" + "9" * 3000),
    ],
)
def test_each_form_of_reference(before: str, after: str) -> None:
    line = line_of(
        {"resourceType": "Claim", "id": "1", "enterer": {"reference": before, "display": "kept"}},
    )
    assert line["enterer"] == {"reference": after, "display": "kept"}


def test_targets_are_the_distinct_other_resources() -> None:
    done = transformed(
        {
            "resourceType": "Claim",
            "id": "1",
            "enterer": {"reference": "Practitioner/9"},
            "provider": {"reference": f"{BASE}/Practitioner/9/_history/4"},
            "referral": {"reference": "Claim/1"},
            "patient": {"reference": "Patient/98765"},
            "facility": {"reference": "https://elsewhere.example/Location/1"},
            "insurer": {"reference": "Organization?name=x"},
            "prescription": {"reference": "#c"},
            "payee": {"party": {"reference": URN}},
        },
    )
    assert {(t.local, t.external, t.type, t.source_id) for t in done.targets} == {
        (LOCAL_9, f"{BASE}/Practitioner/9", "Practitioner", "9"),
        (f"Patient/{CONTEXT.patient_id}", f"{BASE}/Patient/98765", "Patient", "98765"),
    }
    assert len(done.targets) == 2
    assert json.loads(done.line)["referral"]["reference"] == f"Claim/{done.id}"


def test_contained_resources_keep_their_ids_and_have_their_references_rewritten() -> None:
    line = line_of(
        {
            "resourceType": "Claim",
            "id": "1",
            "contained": [
                {"resourceType": "Provenance", "id": "p1", "who": {"reference": "Practitioner/9"}},
                {"resourceType": "DetectedIssue", "id": "d1", "reference": "Practitioner/9"},
            ],
        }
    )
    assert [resource["id"] for resource in line["contained"]] == ["p1", "d1"]
    assert line["contained"][0]["who"]["reference"] == LOCAL_9
    assert line["contained"][1]["reference"] == "Practitioner/9"


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "DetectedIssue", "reference": "Practitioner/9"},
        {"resourceType": "Immunization", "education": [{"reference": "Practitioner/9"}]},
        {"resourceType": "Immunization", "education": ["odd"]},
        {"resourceType": "PlanDefinition", "x": {"language": "text/cql", "reference": "Library/9"}},
        {"resourceType": "DocumentReference", "content": [{"attachment": {"url": "Binary/9"}}]},
        {"resourceType": "CarePlan", "instantiatesCanonical": ["PlanDefinition/9"]},
        {"resourceType": "Claim", "related": [{"reference": {"system": "s", "value": "Claim/9"}}]},
        {"resourceType": "Claim", "related": [{"reference": None}]},
        {"resourceType": "Claim", "extension": [{"url": "u", "valueUri": "Practitioner/9"}]},
        {
            "resourceType": "Bundle",
            "entry": [{"fullUrl": "urn:uuid:1", "resource": {"x": {"reference": "Practitioner/9"}}}],
        },
    ],
)
def test_what_is_not_a_reference_of_the_record_is_never_touched(resource: dict[str, Any]) -> None:
    line = line_of({"id": "1", **resource})
    assert {key: line[key] for key in resource} == resource


def test_extension_inside_immunization_education_is_rewritten() -> None:
    education = [{"reference": "Practitioner/9", "extension": [{"valueReference": {"reference": "Practitioner/9"}}]}]
    line = line_of({"resourceType": "Immunization", "id": "1", "education": education})
    assert line["education"] == [
        {"reference": "Practitioner/9", "extension": [{"valueReference": {"reference": LOCAL_9}}]}
    ]


_scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
_references = st.sampled_from(["Practitioner/9", "Claim/1", "#x", "urn:x", "Organization/a.b"]).map(
    lambda value: {"reference": value}
)
_keys = st.sampled_from(["extension", "item", "valueReference", "actor", "url", "reference_", "context"])
_trees = st.recursive(
    _scalars | _references, lambda inner: st.lists(inner) | st.dictionaries(_keys, inner), max_leaves=30
)


def recursively_rewritten(node: Any) -> Any:
    """The plain recursive statement of the rule, for literal references."""
    if isinstance(node, list):
        return [recursively_rewritten(child) for child in node]
    if not isinstance(node, dict):
        return node
    done = {key: recursively_rewritten(child) for key, child in node.items()}
    resource_type, slash, source_id = str(node.get("reference", "")).partition("/")
    if slash:
        done["reference"] = f"{resource_type}/{CONTEXT.new_id(resource_type, source_id)}"
    return done


@given(st.dictionaries(_keys, _trees))
def test_references_are_found_in_any_structure(elements: dict[str, Any]) -> None:
    line = line_of({"resourceType": "Observation", "id": "1", **copy.deepcopy(elements)})
    assert {key: line[key] for key in elements} == recursively_rewritten(elements)


def test_references_are_found_below_two_hundred_levels() -> None:
    deep: Any = {"reference": "Practitioner/9"}
    for _ in range(100):
        deep = [{"extension": deep}]
    line = line_of({"resourceType": "Observation", "id": "1", "extension": deep})
    assert LOCAL_9 in json.dumps(line)


def test_documented_sample() -> None:
    full_url = "https://api.payer.com/ExplanationOfBenefit/123456"
    provider = {"identifier": {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567890"}}
    line = line_of(
        {
            "resourceType": "ExplanationOfBenefit",
            "id": "123456",
            "patient": {"reference": "Patient/98765"},
            "provider": provider,
        },
        full_url=full_url,
    )
    assert line["id"] == CONTEXT.new_id("ExplanationOfBenefit", "123456")
    assert line["meta"]["source"] == full_url
    assert line["patient"] == {"reference": f"Patient/{CONTEXT.patient_id}"}
    assert line["provider"] == provider


VALUES = st.sampled_from([
    "Practitioner/9", "Patient/98765", f"{BASE}/Practitioner/9", URN, "#p1", "Practitioner?name=a|b", "", "Zoë/1",
    'say "Practitioner/9"', "a\\b", "a\nb", "\u2028", '"reference":"Practitioner/9"', "Practitioner/" + "9" * 3000,
])  # fmt: skip
KEYS = st.sampled_from(["reference", "reference", "reference", "display", "item", "language", "expression", "résumé"])
ELEMENTS = st.recursive(
    VALUES | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(
    kind=st.sampled_from(["Claim", "Claim", "Claim", "DetectedIssue", "Immunization", "Bundle"]),
    elements=st.dictionaries(st.sampled_from(["item", "contained", "education", "entry", "enterer"]), ELEMENTS),
)
def test_the_way_by_text_and_the_way_by_element_agree(kind: str, elements: dict[str, Any]) -> None:
    resource = {"resourceType": kind, "id": "1", **elements}
    by_text = rewrite_line(codec.encode(resource), kind, CONTEXT)
    targets = rewrite_references(resource, context=CONTEXT)
    if by_text is not None:
        assert by_text == (codec.encode(resource), targets)


@pytest.mark.parametrize(
    "element", [{"reference": "Practitioner/9"}, {"valueReference": {"reference": "Practitioner/9"}}]
)
def test_reference_in_meta_is_rewritten_and_the_hash_still_ignores_when_it_was_updated(element: Any) -> None:
    def made(updated: str) -> Transformed:
        meta = {"lastUpdated": updated, "extension": [{"url": "x", **element}]}
        return transformed({"resourceType": "Claim", "id": "1", "meta": meta})

    first, later = made("2026-01-01T00:00:00Z"), made("2026-01-02T00:00:00Z")
    assert LOCAL_9 in first.line.decode()
    assert first.line != later.line
    assert first.content_hash == later.content_hash
