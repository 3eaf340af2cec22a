"""The table of R4's definitions: what the specification's pages say, and that every entry can be worked with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import FrozenInstanceError

import pytest

from apps.fhir import definitions
from apps.fhir.definitions import Path, SearchParameter, Step, search_parameters
from apps.fhir.resource_types import ALL_R4_TYPES, PATIENT_COMPARTMENT_TYPES

HL7 = "http://hl7.org/fhir/SearchParameter/"
COMMON = {"_id", "_lastUpdated", "_tag", "_profile", "_security", "_source"}
# Which datatypes a kind of parameter meets; what a kind cannot compare is there for `:missing` alone.
DATATYPES: dict[str, set[str]] = {
    "token": {
        "CodeableConcept", "Coding", "ContactPoint", "Identifier", "boolean", "code", "id", "string", "uri", "deceased",
        "Quantity", "Range", "Reference",
    },
    "date": {"date", "dateTime", "instant", "Period", "Timing", "Age", "Range", "string"},
    "string": {"string", "markdown", "Address", "HumanName"},
    "quantity": {"Quantity", "Age", "Duration", "Money", "Range", "SampledData"},
    "number": {"integer", "decimal", "Range"},
    "reference": {"Reference", "canonical", "uri", "Attachment"},
    "uri": {"uri", "url"},
}  # fmt: skip


def everything() -> Iterator[tuple[str, SearchParameter]]:
    for name in definitions.resource_types():
        for parameter in search_parameters(name).values():
            yield name, parameter


def paths_of(parameter: SearchParameter) -> Iterator[tuple[str, Path]]:
    yield from ((parameter.kind, path) for path in parameter.paths)
    yield from ((each.kind, path) for each in parameter.components for path in each.paths)


def at(*steps: str | Step, type: str, system: str | None = None) -> Path:  # noqa: A002
    return Path(tuple(each if isinstance(each, Step) else Step(each) for each in steps), type, system)


def test_every_concrete_type_of_r4_is_there() -> None:
    assert definitions.resource_types() == tuple(sorted(ALL_R4_TYPES))


def test_as_many_parameters_as_were_published() -> None:
    origins = Counter(parameter.url.rpartition("/")[0] + "/" for _, parameter in everything())
    guides = "http://hl7.org/fhir/us/{}/SearchParameter/"
    assert origins == {HL7: 1692, guides.format("core"): 7, guides.format("carin-bb"): 5}


@pytest.mark.parametrize(
    ("name", "code", "kind", "paths"),
    [
        ("Observation", "code", "token", [at("code", type="CodeableConcept")]),
        ("Observation", "status", "token", [at("status", type="code", system="http://hl7.org/fhir/observation-status")]),
        ("Patient", "gender", "token", [at("gender", type="code", system="http://hl7.org/fhir/administrative-gender")]),
        ("Task", "intent", "token", [at("intent", type="code")]),  # its value set draws on two systems
        ("Patient", "deceased", "token", [at(type="deceased")]),
        ("Patient", "email", "token", [at(Step("telecom", ("system", "email")), type="ContactPoint")]),
        ("Patient", "name", "string", [at("name", type="HumanName")]),
        ("Patient", "family", "string", [at("name", "family", type="string")]),
        ("InsurancePlan", "name", "string", [at("name", type="string"), at("alias", type="string")]),
        (
            "Observation", "value-string", "string",
            [at("valueString", type="string"), at("valueCodeableConcept", "text", type="string")],
        ),
        (
            "Observation", "date", "date",
            [
                at("effectiveDateTime", type="dateTime"), at("effectivePeriod", type="Period"),
                at("effectiveTiming", type="Timing"), at("effectiveInstant", type="instant"),
            ],
        ),
        ("Condition", "onset-age", "quantity", [at("onsetAge", type="Age"), at("onsetRange", type="Range")]),
        ("ExplanationOfBenefit", "coverage", "reference", [at("insurance", "coverage", type="Reference")]),
        ("MedicationRequest", "medication", "reference", [at("medicationReference", type="Reference")]),
        (
            "Library", "successor", "reference",
            [at(Step("relatedArtifact", ("type", "successor")), "resource", type="canonical")],
        ),
        (
            "ExplanationOfBenefit", "service-start-date", "date",
            [
                at("billablePeriod", "start", type="dateTime"), at("item", "servicedDate", type="date"),
                at("item", "servicedPeriod", "start", type="dateTime"),
            ],
        ),
        (
            "Patient", "race", "token",
            [
                at(
                    Step("extension", ("url", "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race")),
                    "extension", "valueCoding", type="Coding",
                )
            ],
        ),
        (
            "Condition", "asserted-date", "date",
            [
                at(
                    Step("extension", ("url", "http://hl7.org/fhir/StructureDefinition/condition-assertedDate")),
                    "valueDateTime", type="dateTime",
                )
            ],
        ),
    ],
)  # fmt: skip
def test_parameter_lies_where_the_specification_says(name: str, code: str, kind: str, paths: list[Path]) -> None:
    parameter = search_parameters(name)[code]
    assert (parameter.kind, list(parameter.paths)) == (kind, paths)


def test_parameter_that_asks_for_a_type_counts_no_other() -> None:
    patient, subject = search_parameters("Observation")["patient"], search_parameters("Observation")["subject"]
    assert (patient.targets, patient.only_targets) == (("Patient",), True)
    assert (subject.targets, subject.only_targets) == (("Device", "Group", "Location", "Patient"), False)
    assert search_parameters("Basic")["subject"].targets == definitions.resource_types()


def test_expression_is_narrowed_to_the_type() -> None:
    assert search_parameters("Observation")["code"].expression == "Observation.code"
    assert search_parameters("Observation")["combo-code"].expression == "Observation.code | Observation.component.code"


def test_composite_is_read_from_each_of_its_roots() -> None:
    combo = search_parameters("Observation")["combo-code-value-quantity"]
    assert combo.roots == ((), (Step("component"),))
    assert [(each.code, each.kind, each.paths) for each in combo.components] == [
        ("combo-code", "token", (at("code", type="CodeableConcept"),)),
        ("combo-value-quantity", "quantity", (at("valueQuantity", type="Quantity"),)),
    ]


def test_composite_whose_definitions_are_swapped_in_r4_is_put_right() -> None:
    code, target = search_parameters("DocumentReference")["relationship"].components
    assert (code.kind, code.paths[0].type, target.kind, target.paths[0].type) == (
        "token", "code", "reference", "Reference",
    )  # fmt: skip


def test_every_parameter_can_be_read() -> None:
    for name, parameter in everything():
        what = f"{name}.{parameter.code}"
        assert parameter.kind in (*DATATYPES, "composite"), what
        is_composite = parameter.kind == "composite"
        assert bool(parameter.roots) is bool(parameter.components) is is_composite is not bool(parameter.paths), what
        assert parameter.code not in COMMON, what
        for kind, path in paths_of(parameter):
            assert path.type in DATATYPES[kind], what
            assert path.system is None or path.type == "code", what
            assert path.steps or path.type == "deceased", what
            assert all(re.fullmatch(r"[a-z][A-Za-z]+", step.key) for step in path.steps), what
        if parameter.kind == "reference":
            assert set(parameter.targets) <= set(ALL_R4_TYPES), what
            assert not parameter.only_targets or len(parameter.targets) == 1, what
        else:
            assert not parameter.targets, what


def test_every_filter_is_on_a_system_a_type_or_an_extension() -> None:
    filters = Counter(
        (step.key, step.filter[0])
        for _, parameter in everything()
        for _, path in paths_of(parameter)
        for step in path.steps
        if step.filter
    )
    assert set(filters) == {("telecom", "system"), ("relatedArtifact", "type"), ("extension", "url")}


@pytest.mark.parametrize("name", ALL_R4_TYPES)
def test_summary_is_a_tree_of_the_keys_of_the_type(name: str) -> None:
    summary = definitions.summary_elements(name)
    assert {"id", "meta", "implicitRules"} <= set(summary)
    assert len(summary) == len(set(summary))
    assert {each.rpartition(".")[0] for each in summary} <= {"", *summary}
    assert not {"text", "contained", "extension", "language"} & set(summary)


def test_summary_of_choices_and_nested_elements() -> None:
    summary = definitions.summary_elements("Observation")
    assert {"valueQuantity", "component", "component.code", "component.valueString"} <= set(summary)
    assert not {"note", "interpretation", "component.interpretation"} & set(summary)
    document = definitions.summary_elements("DocumentReference")
    assert "content.attachment.contentType" in document
    assert "content.attachment.data" not in document
    assert "class" in definitions.summary_elements("Coverage")  # all its parts are flagged, and it is not


def test_mandatory_and_modifier_elements_of_choices() -> None:
    assert {"status", "intent", "subject", "medicationCodeableConcept", "medicationReference"} == set(
        definitions.mandatory_elements("MedicationRequest")
    )
    assert {"implicitRules", "modifierExtension", "active", "deceasedBoolean", "deceasedDateTime", "link"} == set(
        definitions.modifier_elements("Patient")
    )


def test_choice_elements_name_their_keys() -> None:
    assert definitions.choice_elements("Patient") == {
        "deceased": ("deceasedBoolean", "deceasedDateTime"),
        "multipleBirth": ("multipleBirthBoolean", "multipleBirthInteger"),
    }


def test_compartment_is_made_of_references() -> None:
    members = {name for name in ALL_R4_TYPES if definitions.compartment_parameters(name)}
    assert members == set(PATIENT_COMPARTMENT_TYPES)
    assert definitions.compartment_parameters("Observation") == ("performer", "subject")
    for name in members:
        for code in definitions.compartment_parameters(name):
            assert search_parameters(name)[code].kind == "reference"


def test_unknown_type_has_nothing() -> None:
    assert search_parameters("Dragon") == {}
    assert definitions.summary_elements("Dragon") == definitions.mandatory_elements("Dragon") == ()
    assert definitions.modifier_elements("Dragon") == definitions.compartment_parameters("Dragon") == ()
    assert definitions.choice_elements("Dragon") == {}


def test_table_cannot_be_changed_by_its_readers() -> None:
    with pytest.raises(TypeError):
        search_parameters("Patient")["name"] = search_parameters("Patient")["family"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        search_parameters("Patient")["name"].code = "other"  # type: ignore[misc]


def test_table_names_its_source() -> None:
    source = definitions.source()
    assert (source["fhirVersion"], source["buildId"], len(source["sha256"])) == ("4.0.1", "9346c8cc45", 64)
    assert "CC0" in source["licence"]
