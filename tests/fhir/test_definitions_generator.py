"""The generator of the table: its grammar, what it refuses, and that it still writes the table that is committed.

Where FHIR_PACKAGE names the package's .tgz, the whole table is generated anew and compared; the rest needs nothing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from apps.fhir.definitions import generate
from apps.fhir.definitions.expressions import UnknownExpression, compile_alternative
from apps.fhir.definitions.generate import GenerationError
from apps.fhir.definitions.structures import Structures, Systems

PACKAGE = os.environ.get("FHIR_PACKAGE", "")
Element = dict[str, Any]


def element(path: str, *types: str, **more: Any) -> Element:
    return {"path": path, "min": 0, "type": [{"code": each} for each in types], **more}


def structure(*elements: Element, kind: str = "resource") -> Element:
    return {
        "resourceType": "StructureDefinition", "id": elements[0]["path"], "kind": kind, "abstract": False,
        "snapshot": {"element": list(elements)},
    }  # fmt: skip


CODING = structure(element("Coding"), element("Coding.code", "code"), kind="complex-type")
PICTURE = structure(
    element("Attachment"),
    element("Attachment.id", "string"),
    element("Attachment.url", "url", isSummary=True),
    element("Attachment.data", "base64Binary"),
    kind="complex-type",
)
EXTENSION = structure(
    element("Extension"),
    element("Extension.extension", "Extension"),
    element("Extension.value[x]", "Coding", "string"),
    kind="complex-type",
)
THING = structure(
    element("Thing"),
    element("Thing.extension", "Extension"),
    element("Thing.status", "code", min=1, isModifier=True, isSummary=True,
            binding={"strength": "required", "valueSet": "http://v.example/states|4.0.1"}),
    element("Thing.mood", "code", binding={"strength": "example", "valueSet": "http://v.example/states"}),
    element("Thing.value[x]", "Reference", "string", "dateTime"),
    element("Thing.telecom", "ContactPoint"),
    element("Thing.photo", "Attachment", isSummary=True),
    element("Thing.part", "BackboneElement"),
    element("Thing.part.modifierExtension", "Extension", isSummary=True),
    element("Thing.part.label", "string", isSummary=True),
    element("Thing.part.count", "integer", min=1),
    element("Thing.part.note", "string"),
    {"path": "Thing.part.part", "min": 0, "contentReference": "#Thing.part"},
    element("Thing.quiet", "BackboneElement"),
    element("Thing.quiet.count", "integer", min=1),
)  # fmt: skip
VALUE_SETS = [
    {
        "resourceType": "ValueSet",
        "url": "http://v.example/states",
        "compose": {"include": [{"system": "http://s.example"}]},
    }
]
STATUS = "http://p.example/status"
PARAMETERS = [
    {"url": STATUS, "code": "status", "base": ["Thing"], "type": "token", "expression": "Thing.status"},
    {"url": "http://p.example/other", "code": "status", "base": ["Thing"], "type": "token", "expression": "Thing.mood"},
]
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


@pytest.fixture
def structures() -> Structures:
    return Structures([CODING, PICTURE, EXTENSION, THING])


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
        "Thing.dragon", "Thing.status.dragon", "Thing.part[0].label", "Thing.part.first()", "Thing.value.as(Money)",
        "Thing.part where", "Thing.exists() and Thing != false", "%resource.status", "Thing.value is string",
        "Thing..status",
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


def bundle(*resources: Element) -> Element:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}


def small_package(folder: Path, monkeypatch: pytest.MonkeyPatch, *parameters: Element) -> Path:
    """Write a package of two datatypes and a resource type, and let it be the pinned one."""
    monkeypatch.setattr(generate, "EXCLUDED", {})
    monkeypatch.setattr(generate, "TABLE", folder / "r4.json")
    monkeypatch.setattr(generate, "CARIN", folder / "carin.json")
    (folder / "carin.json").write_text('{"parameters": []}')
    files = {
        "profiles-types.json": bundle(CODING, PICTURE, EXTENSION),
        "profiles-resources.json": bundle(THING),
        "valuesets.json": bundle(*VALUE_SETS),
        "v3-codesystems.json": bundle(),
        "search-parameters.json": bundle(*PARAMETERS, *parameters),
        "search-parameters-uscore.json": bundle(),
        "compartmentdefinition-patient.json": {
            "resourceType": "CompartmentDefinition", "resource": [{"code": "Thing", "param": ["status"]}],
        },
    }  # fmt: skip
    package = folder / "package.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for name, content in files.items():
            body = json.dumps(content).encode()
            member = tarfile.TarInfo(generate.FOLDER + name)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    monkeypatch.setattr(generate, "SHA256", hashlib.sha256(package.read_bytes()).hexdigest())
    return package


def test_table_of_a_small_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = generate.generate(small_package(tmp_path, monkeypatch))
    thing = table["types"]["Thing"]
    assert list(table["types"]) == ["Thing"]
    # The first definition of a code wins.
    assert thing["search"] == {
        "status": {
            "kind": "token", "url": "http://p.example/status", "expression": "Thing.status",
            "paths": [{"steps": ["status"], "type": "code", "system": "http://s.example"}],
        }
    }  # fmt: skip
    assert (thing["mandatory"], thing["modifiers"], thing["compartment"]) == (["status"], ["status"], ["status"])
    assert thing["choices"] == {"value": ["valueReference", "valueString", "valueDateTime"]}
    assert json.loads(generate.encode(table)) == table
    assert generate.encode(table).count("\n") == 4  # the source, the types, one a line


def test_main_writes_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = small_package(tmp_path, monkeypatch)
    monkeypatch.setattr("sys.argv", ["generate", str(package)])
    generate.main()
    assert (tmp_path / "r4.json").read_text() == generate.encode(generate.generate(package))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("Thing.dragon", "token"),
        ("Thing.value.where(resolve() is Patient) | Thing.value", "reference"),
    ],
)
def test_parameter_that_cannot_be_compiled_fails_the_generator_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expression: str, kind: str
) -> None:
    new = {"url": "http://p.example/new", "code": "new", "base": ["Thing"], "type": kind, "expression": expression}
    package = small_package(tmp_path, monkeypatch, new)
    monkeypatch.setattr("sys.argv", ["generate", str(package)])
    with pytest.raises(SystemExit, match=r"http://p\.example/new of Thing"):
        generate.main()
    monkeypatch.setattr(generate, "EXCLUDED", {"http://p.example/new": "a reason"})
    assert set(generate.generate(package)["types"]["Thing"]["search"]) == {"status"}


def test_composite_whose_roots_differ_fails_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = {
        "url": "http://p.example/new",
        "code": "new",
        "base": ["Thing"],
        "type": "composite",
        "expression": "Thing | Thing.part",
        "component": [{"definition": STATUS, "expression": "status"}],
    }
    with pytest.raises(GenerationError, match=r"http://p\.example/new of Thing"):
        generate.generate(small_package(tmp_path, monkeypatch, new))


def test_exclusion_of_what_is_not_there_fails_the_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = small_package(tmp_path, monkeypatch)
    monkeypatch.setattr(generate, "EXCLUDED", {"http://p.example/gone": "a reason"})
    with pytest.raises(GenerationError, match=r"http://p\.example/gone: excluded, and not there"):
        generate.generate(package)


def test_another_package_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "other.tgz"
    package.write_bytes(b"other")
    with pytest.raises(GenerationError, match="sha256 differs"):
        generate.generate(package)


def test_main_without_a_package_says_how_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["generate"])
    with pytest.raises(SystemExit, match="npm pack"):
        generate.main()


def test_every_exclusion_has_a_reason() -> None:
    assert len(generate.EXCLUDED) == 17
    assert all(len(reason) > 20 for reason in generate.EXCLUDED.values())


if PACKAGE:

    def test_committed_table_is_what_the_generator_writes() -> None:
        assert generate.encode(generate.generate(Path(PACKAGE))) == generate.TABLE.read_text(encoding="utf-8")
