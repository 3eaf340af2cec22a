"""Things that real payers send and that a naive pipeline breaks, planted once in each odd record.

Owns numbers, references, gaps, ids and texts; dates, statuses and the like are `clinical_oddities`. Where each
stands is in `oddity_table`.
"""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.care import add_provenance, questionnaire_response
from apps.sandbox.payer.generator.claims import add_claim, add_explanation_of_benefit
from apps.sandbox.payer.generator.codes import LOINC, NPI, RXNORM, concept
from apps.sandbox.payer.generator.directory import npi, practitioner
from apps.sandbox.payer.generator.documents import add_note
from apps.sandbox.payer.generator.encounters import add_condition, add_encounter
from apps.sandbox.payer.generator.json_text import Json, escaped, number
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref
from apps.sandbox.payer.generator.results import add_observation

_DAY = datetime.date(2025, 5, 20)
VISIT_URN = "urn:uuid:5e7a0c1e-6a6f-4f0b-9d7b-2f1f6c3a9b10"
FOREIGN = "https://fhir.elsewhere.example/r4/Practitioner/4471"
MISSING = "Observation/this-one-was-never-there"

# Reference texts that a walk through an odd member's record cannot resolve, by intention.
UNRESOLVED = frozenset({FOREIGN, MISSING})


def plant(record: RecordBuilder) -> None:
    """Add every oddity to the record."""
    visit = add_encounter(record, _DAY, id_=_id(record, "urn-visit"), full_url=VISIT_URN)
    _plant_numbers(record)
    _plant_references(record, visit)
    _plant_gaps(record, visit)
    _plant_ids(record, visit)
    _plant_texts(record, visit)


def _id(record: RecordBuilder, word: str) -> str:
    return f"{record.member.patient_id}-odd-{word}"


def _weigh(record: RecordBuilder, word: str, body: Json) -> None:
    add_observation(record, _DAY, body, id_=_id(record, word))


def _plant_numbers(record: RecordBuilder) -> None:
    for word, text in (
        ("trailing-zeros", "1.10"),
        ("exponent", "1e3"),
        ("small-exponent", "1.0E-2"),
        ("large-integer", "123456789012345678901234567890"),
        ("minus-zero", "-0"),
        ("minus-zero-point-zero", "-0.0"),
        ("long-decimal", "0.10000000000000000000000000001"),
    ):
        _weigh(record, word, {"valueQuantity": {"value": number(text), "unit": "kg"}})


def _plant_references(record: RecordBuilder, visit: str) -> None:
    doctor = practitioner(record, 1)
    performers = {
        "absolute-own": f"{record.fhir_base}/{doctor}",
        "absolute-foreign": FOREIGN,
        "conditional": f"Practitioner?identifier={NPI}|{npi(1)}",
        "versioned": f"{doctor}/_history/2",
        "absolute-versioned": f"{record.fhir_base}/{doctor}/_history/2",
    }
    for word, reference in performers.items():
        _weigh(record, word, {"performer": [ref(reference)], "valueQuantity": _weight()})
    _weigh(record, "urn", {"encounter": ref(VISIT_URN), "valueQuantity": _weight()})
    _weigh(record, "missing-target", {"derivedFrom": [ref(MISSING)], "valueQuantity": _weight()})
    by_number = {"type": "Practitioner", "identifier": {"system": NPI, "value": npi(1)}}
    _weigh(record, "identifier-only", {"performer": [by_number], "valueQuantity": _weight()})
    inside = {"url": "https://sandbox.example/weighed-at", "valueReference": ref(visit)}
    nested = {"url": "https://sandbox.example/chain", "extension": [inside]}
    _weigh(record, "in-extension", {"extension": [nested], "valueQuantity": _weight()})
    add_condition(record, _DAY, VISIT_URN, id_=_id(record, "urn-condition"))
    record.add(
        "MedicationRequest",
        {
            "contained": [
                {
                    "resourceType": "Medication",
                    "id": "drug",
                    "code": concept(RXNORM, "314076", "Lisinopril 10 MG Oral Tablet"),
                    "manufacturer": ref("#maker"),
                },
                {"resourceType": "Organization", "id": "maker", "name": "Sandbox Pharmaceuticals"},
            ],
            "status": "active",
            "intent": "order",
            "medicationReference": ref("#drug"),
            "subject": ref(record.patient),
            "requester": ref(doctor),
            "authoredOn": str(_DAY),
        },
        on=_DAY,
        id_=_id(record, "contained"),
    )


def _plant_gaps(record: RecordBuilder, visit: str) -> None:
    for element in ("provider", "insurer", "insurance"):
        id_ = _id(record, f"no-{element}")
        add_explanation_of_benefit(record, _DAY, encounter=visit, without=(element,), id_=id_)
    for element in ("provider", "priority"):
        add_claim(record, _DAY, without=(element,), id_=_id(record, f"no-{element}"))
    record.add(
        "Coverage",
        {
            "status": "cancelled",
            "beneficiary": ref(record.patient),
            "period": {"start": "2019", "end": "2020"},
        },
        on=_DAY,
        id_=_id(record, "no-payor"),
    )
    record.add(
        "QuestionnaireResponse",
        questionnaire_response(record, _DAY),
        on=_DAY,
        id_=_id(record, "one-identifier"),
    )
    add_provenance(record, _DAY, (visit,), id_=_id(record, "no-identifier"))


def _plant_ids(record: RecordBuilder, visit: str) -> None:
    add_observation(record, _DAY, {"valueQuantity": _weight()}, id_=f"{record.member.patient_id}.odd.with.dots")
    add_observation(record, _DAY, {"valueQuantity": _weight()}, id_=longest_id(record.member.patient_id))
    twin = _id(record, "twin")
    add_observation(record, _DAY, {"valueQuantity": _weight()}, id_=twin)
    add_condition(record, _DAY, visit, id_=twin)


def _plant_texts(record: RecordBuilder, visit: str) -> None:
    _weigh(
        record,
        "escapes",
        {"note": [{"text": escaped("Café w/ Zoë: 1/2 kg \U0001f9c3")}], "valueQuantity": _weight()},
    )
    add_note(record, _DAY, visit, id_=_id(record, "note"))
    tagged = {
        "tag": [{"system": "https://sandbox.example/tags", "code": "imported", "display": "Imported"}],
        "profile": ["https://sandbox.example/StructureDefinition/weight|1.0"],
        "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}],
        "source": "https://sandbox.example/feed#7",
    }
    body: Json = {
        "status": "final",
        "code": concept(LOINC, "29463-7", "Body weight"),
        "subject": ref(record.patient),
        "effectiveDateTime": at(_DAY, 9),
        "valueQuantity": _weight(),
    }
    record.add("Observation", body, on=_DAY, id_=_id(record, "tagged"), meta=tagged)
    record.add("Observation", body, on=_DAY, id_=_id(record, "spread"), lines=True)
    link = {"contentType": "application/pdf", "url": "https://files.elsewhere.example/Observation/1.pdf"}
    record.add(
        "DocumentReference",
        {
            "status": "current",
            "type": concept(LOINC, "11506-3", "Progress note"),
            "subject": ref(record.patient),
            "date": at(_DAY, 12),
            "content": [{"attachment": link}],
        },
        on=_DAY,
        id_=_id(record, "attachment-url"),
    )


def _weight() -> Json:
    return {"value": number("71.50"), "unit": "kg"}


def longest_id(patient_id: str) -> str:
    return f"{patient_id}-{'x' * 64}"[:64]
