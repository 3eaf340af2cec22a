"""Patient, RelatedPerson and Coverage: who the member is, who acts for them, what the plan covers."""

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
    names: list[Json] = [{"use": "official", "family": person.family}]
    if person.given:
        names[0]["given"] = person.given.split()
    if person.other_name:
        names.append({"use": "usual", "text": person.other_name})
    record.add(
        "Patient",
        {
            "identifier": [_member_number(record)],
            "active": True,
            "name": names,
            "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
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
            **_seen_by(record),
            "managingOrganization": ref(payer(record)),
            **_own_oddities(record),
        },
        on=_enrolled(record),
        id_=record.member.patient_id,
        profile=f"{US_CORE}/us-core-patient",
    )


def add_representative(record: RecordBuilder) -> None:
    """Add who may act for the member, where somebody may."""
    person, acting = record.member.person, record.member.person.representative
    if acting is None:
        return
    record.add(
        "RelatedPerson",
        {
            "identifier": [
                {"system": "https://sandbox.example/representative", "value": f"R-{record.member.patient_id}"}
            ],
            "active": True,
            "patient": ref(record.patient),
            "relationship": [concept(f"{TERMINOLOGY}/v3-RoleCode", acting.role, acting.role_words)],
            "name": [{"use": "official", "family": acting.family, "given": [acting.given]}],
            "telecom": [{"system": "phone", "value": person.phone, "use": "home"}],
            "period": {"start": str(_enrolled(record))},
        },
        on=_enrolled(record),
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


def _enrolled(record: RecordBuilder) -> datetime.date:
    return max(_ENROLLED, datetime.date.fromisoformat(record.member.person.birth_date))


def _seen_by(record: RecordBuilder) -> Json:
    """Name the general practitioner of a member who has seen one."""
    return {"generalPractitioner": [ref(some_practitioner(record))]} if record.member.contents else {}


def _own_oddities(record: RecordBuilder) -> Json:
    """Add to an odd Patient what is odd about Patients: a time of birth, a death, a link of the payer's own."""
    if not record.holds(Content.CLINICAL_ODDITIES):
        return {}
    born = {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime", "valueDateTime": "1956-02-29T23:59:59Z"}
    other = {"type": "Patient", "identifier": {"system": "https://sandbox.example/merged", "value": "M-77"}}
    return {
        "_birthDate": {"extension": [born]},
        "deceasedDateTime": "2026-06",
        "link": [{"other": other, "type": "seealso"}],
    }


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
            "period": {"start": str(_enrolled(record))},
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
        on=_enrolled(record),
        profile=f"{C4BB_PROFILE}/C4BB-Coverage",
    )


def _member_number(record: RecordBuilder) -> Json:
    return {
        "type": concept(f"{TERMINOLOGY}/v2-0203", "MB", "Member Number"),
        "system": f"https://sandbox.example/{record.plan.key}/member",
        "value": f"M-{record.member.patient_id}",
        "assigner": ref(payer(record)),
    }
