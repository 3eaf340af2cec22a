"""Every form that a reference string can have."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fhir.references import Reference, ReferenceForm, parse_reference


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Patient/1", Reference(form=ReferenceForm.LITERAL, type="Patient", id="1")),
        ("Patient/a-B.9", Reference(form=ReferenceForm.LITERAL, type="Patient", id="a-B.9")),
        ("Patient/a_b|c", Reference(form=ReferenceForm.LITERAL, type="Patient", id="a_b|c")),
        ("Practitioner/a/b", Reference(form=ReferenceForm.LITERAL, type="Practitioner", id="a/b")),
        (
            "Patient/1/_history/2",
            Reference(form=ReferenceForm.LITERAL, type="Patient", id="1", version="2"),
        ),
        (
            "https://payer.example/r4/Claim/9/_history/3",
            Reference(
                form=ReferenceForm.ABSOLUTE,
                type="Claim",
                id="9",
                version="3",
                base="https://payer.example/r4",
            ),
        ),
        ("https://payer.example/whatever?x=1", Reference(form=ReferenceForm.ABSOLUTE)),
        ("#p1", Reference(form=ReferenceForm.CONTAINED, id="p1")),
        ("#", Reference(form=ReferenceForm.CONTAINED)),
        ("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", Reference(form=ReferenceForm.URN)),
        ("urn:oid:1.2.3", Reference(form=ReferenceForm.URN)),
        (
            "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9",
            Reference(form=ReferenceForm.CONDITIONAL, type="Practitioner"),
        ),
        ("Patient/", Reference(form=ReferenceForm.OTHER)),
        ("Patient", Reference(form=ReferenceForm.OTHER)),
        ("Patient/a b", Reference(form=ReferenceForm.OTHER)),
        ("Patient/a\x00b", Reference(form=ReferenceForm.OTHER)),
        ("patient/1", Reference(form=ReferenceForm.OTHER)),
        ("Patient/" + "x" * 257, Reference(form=ReferenceForm.OTHER)),
        ("https://payer.example/" * 1000, Reference(form=ReferenceForm.OTHER)),
        ("", Reference(form=ReferenceForm.OTHER)),
    ],
)
def test_parse_reference(value: str, expected: Reference) -> None:
    assert parse_reference(value) == expected


_ids = st.text("abcXYZ019-._", min_size=1, max_size=64)


@given(st.sampled_from(["https://a.example", "http://b.example:8080/fhir/R4"]), _ids, _ids)
def test_absolute_and_literal_agree_on_type_id_and_version(base: str, fhir_id: str, version: str) -> None:
    relative = f"Observation/{fhir_id}/_history/{version}"
    literal, absolute = parse_reference(relative), parse_reference(f"{base}/{relative}")
    assert (literal.type, literal.id, literal.version) == ("Observation", fhir_id, version)
    assert (absolute.type, absolute.id, absolute.version) == ("Observation", fhir_id, version)
    assert absolute.base == base


@given(st.text())
def test_parse_reference_never_raises(value: str) -> None:
    assert isinstance(parse_reference(value), Reference)
