"""Ids recomputed independently, and the source id kept as far as a type has room for it."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fhir.resource_types import ALL_R4_TYPES
from apps.transforms.identifiers import (
    NO_IDENTIFIER_TYPES,
    SINGLE_IDENTIFIER_TYPES,
    destination_patient_id,
    new_id,
)

from .sources import BASE, CONTEXT, ENDPOINT_ID, NAMESPACE, line_of, transformed


def rfc4122_name_based(namespace: UUID, name: str) -> str:
    """Version 5 by the letter of RFC 4122 section 4.3."""
    octets = bytearray(hashlib.sha1(namespace.bytes + name.encode()).digest()[:16])
    octets[6] = octets[6] & 0x0F | 0x50
    octets[8] = octets[8] & 0x3F | 0x80
    digits = octets.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


@given(st.uuids(), st.text(min_size=1), st.sampled_from(["TEST", "LIVE"]), st.text(), st.text())
def test_destination_patient_id_is_recomputable(
    namespace: UUID, application: str, mode: str, endpoint: str, patient: str
) -> None:
    derived = destination_patient_id(
        namespace=namespace,
        application_id=application,
        mode=mode,
        endpoint_id=endpoint,
        source_patient_id=patient,
    )
    assert str(derived) == rfc4122_name_based(namespace, f"{application}/{mode}/{endpoint}/{patient}")


@given(st.uuids(), st.sampled_from(ALL_R4_TYPES), st.text(min_size=1), st.text(min_size=1))
def test_new_id_is_recomputable(patient_id: UUID, resource_type: str, source_id: str, endpoint: str) -> None:
    derived = new_id(
        patient_id=patient_id,
        source_patient_id="\x00 never a source id",
        resource_type=resource_type,
        source_id=source_id,
        endpoint_id=endpoint,
    )
    assert derived == rfc4122_name_based(patient_id, f"{resource_type}/{source_id}/{endpoint}")


def test_patient_of_the_authorization_has_the_destination_patient_id() -> None:
    own = transformed({"resourceType": "Patient", "id": "98765"})
    other = transformed({"resourceType": "Patient", "id": "98766"})
    claim = transformed({"resourceType": "Claim", "id": "98765"})
    assert own.id == rfc4122_name_based(NAMESPACE, f"{CONTEXT.application_id}/TEST/{CONTEXT.endpoint_id}/98765")
    assert other.id == rfc4122_name_based(UUID(own.id), f"Patient/98766/{ENDPOINT_ID}")
    assert claim.id == rfc4122_name_based(UUID(own.id), f"Claim/98765/{ENDPOINT_ID}")


def test_documented_sample() -> None:
    before = {
        "resourceType": "ExplanationOfBenefit",
        "id": "123456",
        "patient": {"reference": "Patient/98765"},
        "provider": {"reference": "Practitioner/PROV001"},
    }
    eob_id = rfc4122_name_based(CONTEXT.patient_id, f"ExplanationOfBenefit/123456/{ENDPOINT_ID}")
    practitioner_id = rfc4122_name_based(CONTEXT.patient_id, f"Practitioner/PROV001/{ENDPOINT_ID}")
    after = {
        "resourceType": "ExplanationOfBenefit",
        "id": eob_id,
        "identifier": [
            {
                "system": "https://api.payer.com/fhir/ExplanationOfBenefit/SourceResourceId",
                "value": "123456",
            }
        ],
        "patient": {"reference": f"Patient/{CONTEXT.patient_id}"},
        "provider": {"reference": f"Practitioner/{practitioner_id}"},
    }
    line = line_of(before)
    assert {key: line[key] for key in after} == after
    assert set(line) - set(after) == {"meta", "insurer", "insurance"}


KEPT = {"system": f"{BASE}/Claim/SourceResourceId", "value": "1"}
OWN = {"system": "https://payer.example/claims", "value": "C-1"}


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        ({}, [KEPT]),
        ({"identifier": None}, [KEPT]),
        ({"identifier": []}, [KEPT]),
        ({"identifier": [OWN]}, [OWN, KEPT]),
        ({"identifier": [KEPT, OWN]}, [KEPT, OWN]),
        ({"identifier": {"value": "an object where FHIR has a list"}}, None),
    ],
)
def test_source_id_is_appended_to_the_identifiers_once(existing: Any, expected: Any) -> None:
    line = line_of({"resourceType": "Claim", "id": "1", **existing})
    assert line["identifier"] == (expected or existing["identifier"])


@pytest.mark.parametrize("resource_type", sorted(SINGLE_IDENTIFIER_TYPES))
def test_single_identifier_is_kept_or_filled(resource_type: str) -> None:
    kept = {"system": f"{BASE}/{resource_type}/SourceResourceId", "value": "1"}
    assert line_of({"resourceType": resource_type, "id": "1"})["identifier"] == kept
    line = line_of({"resourceType": resource_type, "id": "1", "identifier": OWN})
    assert line["identifier"] == OWN
    assert line["meta"]["source"] == f"{BASE}/{resource_type}/1"


@pytest.mark.parametrize("resource_type", sorted(NO_IDENTIFIER_TYPES))
def test_type_without_identifier_gets_none_and_keeps_its_source(resource_type: str) -> None:
    line = line_of({"resourceType": resource_type, "id": "1"})
    assert "identifier" not in line
    assert line["meta"]["source"] == f"{BASE}/{resource_type}/1"


def test_same_bytes_have_the_same_result_at_each_sync() -> None:
    raw = {"resourceType": "Claim", "id": "1", "patient": {"reference": "Patient/98765"}}
    assert transformed(raw) == transformed(json.loads(json.dumps(raw)))
