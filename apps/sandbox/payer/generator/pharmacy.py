"""Medication, MedicationRequest, MedicationDispense and the pharmacy ExplanationOfBenefit."""

from __future__ import annotations

import datetime

from apps.sandbox.payer.generator.claims import adjudications
from apps.sandbox.payer.generator.codes import (
    C4BB,
    C4BB_PROFILE,
    DRUGS,
    NDC,
    RXNORM,
    TERMINOLOGY,
    UCUM,
    concept,
    money,
    quantity,
)
from apps.sandbox.payer.generator.directory import organization, payer, some_practitioner
from apps.sandbox.payer.generator.json_text import Json, number
from apps.sandbox.payer.generator.record import HISTORY_START, RecordBuilder, at, ref
from apps.sandbox.payer.members import Content

_PHARMACY = 0
_NCPDP = f"{TERMINOLOGY}/NCPDP"


def medication(record: RecordBuilder, place: int) -> str:
    """Refer to a drug of the plan's formulary."""
    rxnorm, words, ndc, form = DRUGS[place]
    id_ = f"{record.plan.id_prefix}-med-{rxnorm}"
    if f"Medication/{id_}" not in record:
        record.add(
            "Medication",
            {
                "identifier": [{"system": "https://sandbox.example/formulary", "value": f"F{rxnorm}"}],
                "code": {
                    "coding": [
                        {"system": RXNORM, "code": rxnorm, "display": words},
                        {"system": NDC, "code": ndc},
                    ],
                    "text": words,
                },
                "status": "active",
                "manufacturer": ref(organization(record, 11)),
                "form": concept(f"{TERMINOLOGY}/v3-orderableDrugForm", form),
            },
            on=HISTORY_START,
            id_=id_,
        )
    return f"Medication/{id_}"


def add_prescription(record: RecordBuilder, on: datetime.date, encounter: str) -> None:
    """Add a MedicationRequest, and each time that it was filled."""
    place = record.random.randrange(len(DRUGS))
    drug = _drug(record, place)
    request = record.add(
        "MedicationRequest",
        {
            "identifier": [{"system": "https://sandbox.example/rx", "value": _rx_number(record)}],
            "status": record.choose(("active", "completed", "stopped")),
            "intent": "order",
            "category": [concept(f"{TERMINOLOGY}/medicationrequest-category", "community", "Community")],
            "reportedBoolean": False,
            **drug,
            "subject": ref(record.patient),
            "encounter": ref(encounter),
            "authoredOn": str(on),
            "requester": ref(some_practitioner(record)),
            "dosageInstruction": [_dosage(record)],
            "dispenseRequest": {
                "numberOfRepeatsAllowed": 3,
                "quantity": {"value": number("30.00"), "unit": "tablet"},
                "expectedSupplyDuration": quantity("30", "d"),
            },
        },
        on=on,
    )
    for fill in range(1 + record.random.randrange(2)):
        filled = on + datetime.timedelta(days=30 * fill + 1)
        _add_dispense(record, filled, request, drug)
        if record.holds(Content.PHARMACY):
            add_pharmacy_benefit(record, filled, place=place, request=request, refill=fill)


def add_pharmacy_benefit(
    record: RecordBuilder, on: datetime.date, *, place: int, request: str = "", refill: int = 0
) -> str:
    """Add an adjudicated pharmacy claim; it names its prescription only where the record has one."""
    _, words, ndc, _ = DRUGS[place]
    submitted = 300 + record.random.randrange(24_000)
    amounts = adjudications(submitted, paid_share=50)
    body: Json = {
        "identifier": [
            {
                "type": concept(f"{C4BB}/C4BBIdentifierType", "uc", "Unique Claim ID"),
                "system": f"https://sandbox.example/{record.plan.key}/pharmacy-claim",
                "value": _rx_number(record),
            }
        ],
        "status": "active",
        "type": concept(f"{TERMINOLOGY}/claim-type", "pharmacy", "Pharmacy"),
        "use": "claim",
        "patient": ref(record.patient),
        "billablePeriod": {"start": str(on), "end": str(on)},
        "created": at(on, 19, 5),
        "insurer": ref(payer(record), record.plan.display),
        "provider": ref(organization(record, _PHARMACY), "Neighborhood pharmacy"),
        "outcome": "complete",
        "careTeam": [
            {
                "sequence": 1,
                "provider": ref(some_practitioner(record)),
                "role": concept(f"{C4BB}/C4BBClaimCareTeamRole", "prescribing", "Prescribing"),
            }
        ],
        "supportingInfo": _fill_facts(on, refill),
        "insurance": [{"focal": True, "coverage": ref(record.coverages["pharmacy"])}],
        "item": [
            {
                "sequence": 1,
                "productOrService": concept(NDC, ndc, words),
                "servicedDate": str(on),
                "quantity": {"value": number("30.000"), "unit": "EA", "system": UCUM, "code": "[arb'U]"},
                "adjudication": amounts,
            }
        ],
        "total": amounts,
        "payment": {"date": str(on + datetime.timedelta(days=14)), "amount": money(submitted * 2 // 5)},
    }
    if request:
        body["prescription"] = ref(request)
    return record.add("ExplanationOfBenefit", body, on=on, profile=f"{C4BB_PROFILE}/C4BB-ExplanationOfBenefit-Pharmacy")


def _drug(record: RecordBuilder, place: int) -> Json:
    if record.happens(0.5):
        return {"medicationReference": ref(medication(record, place))}
    rxnorm, words, _, _ = DRUGS[place]
    return {"medicationCodeableConcept": concept(RXNORM, rxnorm, words)}


def _add_dispense(record: RecordBuilder, on: datetime.date, request: str, drug: Json) -> None:
    record.add(
        "MedicationDispense",
        {
            "identifier": [{"system": "https://sandbox.example/fill", "value": _rx_number(record)}],
            "status": "completed",
            **drug,
            "subject": ref(record.patient),
            "performer": [{"actor": ref(organization(record, _PHARMACY))}],
            "authorizingPrescription": [ref(request)],
            "type": concept(f"{TERMINOLOGY}/v3-ActCode", "FFC", "First Fill - Complete"),
            "quantity": {"value": number("30.0"), "unit": "tablet"},
            "daysSupply": quantity("30", "d"),
            "whenHandedOver": at(on, 16, 20),
            "dosageInstruction": [_dosage(record)],
        },
        on=on,
    )


def _dosage(record: RecordBuilder) -> Json:
    times = 1 + record.random.randrange(2)
    return {
        "text": f"1 tablet {times} a day",
        "timing": {"repeat": {"frequency": times, "period": number("1.0"), "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": number("1.00"), "unit": "tablet"}}],
    }


def _fill_facts(on: datetime.date, refill: int) -> list[Json]:
    kinds = f"{C4BB}/C4BBSupportingInfoType"
    return [
        {"sequence": 1, "category": concept(kinds, "dayssupply"), "valueQuantity": quantity("30", "d")},
        {"sequence": 2, "category": concept(kinds, "refillnum"), "valueQuantity": {"value": refill}},
        {
            "sequence": 3,
            "category": concept(kinds, "dawcode"),
            "code": concept(f"{_NCPDP}DispensedAsWrittenOrProductSelectionCode", "0"),
        },
        {"sequence": 4, "category": concept(kinds, "clmrecvddate"), "timingDate": str(on)},
    ]


def _rx_number(record: RecordBuilder) -> str:
    return f"RX{record.random.randrange(10**9):09d}"
