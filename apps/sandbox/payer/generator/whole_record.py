"""A member's whole record: the families put together, visit after visit, until its size is reached."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from apps.sandbox.payer.generator import (
    care,
    claims,
    clinical_oddities,
    documents,
    encounters,
    membership,
    oddities,
    pharmacy,
    results,
)
from apps.sandbox.payer.generator.codes import DRUGS
from apps.sandbox.payer.generator.record import HISTORY_END, HISTORY_START, RecordBuilder, Resource
from apps.sandbox.payer.members import Content, Member

# Resources that a visit makes on average: only the spacing of the visits depends on it.
_PER_CLINICAL_VISIT = 13
_PER_CLAIMS_VISIT = 2


def generate(member: Member, fhir_base: str) -> tuple[Resource, ...]:
    """Generate the record; the same member and base give the same bytes in every process."""
    record = RecordBuilder(member, fhir_base)
    membership.add_patient(record)
    membership.add_representative(record)
    membership.add_coverages(record)
    if record.holds(Content.ODDITIES):
        oddities.plant(record)
    if record.holds(Content.CLINICAL_ODDITIES):
        clinical_oddities.plant(record)
    if record.holds(Content.CLINICAL):
        _add_one_of_each(record)
    if record.holds(Content.CCDA_INLINE):
        documents.add_inline_ccda(record, HISTORY_END)
    if record.holds(Content.CCDA_LINKED):
        documents.add_linked_ccda(record, HISTORY_END)
    for on in _visit_days(record):
        if len(record) >= member.size:
            break
        if record.holds(Content.CLINICAL):
            _add_clinical_visit(record, on)
        else:
            _add_claims_visit(record, on)
    return record.resources


def _add_one_of_each(record: RecordBuilder) -> None:
    on = HISTORY_END - datetime.timedelta(days=20)
    care.add_background(record, on)
    encounters.add_allergy(record, on)
    visit = encounters.add_encounter(record, on)
    encounters.add_condition(record, on, visit)
    encounters.add_procedure(record, on, visit)
    encounters.add_immunization(record, on, visit)
    results.add_vital_signs(record, on, visit)
    results.add_laboratory_panel(record, on, visit)
    documents.add_note(record, on, visit)
    pharmacy.add_prescription(record, on, visit)
    claims.add_explanation_of_benefit(record, on, encounter=visit)
    claims.add_claim(record, on)


def _visit_days(record: RecordBuilder) -> Iterator[datetime.date]:
    """Walk from the end of history back to its start or the birth, evenly, for as long as anyone asks."""
    per_visit = _PER_CLINICAL_VISIT if record.holds(Content.CLINICAL) else _PER_CLAIMS_VISIT
    start = max(HISTORY_START, datetime.date.fromisoformat(record.member.person.birth_date))
    days = (HISTORY_END - start).days
    gap = datetime.timedelta(days=max(1, days * per_visit // record.member.size))
    on = HISTORY_END
    while True:
        yield on
        on = max(start, on - gap)


def _add_clinical_visit(record: RecordBuilder, on: datetime.date) -> None:
    visit = encounters.add_encounter(record, on)
    targets = [visit]
    results.add_vital_signs(record, on, visit)
    if record.happens(0.5):
        targets.append(encounters.add_condition(record, on, visit))
    if record.happens(0.4):
        targets.append(results.add_laboratory_panel(record, on, visit))
    if record.happens(0.3):
        targets.append(encounters.add_procedure(record, on, visit))
    if record.happens(0.2):
        targets.append(encounters.add_immunization(record, on, visit))
    if record.happens(0.35):
        pharmacy.add_prescription(record, on, visit)
    if record.happens(0.25):
        targets.append(documents.add_note(record, on, visit))
    if record.happens(0.8):
        claims.add_explanation_of_benefit(record, on, encounter=visit)
    if record.happens(0.2):
        claims.add_claim(record, on)
    if record.happens(0.1):
        care.add_provenance(record, on, tuple(targets))


def _add_claims_visit(record: RecordBuilder, on: datetime.date) -> None:
    claims.add_explanation_of_benefit(record, on)
    if record.holds(Content.PHARMACY) and record.happens(0.6):
        pharmacy.add_pharmacy_benefit(record, on, place=record.random.randrange(len(DRUGS)))
