"""Encounter, Condition, Procedure, Immunization and AllergyIntolerance: what happened at a visit."""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.codes import (
    ALLERGENS,
    CVX,
    HCPCS,
    ICD10,
    PROBLEMS,
    PROCEDURES,
    SNOMED,
    TERMINOLOGY,
    US_CORE,
    VACCINES,
    category,
    concept,
    quantity,
)
from apps.sandbox.payer.generator.directory import (
    location,
    organization,
    practitioner_role,
    some_practitioner,
    some_serial,
)
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref

_VISITS = (
    ("AMB", "ambulatory", "185349003", "Encounter for check up"),
    ("AMB", "ambulatory", "185345009", "Encounter for symptom"),
    ("VR", "virtual", "448337001", "Telemedicine consultation"),
    ("EMER", "emergency", "50849002", "Emergency room admission"),
)


def add_encounter(record: RecordBuilder, on: datetime.date, *, full_url: str | None = None, id_: str = "") -> str:
    """Add a visit with its practitioner's role, place and organization."""
    class_code, class_words, type_code, type_words = record.choose(_VISITS)
    serial = some_serial(record)
    return record.add(
        "Encounter",
        {
            "identifier": [
                {"system": "https://sandbox.example/visit", "value": f"V{record.random.randrange(10**8):08d}"}
            ],
            "status": "finished",
            "class": {"system": f"{TERMINOLOGY}/v3-ActCode", "code": class_code, "display": class_words},
            "type": [concept(SNOMED, type_code, type_words)],
            "subject": ref(record.patient, record.member.person.name),
            "participant": [
                {
                    "type": [concept(f"{TERMINOLOGY}/v3-ParticipationType", "PPRF", "primary performer")],
                    "period": {"start": at(on, 9), "end": at(on, 9, 40)},
                    "individual": ref(practitioner_role(record, serial)),
                }
            ],
            "period": {"start": at(on, 9), "end": at(on, 9, 40)},
            "location": [{"location": ref(location(record, serial % 12))}],
            "serviceProvider": ref(organization(record, serial % 12)),
        },
        on=on,
        id_=id_,
        full_url=full_url,
    )


def add_condition(record: RecordBuilder, on: datetime.date, encounter: str, *, id_: str = "") -> str:
    """Add a problem or the diagnosis of the visit."""
    snomed, icd, words = record.choose(PROBLEMS)
    is_problem = record.happens(0.3)
    name = "condition-problems-health-concerns" if is_problem else "condition-encounter-diagnosis"
    kind = "problem-list-item" if is_problem else "encounter-diagnosis"
    return record.add(
        "Condition",
        {
            "clinicalStatus": concept(f"{TERMINOLOGY}/condition-clinical", record.choose(("active", "resolved"))),
            "verificationStatus": concept(f"{TERMINOLOGY}/condition-ver-status", "confirmed"),
            "category": category("condition-category", kind),
            "code": {
                "coding": [
                    {"system": SNOMED, "code": snomed, "display": words},
                    {"system": ICD10, "code": icd, "display": words},
                ],
                "text": words,
            },
            "subject": ref(record.patient),
            "encounter": ref(encounter),
            "onsetDateTime": f"{on:%Y-%m}",
            "recordedDate": str(on),
        },
        on=on,
        id_=id_,
        profile=f"{US_CORE}/us-core-{name}",
    )


def add_procedure(record: RecordBuilder, on: datetime.date, encounter: str) -> str:
    """Add a procedure done at the visit."""
    snomed, hcpcs, words = record.choose(PROCEDURES)
    return record.add(
        "Procedure",
        {
            "status": "completed",
            "code": {
                "coding": [
                    {"system": SNOMED, "code": snomed, "display": words},
                    {"system": HCPCS, "code": hcpcs},
                ],
                "text": words,
            },
            "subject": ref(record.patient),
            "encounter": ref(encounter),
            "performedPeriod": {"start": at(on, 10), "end": at(on, 10, 25)},
            "performer": [{"actor": ref(some_practitioner(record))}],
        },
        on=on,
    )


def add_immunization(record: RecordBuilder, on: datetime.date, encounter: str) -> str:
    """Add a vaccination."""
    code, words = record.choose(VACCINES)
    return record.add(
        "Immunization",
        {
            "status": "completed",
            "vaccineCode": concept(CVX, code, words),
            "patient": ref(record.patient),
            "encounter": ref(encounter),
            "occurrenceDateTime": str(on),
            "primarySource": True,
            "lotNumber": f"LOT{record.random.randrange(10**5):05d}",
            "doseQuantity": quantity("0.50", "mL"),
            "performer": [{"actor": ref(some_practitioner(record))}],
        },
        on=on,
    )


def add_allergy(record: RecordBuilder, on: datetime.date) -> str:
    """Add an allergy with the reaction that was seen."""
    code, words, kind = record.choose(ALLERGENS)
    return record.add(
        "AllergyIntolerance",
        {
            "clinicalStatus": concept(f"{TERMINOLOGY}/allergyintolerance-clinical", "active"),
            "verificationStatus": concept(f"{TERMINOLOGY}/allergyintolerance-verification", "confirmed"),
            "type": "allergy",
            "category": [kind],
            "criticality": record.choose(("low", "high")),
            "code": concept(SNOMED, code, words),
            "patient": ref(record.patient),
            "recordedDate": str(on),
            "recorder": ref(some_practitioner(record)),
            "reaction": [{"manifestation": [concept(SNOMED, "247472004", "Wheal")], "severity": "mild"}],
        },
        on=on,
    )
