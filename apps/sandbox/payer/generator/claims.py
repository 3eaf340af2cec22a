"""Claim and the medical ExplanationOfBenefit (professional, outpatient and inpatient institutional)."""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.codes import (
    C4BB,
    C4BB_PROFILE,
    HCPCS,
    ICD10,
    POS,
    PROBLEMS,
    SERVICES,
    TERMINOLOGY,
    concept,
    money,
)
from apps.sandbox.payer.generator.directory import (
    location,
    payer,
    some_organization,
    some_practitioner,
    some_serial,
)
from apps.sandbox.payer.generator.json_text import Json, number
from apps.sandbox.payer.generator.record import RecordBuilder, at, ref

_KINDS = (
    ("professional", "C4BB-ExplanationOfBenefit-Professional-NonClinician"),
    ("professional", "C4BB-ExplanationOfBenefit-Professional-NonClinician"),
    ("institutional", "C4BB-ExplanationOfBenefit-Outpatient-Institutional"),
)
_INPATIENT = ("institutional", "C4BB-ExplanationOfBenefit-Inpatient-Institutional")


def add_explanation_of_benefit(
    record: RecordBuilder,
    on: datetime.date,
    *,
    encounter: str = "",
    without: tuple[str, ...] = (),
    id_: str = "",
) -> str:
    """Add an adjudicated medical claim; `without` names elements that this payer forgot."""
    inpatient = record.happens(0.08)
    kind, profile = _INPATIENT if inpatient else record.choose(_KINDS)
    provider = some_organization(record)
    items = [_item(record, on, sequence, encounter) for sequence in range(1, 2 + record.random.randrange(4))]
    body: Json = {
        "identifier": [_claim_number(record, "EOB")],
        "status": "active",
        "type": concept(f"{TERMINOLOGY}/claim-type", kind, kind.capitalize()),
        "use": "claim",
        "patient": ref(record.patient),
        "billablePeriod": {"start": str(on), "end": str(on + datetime.timedelta(days=3 * inpatient))},
        "created": at(on + datetime.timedelta(days=9), 8, 30),
        "insurer": ref(payer(record), record.plan.display),
        "provider": ref(provider),
        "payee": {"type": concept(f"{TERMINOLOGY}/payeetype", "provider"), "party": ref(provider)},
        "outcome": "complete",
        "careTeam": _care_team(record, provider),
        "supportingInfo": [_received(on)],
        "diagnosis": _diagnoses(record, kind),
        "insurance": [_insurance(record, "inpatient" if inpatient else "medical")],
        "item": items,
        "adjudication": [_in_network()],
        "total": _totals(items),
        "payment": {"date": str(on + datetime.timedelta(days=21)), "amount": money(_paid(items))},
    }
    return record.add(
        "ExplanationOfBenefit",
        {name: value for name, value in body.items() if name not in without},
        on=on,
        id_=id_,
        profile=f"{C4BB_PROFILE}/{profile}",
    )


def add_claim(record: RecordBuilder, on: datetime.date, *, without: tuple[str, ...] = (), id_: str = "") -> str:
    """Add the claim as the provider sent it."""
    code, words, place = record.choose(SERVICES)
    body: Json = {
        "identifier": [_claim_number(record, "CLM")],
        "status": "active",
        "type": concept(f"{TERMINOLOGY}/claim-type", "professional", "Professional"),
        "use": "claim",
        "patient": ref(record.patient),
        "created": at(on, 17),
        "insurer": ref(payer(record)),
        "provider": ref(some_practitioner(record)),
        "priority": concept(f"{TERMINOLOGY}/processpriority", "normal"),
        "diagnosis": _diagnoses(record, "professional")[:1],
        "insurance": [{"sequence": 1, **_insurance(record, "medical")}],
        "item": [
            {
                "sequence": 1,
                "productOrService": concept(HCPCS, code, words),
                "servicedDate": str(on),
                "locationCodeableConcept": concept(POS, place),
                "quantity": {"value": 1},
                "unitPrice": money(12_500),
            }
        ],
        "total": money(12_500),
    }
    return record.add("Claim", {name: value for name, value in body.items() if name not in without}, on=on, id_=id_)


def adjudications(submitted: int, *, paid_share: int) -> list[Json]:
    """Adjudicate a submitted amount. Units: cents, hundredths."""
    eligible = submitted * 4 // 5
    paid = eligible * paid_share // 100
    amounts = (
        (f"{TERMINOLOGY}/adjudication", "submitted", submitted),
        (f"{TERMINOLOGY}/adjudication", "eligible", eligible),
        (f"{C4BB}/C4BBAdjudication", "discount", submitted - eligible),
        (f"{TERMINOLOGY}/adjudication", "copay", eligible - paid),
        (f"{C4BB}/C4BBAdjudication", "paidtoprovider", paid),
    )
    return [{"category": concept(system, code), "amount": money(cents)} for system, code, cents in amounts]


def _item(record: RecordBuilder, on: datetime.date, sequence: int, encounter: str) -> Json:
    code, words, place = record.choose(SERVICES)
    submitted = 2_000 + record.random.randrange(60_000)
    item: Json = {
        "sequence": sequence,
        "careTeamSequence": [1],
        "diagnosisSequence": [1],
        "productOrService": concept(HCPCS, code, words),
        "servicedPeriod": {"start": str(on), "end": str(on)},
        "locationCodeableConcept": concept(POS, place),
        "quantity": {"value": number("1.0")},
        "net": money(submitted),
        "adjudication": adjudications(submitted, paid_share=60 + 5 * record.random.randrange(9)),
    }
    if encounter:
        item["encounter"] = [ref(encounter)]
    return item


def _care_team(record: RecordBuilder, provider: str) -> list[Json]:
    roles = f"{TERMINOLOGY}/claimcareteamrole"
    team: list[Json] = [
        {"sequence": 1, "provider": ref(some_practitioner(record)), "role": concept(roles, "primary")},
        {"sequence": 2, "provider": ref(provider), "role": concept(roles, "supervisor")},
    ]
    if record.member.size >= 100 and record.happens(0.2):
        place = location(record, some_serial(record) % 12)
        team[0]["extension"] = [{"url": "https://sandbox.example/seen-at", "valueReference": ref(place)}]
    return team


def _diagnoses(record: RecordBuilder, kind: str) -> list[Json]:
    first, second = record.random.sample(PROBLEMS, 2)
    other = "secondary" if kind == "professional" else "other"
    return [
        {
            "sequence": 1,
            "diagnosisCodeableConcept": concept(ICD10, first[1], first[2]),
            "type": [concept(f"{TERMINOLOGY}/ex-diagnosistype", "principal")],
        },
        {
            "sequence": 2,
            "diagnosisCodeableConcept": concept(ICD10, second[1], second[2]),
            "type": [concept(f"{C4BB}/C4BBClaimDiagnosisType", other)],
        },
    ]


def _claim_number(record: RecordBuilder, prefix: str) -> Json:
    return {
        "type": concept(f"{C4BB}/C4BBIdentifierType", "uc", "Unique Claim ID"),
        "system": f"https://sandbox.example/{record.plan.key}/claim",
        "value": f"{prefix}{record.random.randrange(10**12):012d}",
    }


def _insurance(record: RecordBuilder, kind: str) -> Json:
    return {"focal": True, "coverage": ref(record.coverages[kind])}


def _received(on: datetime.date) -> Json:
    return {
        "sequence": 1,
        "category": concept(f"{C4BB}/C4BBSupportingInfoType", "clmrecvddate", "Claim Received Date"),
        "timingDate": str(on + datetime.timedelta(days=4)),
    }


def _in_network() -> Json:
    return {
        "category": concept(f"{C4BB}/C4BBAdjudicationDiscriminator", "benefitpaymentstatus"),
        "reason": concept(f"{C4BB}/C4BBPayerAdjudicationStatus", "innetwork", "In Network"),
    }


def _cents(amount: Json) -> int:
    return int("".join(digit for digit in amount["value"] if digit.isdigit()))


def _paid(items: list[Json]) -> int:
    return sum(_cents(item["adjudication"][-1]["amount"]) for item in items)


def _totals(items: list[Json]) -> list[Json]:
    """Sum the items' adjudications, category by category."""
    return [
        {
            "category": one["category"],
            "amount": money(sum(_cents(item["adjudication"][place]["amount"]) for item in items)),
        }
        for place, one in enumerate(items[0]["adjudication"])
    ]
