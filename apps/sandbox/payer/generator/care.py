"""CarePlan, CareTeam, Goal, Device, QuestionnaireResponse and Provenance: what stands behind the visits."""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.codes import LOINC, SNOMED, TERMINOLOGY, US_CORE_CODES, concept, quantity
from apps.sandbox.payer.generator.directory import (
    payer,
    practitioner_role,
    some_organization,
    some_practitioner,
    some_serial,
)
from apps.sandbox.payer.generator.json_text import Json
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref


def add_background(record: RecordBuilder, on: datetime.date) -> None:
    """Add one of each: goal, team, plan, device, questionnaire."""
    goal = _add_goal(record, on)
    team = _add_care_team(record, on)
    plan = record.add(
        "CarePlan",
        {
            "text": {
                "status": "additional",
                "div": '<div xmlns="http://www.w3.org/1999/xhtml">Walk daily &amp; eat well.</div>',
            },
            "status": "active",
            "intent": "plan",
            "category": [concept(f"{US_CORE_CODES}/careplan-category", "assess-plan")],
            "subject": ref(record.patient),
            "period": {"start": str(on)},
            "careTeam": [ref(team)],
            "goal": [ref(goal)],
        },
        on=on,
    )
    _add_device(record, on)
    _add_questionnaire_response(record, on)
    add_provenance(record, on, (goal, team, plan))


def add_provenance(record: RecordBuilder, on: datetime.date, targets: tuple[str, ...], *, id_: str = "") -> str:
    """Add where some resources came from. Provenance has no identifier in R4."""
    return record.add(
        "Provenance",
        {
            "target": [ref(target) for target in targets],
            "recorded": at(on, 22),
            "agent": [
                {
                    "type": concept(f"{TERMINOLOGY}/provenance-participant-type", "author", "Author"),
                    "who": ref(some_practitioner(record)),
                    "onBehalfOf": ref(some_organization(record)),
                },
                {
                    "type": concept(f"{US_CORE_CODES}/us-core-provenance-participant-type", "transmitter"),
                    "who": ref(payer(record)),
                },
            ],
        },
        on=on,
        id_=id_,
    )


def _add_goal(record: RecordBuilder, on: datetime.date) -> str:
    return record.add(
        "Goal",
        {
            "lifecycleStatus": "active",
            "description": {"text": "Systolic blood pressure below 130"},
            "subject": ref(record.patient),
            "startDate": str(on),
            "target": [
                {
                    "measure": concept(LOINC, "8480-6", "Systolic blood pressure"),
                    "detailQuantity": quantity("130", "mm[Hg]"),
                    "dueDate": str(on + datetime.timedelta(days=180)),
                }
            ],
        },
        on=on,
    )


def _add_care_team(record: RecordBuilder, on: datetime.date) -> str:
    lead = practitioner_role(record, some_serial(record))
    return record.add(
        "CareTeam",
        {
            "status": "active",
            "name": "Primary care team",
            "subject": ref(record.patient),
            "participant": [
                {"role": [concept(SNOMED, "446050000", "Primary care provider")], "member": ref(lead)},
                {"role": [concept(SNOMED, "116154003", "Patient")], "member": ref(record.patient)},
            ],
        },
        on=on,
    )


def _add_device(record: RecordBuilder, on: datetime.date) -> str:
    serial = f"{record.random.randrange(10**8):08d}"
    return record.add(
        "Device",
        {
            "udiCarrier": [{"deviceIdentifier": "00000000000017", "carrierHRF": f"(01)00000000000017(21){serial}"}],
            "status": "active",
            "manufacturer": "Sandbox Devices",
            "serialNumber": serial,
            "deviceName": [{"name": "Continuous glucose monitor", "type": "user-friendly-name"}],
            "type": concept(SNOMED, "700585005", "Invasive interstitial-fluid glucose monitoring system"),
            "patient": ref(record.patient),
        },
        on=on,
    )


def _add_questionnaire_response(record: RecordBuilder, on: datetime.date) -> str:
    answers = (
        ("/88122-7", "Within the past 12 months we worried whether our food would run out", "Never true"),
        ("/88123-5", "Within the past 12 months the food we bought just didn't last", "Sometimes true"),
    )
    return record.add(
        "QuestionnaireResponse",
        questionnaire_response(record, on)
        | {
            "item": [
                {"linkId": link_id, "text": text, "answer": [{"valueString": answer}]}
                for link_id, text, answer in answers
            ]
        },
        on=on,
    )


def questionnaire_response(record: RecordBuilder, on: datetime.date) -> Json:
    """Build a QuestionnaireResponse without items; its identifier is one object, not a list."""
    return {
        "identifier": {
            "system": "https://sandbox.example/survey",
            "value": f"Q-{record.member.patient_id}-{on}",
        },
        "questionnaire": "http://hl7.org/fhir/us/core/Questionnaire/hunger-vital-sign|1.0.0",
        "status": "completed",
        "subject": ref(record.patient),
        "authored": at(on, 8),
        "author": ref(record.patient),
    }
