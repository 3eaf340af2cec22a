"""A synthetic patient of 10,000 resources in the shape of CARIN BB and US Core: the base of the ingest figures.

A quarter are ExplanationOfBenefits of about 12.6 KB, the others Observations, Conditions, Encounters, Procedures
and MedicationRequests of 1.3 to 1.8 KB; decimals with trailing zeros, a reference to an encounter in each claim
line. One resource in twenty names a practitioner that the source does not have.
"""

from __future__ import annotations

import random
from typing import Any

import msgspec

COUNTS = {
    "Patient": 1, "Coverage": 1, "Organization": 1, "Practitioner": 38, "ExplanationOfBenefit": 2474,
    "Observation": 3509, "Condition": 994, "Encounter": 994, "Procedure": 994, "MedicationRequest": 994,
}  # fmt: skip
NARRATIVE = "A synthetic text of the usual length, with an accent: Zoë was seen and is well. "


def synthetic_patient(source_patient_id: str, *, base: str, scale: float = 1.0) -> list[bytes]:
    """Return the resources as a source writes them, compact JSON; `scale` multiplies the counts."""
    chance = random.Random(11)
    made: list[bytes] = []
    for kind, count in COUNTS.items():
        for number in range(max(1, round(count * scale))):
            made.append(_encoded(_resource(kind, number, source_patient_id, base, chance)))
    return made


def _encoded(resource: dict[str, Any]) -> bytes:
    return msgspec.json.encode(resource)


def _money(chance: random.Random) -> dict[str, Any]:
    return {"value": msgspec.Raw(f"{chance.randrange(100000) / 100:.2f}".encode()), "currency": "USD"}


def _coding(system: str, code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def _resource(kind: str, number: int, patient: str, base: str, chance: random.Random) -> dict[str, Any]:
    identity = patient if kind == "Patient" else f"{kind.lower()}-{number:05d}"
    resource: dict[str, Any] = {
        "resourceType": kind,
        "id": identity,
        "meta": {
            "lastUpdated": "2026-01-02T03:04:05.678+00:00",
            "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{kind.lower()}"],
        },
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{NARRATIVE * 4}</div>'},
        "identifier": [{"system": f"{base}/ids", "value": f"{kind}-{number}"}],
    }
    practitioner = {"reference": f"Practitioner/practitioner-{number % 40:05d}", "display": "Dr. Example"}
    subject = {"reference": f"Patient/{patient}"}
    day = f"20{10 + number % 15}-{1 + number % 12:02d}-{1 + number % 28:02d}"
    match kind:
        case "Patient":
            resource |= {"name": [{"family": "Example", "given": ["Zoë"]}], "birthDate": "1980-02-03"}
        case "Coverage":
            resource |= {
                "status": "active",
                "beneficiary": subject,
                "payor": [{"reference": "Organization/organization-00000"}],
            }
        case "Organization":
            resource |= {"active": True, "name": "Payer"}
        case "Practitioner":
            resource |= {"name": [{"family": "Doctor", "given": [str(number)]}], "active": True}
        case "ExplanationOfBenefit":
            resource |= _claim(number, subject, practitioner, day, chance)
        case _:
            code = _coding("http://loinc.org", f"{number % 500}-1", "A measured thing")
            resource |= {
                "status": "final",
                "code": code,
                "category": [_coding("http://terminology.hl7.org/category", "exam", "Exam")],
                "subject": subject,
                "encounter": {"reference": f"Encounter/encounter-{number % 994:05d}"},
                "performer": [practitioner],
                "effectiveDateTime": f"{day}T08:00:00+00:00",
                "valueQuantity": {"value": msgspec.Raw(b"%d.%d0" % (number % 200, number % 10)), "unit": "mg/dL"},
                "note": [{"text": NARRATIVE * (2 if kind == "Observation" else 1)}],
            }
    return resource


def _claim(
    number: int, subject: dict[str, Any], practitioner: dict[str, Any], day: str, chance: random.Random
) -> dict[str, Any]:
    lines = [
        {
            "sequence": sequence + 1,
            "diagnosisSequence": [1],
            "careTeamSequence": [1],
            "productOrService": _coding("http://www.ama-assn.org/go/cpt", f"99{sequence:03d}", "A service of a kind"),
            "servicedPeriod": {"start": day, "end": day},
            "locationCodeableConcept": _coding("https://www.cms.gov/place-of-service", "11", "Office"),
            "quantity": {"value": msgspec.Raw(b"1.0")},
            "encounter": [{"reference": f"Encounter/encounter-{(number + sequence) % 994:05d}"}],
            "adjudication": [
                {"category": _coding("http://terminology.hl7.org/adjudication", kind, kind), "amount": _money(chance)}
                for kind in ("submitted", "eligible", "copay", "benefit", "paidtoprovider")
            ],
        }
        for sequence in range(7 + number % 3)
    ]
    return {
        "status": "active",
        "type": _coding("http://terminology.hl7.org/claim-type", "professional", "Professional"),
        "use": "claim",
        "patient": subject,
        "billablePeriod": {"start": day, "end": day},
        "created": day,
        "insurer": {"reference": "Organization/organization-00000"},
        "provider": practitioner,
        "outcome": "complete",
        "careTeam": [{"sequence": 1, "provider": practitioner}],
        "insurance": [{"focal": True, "coverage": {"reference": "Coverage/coverage-00000"}}],
        "item": lines,
        "total": [{"category": _coding("http://terminology.hl7.org/adjudication", "paid", "Paid"),
                   "amount": _money(chance)} for _ in range(4)],
        "payment": {"date": day, "amount": _money(chance)},
    }  # fmt: skip
