"""The grammar of search expressions, summaries and implied systems, on a small standard."""

from __future__ import annotations

from typing import Any

import pytest

from apps.fhir.definitions.expressions import UnknownExpression, compile_alternative
from apps.fhir.definitions.structures import Structures, Systems

from .small_standard import CODING, EXTENSION, NARROWED, PICTURE, THING

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


@pytest.fixture
def structures() -> Structures:
    return Structures([CODING, NARROWED, PICTURE, EXTENSION, THING])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thing.status", [(("status",), "code")]),
        ("part.label", [(("part", "label"), "string")]),
        ("Thing.part.part.part.label", [(("part", "part", "part", "label"), "string")]),
        (
            "Thing.value",
            [(("valueReference",), "Reference"), (("valueString",), "string"), (("valueDateTime",), "dateTime")],
        ),
        ("(Thing.value as string)", [(("valueString",), "string")]),
        ("Thing.value.as(DateTime)", [(("valueDateTime",), "dateTime")]),
        ("Thing.valueString", [(("valueString",), "string")]),
        ("Thing.tag.id", [(("tag", "id"), "id")]),
        ("Thing.tag.note", [(("tag", "note"), "string")]),
        ("Patient.deceased.exists() and Patient.deceased != false", [((), "deceased")]),
        ("Thing.telecom.where(system='phone')", [(("telecom[system=phone]",), "ContactPoint")]),
        (
            f"Thing.extension.where(url = '{RACE}').extension.value.code",
            [((f"extension[url={RACE}]", "extension", "valueCoding", "code"), "code")],
        ),
    ],
)  # fmt: skip
def test_expression_leads_to_keys_and_types(structures: Structures, text: str, expected: list[Any]) -> None:
    found = compile_alternative(structures, structures.root("Thing"), text)
    assert [(each.keys, each.type) for each in found.places] == expected
    assert found.only is None


def test_expression_that_asks_for_a_type_names_it(structures: Structures) -> None:
    assert compile_alternative(
        structures, structures.root("Thing"), "Thing.value.where(resolve() is Patient)"
    ).only == ("Patient")


@pytest.mark.parametrize(
    "text",
    [
        "Thing.wolf", "Thing.tag.more", "Thing.status.wolf", "Thing..status", "Thing.part label",
        "Thing.part[0].label", "Thing.part.first()", "Thing.value.as(Money)", "%resource.status",
        "Thing.exists() and Thing != false", "Thing.value is string",
    ],
)  # fmt: skip
def test_expression_outside_the_grammar_is_refused(structures: Structures, text: str) -> None:
    with pytest.raises(UnknownExpression):
        compile_alternative(structures, structures.root("Thing"), text)


def test_summary_narrows_what_has_more_than_the_summary_shows(structures: Structures) -> None:
    assert structures.summary("Thing") == [
        "status",
        "photo", "photo.url",
        # It carries a flagged part, and is not valid without what it must have; `quiet` carries none.
        "part", "part.modifierExtension", "part.label", "part.count",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ([{"system": "http://a"}], "http://a"),
        ([{"system": "http://a"}, {"system": "http://a", "concept": []}], "http://a"),
        ([{"system": "http://a"}, {"system": "http://b"}], None),
        ([{"valueSet": ["http://v.example/one|1"]}], "http://one"),
        ([{"system": "http://a"}, {"valueSet": ["http://v.example/one"]}], None),
        ([{"valueSet": ["http://v.example/nowhere"]}], None),
        ([{"valueSet": ["http://v.example/this"]}], None),
        ([], None),
    ],
)
def test_code_has_the_system_of_a_value_set_that_draws_on_one(include: list[Any], expected: str | None) -> None:
    systems = Systems(
        [
            {"url": "http://v.example/this", "compose": {"include": include}},
            {"url": "http://v.example/one", "compose": {"include": [{"system": "http://one"}]}},
        ]
    )
    assert systems.of("http://v.example/this|4.0.1") == expected
    assert systems.of(None) is None
