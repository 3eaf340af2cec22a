"""Things that real payers send and that a naive pipeline breaks, planted once in each odd record.

Owns the planting and `ODDITIES`, the table that tests walk: where each stands and how to see it in the text.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass

from apps.sandbox.payer.generator.care import add_provenance, questionnaire_response
from apps.sandbox.payer.generator.claims import add_claim, add_explanation_of_benefit
from apps.sandbox.payer.generator.codes import LOINC, NPI, RXNORM, concept
from apps.sandbox.payer.generator.directory import npi, practitioner
from apps.sandbox.payer.generator.documents import add_note
from apps.sandbox.payer.generator.encounters import add_condition, add_encounter
from apps.sandbox.payer.generator.json_text import Json, escaped, number, read
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref
from apps.sandbox.payer.generator.results import add_observation
from apps.sandbox.payer.plans import PLANS

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
    add_observation(record, _DAY, {"valueQuantity": _weight()}, id_=_longest_id(record.member.patient_id))
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


def _longest_id(patient_id: str) -> str:
    return f"{patient_id}-{'x' * 64}"[:64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """Where one oddity stands; `shows` is true of that resource's text."""

    login: str
    reference: str
    shows: Callable[[bytes], bool]


def _has(*parts: str) -> Callable[[bytes], bool]:
    return lambda text: all(part.encode() in text for part in parts)


def _lacks(element: str) -> Callable[[bytes], bool]:
    return lambda text: element not in read(text)


_LOGIN = "patient2@flexpa.com"
_PATIENT = "foo-2"
_DOCTOR = f"Practitioner/{PLANS['foomedical'].id_prefix}-prac-1"


def _odd(reference: str, shows: Callable[[bytes], bool], *, login: str = _LOGIN) -> Oddity:
    type_, word = reference.split("/")
    return Oddity(login=login, reference=f"{type_}/{_PATIENT}-odd-{word}", shows=shows)


def _whole(login: str, reference: str, shows: Callable[[bytes], bool]) -> Oddity:
    return Oddity(login=login, reference=reference, shows=shows)


ODDITIES: dict[str, Oddity] = {
    "decimal with trailing zeros": _odd("Observation/trailing-zeros", _has('"value":1.10,')),
    "decimal with exponent": _odd("Observation/exponent", _has('"value":1e3,')),
    "decimal with negative exponent": _odd("Observation/small-exponent", _has('"value":1.0E-2,')),
    "integer over 64 bits": _odd("Observation/large-integer", _has(":123456789012345678901234567890,")),
    "minus zero": _odd("Observation/minus-zero", _has('"value":-0,')),
    "minus zero point zero": _odd("Observation/minus-zero-point-zero", _has('"value":-0.0,')),
    "decimal beyond doubles": _odd("Observation/long-decimal", _has("0.10000000000000000000000000001")),
    "accented name": _whole(_LOGIN, f"Patient/{_PATIENT}", _has("Ángel", "Peñalosa-Núñez")),
    "Han name": _whole("patient3@flexpa.com", "Patient/foo-3", _has("林 美玲")),
    "right-to-left name": _whole("patient30@flexpa.com", "Patient/foo-30", _has("ليلى حداد")),
    "emoji in a name": _whole("acme-2", "Patient/acme-m-2", _has("🎈")),
    "contained resources": _odd("MedicationRequest/contained", _has('"contained":[', '"#drug"', '"#maker"')),
    "urn:uuid reference": _odd("Observation/urn", _has(f'"reference":"{VISIT_URN}"')),
    "urn:uuid reference ahead of its target": _odd("Condition/urn-condition", _has(VISIT_URN)),
    "absolute reference to own base": _odd("Observation/absolute-own", _has(f"/foomedical/fhir/{_DOCTOR}")),
    "absolute reference to a foreign base": _odd("Observation/absolute-foreign", _has(FOREIGN)),
    "conditional reference": _odd("Observation/conditional", _has("Practitioner?identifier=")),
    "versioned reference": _odd("Observation/versioned", _has(f'"{_DOCTOR}/_history/2"')),
    "absolute versioned reference": _odd("Observation/absolute-versioned", _has(f"{_DOCTOR}/_history/2")),
    "reference inside an extension": _odd("Observation/in-extension", _has('"valueReference":{')),
    "reference to nothing": _odd("Observation/missing-target", _has(MISSING)),
    "reference by identifier only": _odd("Observation/identifier-only", _has('"identifier":{"sys')),
    "EOB without provider": _odd("ExplanationOfBenefit/no-provider", _lacks("provider")),
    "EOB without insurer": _odd("ExplanationOfBenefit/no-insurer", _lacks("insurer")),
    "EOB without insurance": _odd("ExplanationOfBenefit/no-insurance", _lacks("insurance")),
    "Coverage without payor": _odd("Coverage/no-payor", _lacks("payor")),
    "Claim without provider": _odd("Claim/no-provider", _lacks("provider")),
    "Claim without priority": _odd("Claim/no-priority", _lacks("priority")),
    "identifier that is one object": _odd("QuestionnaireResponse/one-identifier", _has('"identifier":{')),
    "type without identifier": _odd("Provenance/no-identifier", _lacks("identifier")),
    "meta.tag of the payer": _odd("Observation/tagged", _has('"tag":[{"system":"https://sandbox.example/tags"')),
    "meta.profile of the payer": _odd("Observation/tagged", _has('"profile":["https://sandbox.example/')),
    "id with dots": _whole(_LOGIN, f"Observation/{_PATIENT}.odd.with.dots", _has(".odd.with.dots")),
    "id of 64 characters": _whole(_LOGIN, f"Observation/{_longest_id(_PATIENT)}", _has("x" * 50)),
    "id in two types, one": _odd("Observation/twin", _has('"resourceType":"Observation"', "odd-twin")),
    "id in two types, other": _odd("Condition/twin", _has('"resourceType":"Condition"', "odd-twin")),
    "Attachment.url": _odd("DocumentReference/attachment-url", _has("https://files.elsewhere.example/")),
    "escapes": _odd("Observation/escapes", _has(r"Caf\u00e9 w\/ Zo\u00eb: 1\/2 kg \ud83e\uddc3")),
    "text over several lines": _odd("Observation/spread", _has('{\n  "resourceType": "Observation",\n')),
    "C-CDA inline": _whole(
        "patient3@flexpa.com", "DocumentReference/foo-3-ccda-inline", _has('"data":"PD94bWw')
    ),
    "C-CDA linked": _whole(
        "HUser00001", "DocumentReference/hum-m-00001-ccda-linked", _has('/Binary/hum-m-00001-ccda"')
    ),
    "Binary": _whole("HUser00001", "Binary/hum-m-00001-ccda", _has('"contentType":"application/xml"')),
}  # fmt: skip
