"""Patient and Coverage: who the member is and what the plan covers."""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.codes import C4BB_PROFILE, TERMINOLOGY, US_CORE, concept
from apps.sandbox.payer.generator.directory import payer, some_practitioner
from apps.sandbox.payer.generator.json_text import Json
from apps.sandbox.payer.generator.record import RecordBuilder, ref
from apps.sandbox.payer.members import Content

_ENROLLED = datetime.date(2021, 1, 1)


def add_patient(record: RecordBuilder) -> None:
    """Add the member as a Patient; names in another script come second."""
    person = record.member.person
    names: list[Json] = [{"use": "official", "family": person.family, "given": person.given.split()}]
    if person.other_name:
        names.append({"use": "usual", "text": person.other_name})
    record.add(
        "Patient",
        {
            "identifier": [_member_number(record)],
            "active": True,
            "name": names,
            "telecom": [{"system": "phone", "value": "+1 555 0142", "use": "home"}],
            "gender": person.gender,
            "birthDate": person.birth_date,
            "address": [
                {
                    "use": "home",
                    "line": [person.line],
                    "city": person.city,
                    "state": person.state,
                    "postalCode": person.postal_code,
                    "country": "US",
                }
            ],
            "communication": [{"language": concept("urn:ietf:bcp:47", person.language), "preferred": True}],
            "generalPractitioner": [ref(some_practitioner(record))],
            "managingOrganization": ref(payer(record)),
        },
        on=_ENROLLED,
        id_=record.member.patient_id,
        profile=f"{US_CORE}/us-core-patient",
    )


def add_coverages(record: RecordBuilder) -> None:
    """Add the member's policies; `record.coverages` then names them: medical, pharmacy, or A, B, D and C."""
    if record.holds(Content.MEDICARE):
        for part, words in (("A", "Hospital"), ("B", "Medical"), ("D", "Prescription drug")):
            record.coverages[part] = _add_coverage(record, f"Medicare Part {part}", words, f"part-{part}")
        record.coverages["inpatient"] = record.coverages["A"]
        record.coverages["medical"] = record.coverages["B"]
        record.coverages["pharmacy"] = record.coverages["D"]
        return
    medical = _add_coverage(record, "Gold PPO", "Medical", "GP1")
    record.coverages["medical"] = record.coverages["inpatient"] = medical
    if record.holds(Content.PHARMACY):
        record.coverages["pharmacy"] = _add_coverage(record, "Gold Rx", "Prescription drug", "RX1")


def _add_coverage(record: RecordBuilder, plan_name: str, group_name: str, value: str) -> str:
    return record.add(
        "Coverage",
        {
            "identifier": [_member_number(record)],
            "status": "active",
            "type": concept(f"{TERMINOLOGY}/v3-ActCode", "HIP", "health insurance plan policy"),
            "policyHolder": ref(record.patient),
            "subscriber": ref(record.patient),
            "subscriberId": f"S-{record.member.patient_id}",
            "beneficiary": ref(record.patient),
            "dependent": "0",
            "relationship": concept(f"{TERMINOLOGY}/subscriber-relationship", "self", "Self"),
            "period": {"start": str(_ENROLLED)},
            "payor": [ref(payer(record), record.plan.display)],
            "class": [
                {
                    "type": concept(f"{TERMINOLOGY}/coverage-class", "group"),
                    "value": "G77",
                    "name": group_name,
                },
                {"type": concept(f"{TERMINOLOGY}/coverage-class", "plan"), "value": value, "name": plan_name},
            ],
            "network": f"{plan_name} network",
        },
        on=_ENROLLED,
        profile=f"{C4BB_PROFILE}/C4BB-Coverage",
    )


def _member_number(record: RecordBuilder) -> Json:
    return {
        "type": concept(f"{TERMINOLOGY}/v2-0203", "MB", "Member Number"),
        "system": f"https://sandbox.example/{record.plan.key}/member",
        "value": f"M-{record.member.patient_id}",
        "assigner": ref(payer(record)),
    }
