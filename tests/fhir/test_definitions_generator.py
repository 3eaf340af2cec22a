"""The generator of the table: its shapes, what it refuses, and that it still writes the table that is committed.

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
from apps.fhir.definitions.generate import GenerationError

from .small_standard import CODING, EXTENSION, PICTURE, THING, Element

PACKAGE = os.environ.get("FHIR_PACKAGE", "")
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


def bundle(*resources: Element) -> Element:
    return {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}


def small_package(folder: Path, monkeypatch: pytest.MonkeyPatch, *parameters: Element) -> Path:
    """Write a package of two datatypes and a resource type, and let it be the pinned one."""
    monkeypatch.setattr(generate, "EXCLUDED", {})
    monkeypatch.setattr(generate, "EXCLUDED_ELEMENTS", ("Thing.dragon",))
    monkeypatch.setattr(generate, "MANDATORY_IN_R4", "Thing.tag")
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
    assert (thing["mandatory"], thing["modifiers"], thing["compartment"]) == (["status", "tag"], ["status"], ["status"])
    assert thing["choices"] == {"value": ["valueReference", "valueString", "valueDateTime"]}
    assert json.loads(generate.encode(table)) == table
    assert generate.encode(table).count("\n") == 4  # the source, the types, one a line


def test_table_has_each_kind_in_its_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def new(code: str, kind: str, expression: str, **more: Any) -> Element:
        url = f"http://p.example/{code}"
        return {"url": url, "code": code, "base": ["Thing"], "type": kind, "expression": expression, **more}

    monkeypatch.setattr(generate, "SWAPPED", "http://p.example/both")
    components = [
        {"definition": STATUS, "expression": "value.as(Reference)"},
        {"definition": "http://p.example/link", "expression": "tag.code"},
    ]
    package = small_package(
        tmp_path,
        monkeypatch,
        new("tag", "token", "Thing.tag.code"),
        new("mood", "token", "Wolf.mood | Thing.mood | Thing.tag.code"),
        new("bare", "token", "mood | status"),
        new("link", "reference", "(Thing.value as Reference)", target=["Thing", "Other"]),
        new("any", "reference", "(Thing.value as Reference)", target=["Thing"] * 101),
        new("own", "reference", "Thing.value.where(resolve() is Thing)", target=["Thing", "Other"]),
        new("both", "composite", "Thing", component=components),
    )
    search = generate.generate(package)["types"]["Thing"]["search"]
    assert search["tag"]["paths"] == [{"steps": ["tag"], "type": "Coding"}]
    assert search["mood"]["expression"] == "Thing.mood | Thing.tag.code"
    assert search["mood"]["paths"][0] == {"steps": ["mood"], "type": "code"}  # its value set is only an example
    assert [path["steps"] for path in search["bare"]["paths"]] == [["mood"], ["status"]]
    assert search["link"]["paths"] == [{"steps": ["valueReference"], "type": "Reference"}]
    assert {code: each.get("targets") for code, each in search.items()} == {
        "status": None, "tag": None, "mood": None, "both": None, "bare": None,
        "link": ["Other", "Thing"], "any": ["*"], "own": ["Thing"],
    }  # fmt: skip
    assert [code for code, each in search.items() if each.get("only")] == ["own"]
    assert search["both"]["roots"] == [[]]
    assert search["both"]["components"] == [
        {"code": "link", "kind": "reference", "paths": [{"steps": ["valueReference"], "type": "Reference"}]},
        {"code": "status", "kind": "token", "paths": [{"steps": ["tag"], "type": "Coding"}]},
    ]


def test_main_writes_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = small_package(tmp_path, monkeypatch)
    monkeypatch.setattr("sys.argv", ["generate", str(package)])
    generate.main()
    assert (tmp_path / "r4.json").read_text() == generate.encode(generate.generate(package))


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("Thing.wolf", "token"),
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
        "component": [{"definition": STATUS, "expression": "mood"}],
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
