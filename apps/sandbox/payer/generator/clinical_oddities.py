"""Odd dates, periods, statuses, codes and texts, all of them seen in the wild, planted in some records."""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.codes import (
    HCPCS,
    ICD10,
    LOINC,
    SNOMED,
    TERMINOLOGY,
    category,
    concept,
    quantity,
)
from apps.sandbox.payer.generator.directory import payer
from apps.sandbox.payer.generator.json_text import Json
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref

_DAY = datetime.date(2024, 3, 10)


def plant(record: RecordBuilder) -> None:
    """Add every oddity to the record."""
    _plant_moments(record)
    _plant_observations(record)
    _plant_conditions(record)
    _plant_procedures(record)
    _plant_others(record)


def _add(record: RecordBuilder, type_: str, word: str, body: Json) -> None:
    record.add(type_, body, on=_DAY, id_=f"{record.member.patient_id}-odd-{word}")


def _observe(record: RecordBuilder, word: str, body: Json) -> None:
    whole: Json = {
        "status": "final",
        "category": category("observation-category", "laboratory"),
        "code": concept(LOINC, "2345-7", "Glucose [Mass/volume] in Serum or Plasma"),
        "subject": ref(record.patient),
        **body,
    }
    _add(record, "Observation", word, whole)


def _plant_moments(record: RecordBuilder) -> None:
    for word, moment in (
        ("leap-day", "2024-02-29"),
        ("leap-second", "2016-12-31T23:59:60Z"),
        ("nanoseconds", "2024-03-10T09:15:00.123456789Z"),
        ("far-zone", "2024-03-10T09:15:00+14:00"),
        ("no-zone", "2024-03-10T02:30:00"),
    ):
        _observe(record, word, {"effectiveDateTime": moment, "valueQuantity": _glucose()})


def _plant_observations(record: RecordBuilder) -> None:
    now = {"effectiveDateTime": at(_DAY, 9)}
    absent = concept(f"{TERMINOLOGY}/data-absent-reason", "not-performed", "Not Performed")
    repeated = {"event": [at(_DAY, 7), at(_DAY, 19)], "repeat": {"boundsPeriod": {"start": str(_DAY)}}}
    markup = [{"text": "<script>alert(1)</script> & </div> \" ' {{ 7*7 }} %s \\"}]
    _observe(record, "no-date", {"valueQuantity": _glucose()})
    _observe(record, "as-timing", {"effectiveTiming": repeated, "valueQuantity": _glucose()})
    _observe(record, "comparator", {**now, "valueQuantity": {**_glucose(), "comparator": "<"}})
    _observe(record, "absent", {**now, "dataAbsentReason": absent})
    _observe(record, "entered-in-error", {**now, "status": "entered-in-error", "valueQuantity": _glucose()})
    _observe(record, "markup", {**now, "note": markup, "valueQuantity": _glucose()})
    _observe(record, "case", {**now, "valueQuantity": _glucose()})
    _observe(record, "CASE", {**now, "valueString": "Not the one whose id is in lower case."})


def _plant_conditions(record: RecordBuilder) -> None:
    asthma = concept(ICD10, "J45.909", "Asthma, uncomplicated")
    error = concept(f"{TERMINOLOGY}/condition-ver-status", "entered-in-error")
    confirmed = concept(f"{TERMINOLOGY}/condition-ver-status", "confirmed")
    active = {"clinicalStatus": concept(f"{TERMINOLOGY}/condition-clinical", "active")}
    for word, body in (
        ("year", {**active, "code": asthma, "onsetDateTime": "2011"}),
        ("as-age", {**active, "code": asthma, "onsetAge": quantity("12", "a")}),
        ("text-only", {**active, "code": {"text": "Tired since the summer"}}),
        ("no-system", {**active, "code": {"coding": [{"code": "LOCAL-7"}]}}),
        ("entered-in-error", {"verificationStatus": error, "code": asthma}),
    ):
        whole = {
            "verificationStatus": confirmed,
            "category": category("condition-category", "problem-list-item"),
            "subject": ref(record.patient),
            **body,
        }
        _add(record, "Condition", word, whole)


def _plant_procedures(record: RecordBuilder) -> None:
    for word, performed in (
        ("no-start", {"performedPeriod": {"end": "2024-01-15T10:00:00-05:00"}}),
        ("no-end", {"performedPeriod": {"start": "2024-01-15T10:00:00-05:00"}}),
        ("as-text", {"performedString": "as a child"}),
    ):
        code = concept(HCPCS, "G0105", "Colonoscopy")
        _add(
            record,
            "Procedure",
            word,
            {"status": "completed", "code": code, "subject": ref(record.patient), **performed},
        )


def _plant_others(record: RecordBuilder) -> None:
    verification = f"{TERMINOLOGY}/allergyintolerance-verification"
    active = concept(f"{TERMINOLOGY}/allergyintolerance-clinical", "active")
    patient = {"patient": ref(record.patient)}
    refuted = {
        "verificationStatus": concept(verification, "refuted"),
        "code": concept(SNOMED, "91936005", "Allergy to penicillin"),
    }
    none_known = {
        "clinicalStatus": active,
        "verificationStatus": concept(verification, "confirmed"),
        "code": concept(SNOMED, "716186003", "No known allergy"),
    }
    _add(record, "AllergyIntolerance", "refuted", {**refuted, **patient})
    _add(record, "AllergyIntolerance", "none-known", {**none_known, **patient})
    _add(record, "Coverage", "for-ever", {
        "status": "active", "beneficiary": ref(record.patient), "payor": [ref(payer(record))],
        "period": {"start": "2000-01-01", "end": "9999-12-31"},
    })  # fmt: skip
    _add(record, "Encounter", "bare-identifier", {
        "identifier": [{"value": "77"}], "status": "finished",
        "class": {"system": f"{TERMINOLOGY}/v3-ActCode", "code": "AMB"}, "subject": ref(record.patient),
    })  # fmt: skip
    _add(record, "DiagnosticReport", "long", {
        "status": "final", "category": category("v2-0074", "LAB"),
        "code": concept(LOINC, "58410-2", "CBC panel - Blood by Automated count"),
        "subject": ref(record.patient), "effectiveDateTime": str(_DAY), "conclusion": "Many words " * 9091,
    })  # fmt: skip


def _glucose() -> Json:
    return quantity("93", "mg/dL")
