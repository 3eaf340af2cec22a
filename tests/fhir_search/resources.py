"""Random resources of fourteen types, with the elements that search parameters look at and little else.

Owns the shapes; values come from `pools`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.fhir_search import chance as st
from tests.fhir_search import pools
from tests.fhir_search.pools import Json, element, one_of, references, some

Shape = st.Strategy[Json]
ReferenceTo = Callable[..., Shape]
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


def shapes(base_url: str, strangers: str) -> dict[str, Shape]:
    """Make one strategy for every type; references may lead to the ids of strangers, who live in another partition."""

    def to(*types: str) -> Shape:
        return references(base_url, strangers, *types)

    return _people(to) | _clinical(to) | _administrative(to) | _planning(to)


def _people(to: ReferenceTo) -> dict[str, Shape]:
    race = element(
        {
            "url": st.just(RACE),
            "extension": some(
                st.one_of(
                    element({"url": one_of("ombCategory", "detailed"), "valueCoding": pools.codings}),
                    element({"url": st.just("text"), "valueString": pools.codes}),
                )
            ),
        }
    )
    other = element({"url": st.just("http://example.org/other"), "valueCoding": pools.codings})
    person = {
        "identifier": some(pools.identifiers),
        "name": some(pools.human_names),
        "telecom": some(pools.contact_points),
        "gender": one_of("male", "female", "other", "unknown"),
        "address": some(pools.addresses),
        "active": st.booleans(),
        "birthDate": pools.dates,
    }
    patient = {
        **person,
        "extension": some(st.one_of(race, other)),
        "generalPractitioner": some(to("Practitioner", "Organization")),
        "managingOrganization": to("Organization"),
        "link": some(element({"other": to("Patient"), "type": one_of("refer", "seealso")})),
        "communication": some(element({"language": pools.concepts})),
    }
    return {
        "Patient": st.one_of(
            element(**patient),
            element({"deceasedBoolean": st.booleans()}, **patient),
            element({"deceasedDateTime": pools.date_times}, **patient),
        ),
        "Practitioner": element(**person, communication=some(pools.concepts)),
        "Organization": element(
            name=pools.texts,
            alias=some(pools.texts),
            active=st.booleans(),
            identifier=some(pools.identifiers),
            partOf=to("Organization"),
            address=some(pools.addresses),
            type=some(pools.concepts),
        ),
    }


def _clinical(to: ReferenceTo) -> dict[str, Shape]:
    values = {
        "valueQuantity": pools.quantities,
        "valueCodeableConcept": pools.concepts,
        "valueString": pools.texts,
        "valueDateTime": pools.date_times,
        "valuePeriod": pools.periods,
        "valueSampledData": pools.sampled_data,
    }
    value = st.one_of(st.just({}), *(element({key: strategy}) for key, strategy in values.items()))
    component = st.builds(_merged, value, element({"code": pools.concepts}))
    observation = element(
        {"status": one_of("final", "amended", "preliminary")},
        code=pools.concepts,
        category=some(pools.concepts),
        subject=to("Patient", "Organization"),
        performer=some(to("Practitioner", "Organization", "Patient")),
        encounter=to("Encounter"),
        hasMember=some(to("Observation")),
        derivedFrom=some(to("Observation", "DocumentReference")),
        component=some(component, 3),
        identifier=some(pools.identifiers),
        dataAbsentReason=pools.concepts,
    )
    effective = _choice(
        effectiveDateTime=pools.date_times,
        effectivePeriod=pools.periods,
        effectiveInstant=pools.instants,
        effectiveTiming=pools.timings,
    )
    onset = _choice(
        onsetDateTime=pools.date_times,
        onsetPeriod=pools.periods,
        onsetString=pools.texts,
        onsetAge=pools.quantities,
        onsetRange=pools.ranges,
    )
    condition = element(
        code=pools.concepts,
        clinicalStatus=pools.concepts,
        category=some(pools.concepts),
        subject=to("Patient"),
        encounter=to("Encounter"),
        asserter=to("Practitioner", "Patient"),
        recordedDate=pools.date_times,
        evidence=some(element(code=some(pools.concepts, 1), detail=some(to("Observation")))),
    )
    immunization = element(
        {"status": one_of("completed", "not-done")},
        statusReason=pools.concepts,
        vaccineCode=pools.concepts,
        patient=to("Patient"),
        lotNumber=pools.texts,
        manufacturer=to("Organization"),
        reaction=some(element(date=pools.date_times, detail=to("Observation"))),
    )
    occurrence = _choice(occurrenceDateTime=pools.date_times, occurrenceString=one_of("2024", "unknown"))
    return {
        "Observation": st.builds(_merged, observation, effective, value),
        "Condition": st.builds(_merged, condition, onset),
        "Immunization": st.builds(_merged, immunization, occurrence),
        "Encounter": element(
            {"status": one_of("finished", "planned"), "class": pools.codings},
            type=some(pools.concepts),
            subject=to("Patient"),
            period=pools.periods,
            length=pools.simple_quantities,
            serviceProvider=to("Organization"),
            partOf=to("Encounter"),
            participant=some(element(individual=to("Practitioner"), type=some(pools.concepts, 1))),
            reasonReference=some(to("Condition", "Observation")),
            diagnosis=some(element({"condition": to("Condition")})),
        ),
    }


def _administrative(to: ReferenceTo) -> dict[str, Shape]:
    item = st.builds(
        _merged,
        element({"sequence": st.just(1)}, encounter=some(to("Encounter"), 1)),
        _choice(servicedDate=pools.dates, servicedPeriod=pools.periods),
    )
    return {
        "ExplanationOfBenefit": element(
            {"status": one_of("active", "cancelled"), "created": pools.date_times},
            type=pools.concepts,
            patient=to("Patient"),
            identifier=some(pools.identifiers),
            billablePeriod=pools.periods,
            disposition=pools.texts,
            provider=to("Practitioner", "Organization"),
            insurer=to("Organization"),
            careTeam=some(element({"provider": to("Practitioner", "Organization")})),
            insurance=some(element({"coverage": to("Coverage"), "focal": st.booleans()})),
            item=some(item),
            total=some(element({"amount": pools.money})),
        ),
        "Coverage": element(
            {"status": one_of("active", "cancelled")},
            type=pools.concepts,
            beneficiary=to("Patient"),
            payor=some(to("Organization", "Patient")),
            dependent=pools.texts,
            identifier=some(pools.identifiers),
            class_=some(element({"type": pools.concepts, "value": pools.texts})),
        ),
        "ChargeItem": element(
            {"status": one_of("billable", "billed")},
            code=pools.concepts,
            subject=to("Patient"),
            priceOverride=pools.money,
            quantity=pools.simple_quantities,
            factorOverride=pools.numbers,
        ),
        "Provenance": element(
            {"target": some(to("Observation", "Condition", "Patient"), 3)},
            recorded=pools.instants,
            agent=some(element({"who": to("Practitioner", "Organization")}, type=pools.concepts)),
            occurredDateTime=pools.date_times,
        ),
        "DocumentReference": element(
            {"status": one_of("current", "superseded")},
            type=pools.concepts,
            category=some(pools.concepts),
            subject=to("Patient", "Practitioner"),
            date=pools.instants,
            description=pools.texts,
            author=some(to("Practitioner", "Organization")),
            identifier=some(pools.identifiers),
            relatesTo=some(
                element({"code": one_of("replaces", "appends", "signs"), "target": to("DocumentReference")}), 3
            ),
            content=some(
                element({"attachment": element(contentType=one_of("text/plain", "application/pdf"),
                                               url=st.sampled_from(pools.URIS), creation=pools.date_times)})
            ),
        ),
    }  # fmt: skip


def _planning(to: ReferenceTo) -> dict[str, Shape]:
    medication = _choice(medicationCodeableConcept=pools.concepts, medicationReference=to("Medication", "Organization"))
    request = element(
        {"status": one_of("active", "on-hold"), "intent": one_of("order", "plan")},
        subject=to("Patient"),
        authoredOn=pools.date_times,
        requester=to("Practitioner", "Organization", "Patient"),
        dosageInstruction=some(element({"timing": pools.timings})),
        identifier=some(pools.identifiers),
        encounter=to("Encounter"),
    )
    probability = _choice(probabilityDecimal=pools.numbers, probabilityRange=pools.ranges)
    return {
        "MedicationRequest": st.builds(_merged, request, medication),
        "RiskAssessment": element(
            {"status": one_of("final")},
            subject=to("Patient"),
            prediction=some(st.builds(_merged, element(outcome=pools.concepts), probability), 3),
        ),
        "CarePlan": element(
            {"status": one_of("active", "draft")},
            subject=to("Patient"),
            instantiatesUri=some(st.sampled_from(pools.URIS)),
            instantiatesCanonical=some(st.sampled_from(pools.PROFILES)),
            period=pools.periods,
            partOf=some(to("CarePlan")),
        ),
    }


def _choice(**forms: st.Strategy[Any]) -> Shape:
    return st.one_of(st.just({}), *(element({key: strategy}) for key, strategy in forms.items()))


def _merged(*parts: Json) -> Json:
    return {key: value for part in parts for key, value in part.items()}
