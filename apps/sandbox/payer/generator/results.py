"""Observation and DiagnosticReport: vital signs and laboratory panels."""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.codes import (
    LABORATORY_PANELS,
    LOINC,
    US_CORE,
    VITAL_SIGNS,
    Measure,
    category,
    concept,
    quantity,
)
from apps.sandbox.payer.generator.directory import some_organization, some_practitioner
from apps.sandbox.payer.generator.json_text import Json
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref

_VITAL_PROFILE = f"{US_CORE}/us-core-vital-signs"
_LABORATORY_PROFILE = f"{US_CORE}/us-core-observation-lab"


def add_vital_signs(record: RecordBuilder, on: datetime.date, encounter: str) -> None:
    """Add some vital signs of a visit, blood pressure always."""
    add_blood_pressure(record, on, encounter)
    for measure in record.random.sample(VITAL_SIGNS, 3):
        body = _observation(record, on, "vital-signs", concept(LOINC, measure.code, measure.display))
        body["encounter"] = ref(encounter)
        body["valueQuantity"] = quantity(_value(record, measure), measure.unit)
        record.add("Observation", body, on=on, profile=_VITAL_PROFILE)


def add_blood_pressure(record: RecordBuilder, on: datetime.date, encounter: str) -> str:
    """Add the two-component blood pressure panel."""
    body = _observation(record, on, "vital-signs", concept(LOINC, "85354-9", "Blood pressure panel"))
    body["encounter"] = ref(encounter)
    body["component"] = [
        {
            "code": concept(LOINC, code, words),
            "valueQuantity": quantity(str(low + record.random.randrange(50)), "mm[Hg]"),
        }
        for code, words, low in (
            ("8480-6", "Systolic blood pressure", 98),
            ("8462-4", "Diastolic blood pressure", 55),
        )
    ]
    return record.add("Observation", body, on=on, profile=f"{US_CORE}/us-core-blood-pressure")


def add_laboratory_panel(record: RecordBuilder, on: datetime.date, encounter: str) -> str:
    """Add a panel's observations, and the report that lists them."""
    code, words, measures = record.choose(LABORATORY_PANELS)
    laboratory = some_organization(record)
    results = []
    for measure in measures:
        body = _observation(record, on, "laboratory", concept(LOINC, measure.code, measure.display))
        body["encounter"] = ref(encounter)
        body["performer"] = [ref(laboratory)]
        body["valueQuantity"] = quantity(_value(record, measure), measure.unit)
        body["referenceRange"] = [
            {
                "low": quantity(str(measure.low), measure.unit),
                "high": quantity(str(measure.high), measure.unit),
            }
        ]
        results.append(ref(record.add("Observation", body, on=on, profile=_LABORATORY_PROFILE)))
    return record.add(
        "DiagnosticReport",
        {
            "status": "final",
            "category": category("v2-0074", "LAB"),
            "code": concept(LOINC, code, words),
            "subject": ref(record.patient),
            "encounter": ref(encounter),
            "effectiveDateTime": at(on, 9, 15),
            "issued": at(on, 18),
            "performer": [ref(laboratory)],
            "result": results,
            "conclusion": "Reviewed with the patient.",
        },
        on=on,
    )


def add_observation(
    record: RecordBuilder, on: datetime.date, body: Json, *, id_: str = "", full_url: str | None = None
) -> str:
    """Add a body weight whose elements `body` overrides or adds to."""
    whole = _observation(record, on, "vital-signs", concept(LOINC, "29463-7", "Body weight"))
    return record.add("Observation", {**whole, **body}, on=on, id_=id_, profile=_VITAL_PROFILE, full_url=full_url)


def _observation(record: RecordBuilder, on: datetime.date, kind: str, code: Json) -> Json:
    return {
        "status": "final",
        "category": category("observation-category", kind),
        "code": code,
        "subject": ref(record.patient),
        "effectiveDateTime": at(on, 9, 15),
        "performer": [ref(some_practitioner(record))],
    }


def _value(record: RecordBuilder, measure: Measure) -> str:
    scale = 10**measure.digits
    steps = (measure.high - measure.low) * scale
    scaled = measure.low * scale + record.random.randrange(steps + 1)
    if not measure.digits:
        return str(scaled)
    return f"{scaled // scale}.{scaled % scale:0{measure.digits}d}"
