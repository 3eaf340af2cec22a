"""The table against HL7's own package, which is not what it was made from, and against HL7's examples.

Reads PUBLIC_DATA; elsewhere these tests are not collected.
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from apps.fhir import definitions
from apps.fhir.definitions import Step, search_parameters
from apps.fhir.definitions.expressions import alternatives
from apps.fhir.definitions.generate import BASE, EXCLUDED, NOT_HL7

pytestmark = pytest.mark.shared_data
DATA = Path(os.environ.get("PUBLIC_DATA", ""))
HL7 = DATA / "fhir-r4-definitions"
EXAMPLES = sorted((DATA / "hl7-r4-examples").glob("*.ndjson*"))
# Parameters of extensions and examples, which the specification does not list with the types.
BESIDE = re.compile(
    r"(codesystem|device|patient|questionnaireresponse|valueset)-extensions-|\w+-genetic-|example|filter"
)
# The package's authors changed the targets of these two; the first has `only`, so nothing follows.
OTHER_TARGETS = {"clinical-patient", "MeasureReport-subject"}
# Its parts are not in the table: they are R5's in the package.
WHOLE = {"EvidenceVariable.characteristic"}
TEXTS = {
    "base64Binary", "canonical", "code", "date", "dateTime", "id", "instant", "markdown", "oid", "string", "time",
    "uri", "url", "uuid",
}  # fmt: skip
NUMBERS = {"decimal", "integer", "positiveInt", "unsignedInt"}


def lines(path: Path) -> Iterator[dict[str, Any]]:
    body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    yield from (json.loads(line) for line in body.splitlines() if line.strip())


@cache
def structures() -> dict[str, list[dict[str, Any]]]:
    found = lines(HL7 / "structure-elements.ndjson.gz")
    return {each["id"]: each["elements"] for each in found if each["kind"] == "resource" and not each["abstract"]}


def published() -> list[dict[str, Any]]:
    return [
        each
        for each in lines(HL7 / "search-parameters.ndjson.gz")
        if not BESIDE.match(each["id"]) and each["url"] not in EXCLUDED
    ]


def test_parameters_are_those_of_the_specification() -> None:
    hl7 = {(base, each["code"]): each for each in published() for base in each["base"]}
    ours = {
        (name, code): each
        for name in definitions.resource_types()
        for code, each in search_parameters(name).items()
        if each.url.startswith(BASE)
    }
    assert set(ours) == set(hl7)
    for key, each in ours.items():
        theirs = hl7[key]
        assert (each.kind, each.url) == (theirs["type"], theirs["url"])
        assert set(alternatives(each.expression)) <= set(alternatives(theirs["expression"])), key
        if not each.only_targets and theirs["id"] not in OTHER_TARGETS:
            targets = set(theirs.get("target", []))
            assert set(each.targets) == targets or len(targets) > 140, key


def test_no_alternative_of_an_expression_is_lost() -> None:
    for each in published():
        found = {
            alternative
            for base in each["base"]
            for alternative in alternatives(search_parameters(base)[each["code"]].expression)
        }
        assert found == set(alternatives(each["expression"])), each["url"]


def test_what_is_excluded_as_not_of_hl7_is_not_there() -> None:
    urls = {each["url"] for each in lines(HL7 / "search-parameters.ndjson.gz")}
    assert {url for url in EXCLUDED if url not in urls} == {url for url, why in EXCLUDED.items() if why == NOT_HL7}


def keys(element: dict[str, Any]) -> list[str]:
    name = element["path"].rpartition(".")[2]
    if not name.endswith("[x]"):
        return [name]
    return [name.removesuffix("[x]") + each["code"][0].upper() + each["code"][1:] for each in element["type"]]


@pytest.mark.parametrize("name", definitions.resource_types())
def test_elements_are_flagged_as_in_the_specification(name: str) -> None:
    elements = structures()[name][1:]
    top = [each for each in elements if each["path"].count(".") == 1]
    assert set(definitions.mandatory_elements(name)) == {key for each in top if each["min"] for key in keys(each)}
    assert set(definitions.modifier_elements(name)) == {
        key for each in top if each.get("isModifier") for key in keys(each)
    }
    assert definitions.choice_elements(name) == {
        each["path"].rpartition(".")[2].removesuffix("[x]"): tuple(keys(each))
        for each in top
        if each["path"].endswith("[x]")
    }
    summary = set(definitions.summary_elements(name))
    flagged = {key for each in top if each.get("isSummary") for key in keys(each)}
    carriers = {
        each["path"].split(".")[1]
        for each in elements
        if each.get("isSummary") and each["path"].count(".") > 1 and not each["path"].endswith("modifierExtension")
    }
    assert {each for each in summary if "." not in each} == flagged | carriers


@pytest.mark.parametrize("name", definitions.resource_types())
def test_a_summary_shows_every_flagged_element_and_no_other(name: str) -> None:
    """A nested element is shown when it is listed, or when one above it is listed without parts."""
    elements = {each["path"]: each for each in structures()[name][1:]}
    summary = definitions.summary_elements(name)
    parents = {each.rpartition(".")[0] for each in summary}
    for path, element in elements.items():
        above = path.rpartition(".")[0]
        if "." not in above or above in WHOLE or path.endswith((".id", ".extension", ".modifierExtension")):
            continue
        for key in keys(element):
            shown = f"{above}.{key}".removeprefix(f"{name}.")
            is_shown = shown in summary or any(shown.startswith(f"{each}.") for each in summary if each not in parents)
            is_mandatory = element["min"] > 0
            carries = any(
                other.startswith(f"{path}.") and each.get("isSummary") and not other.endswith("modifierExtension")
                for other, each in elements.items()
            )
            if element.get("isSummary"):
                assert is_shown, shown
            elif is_shown and not carries and not is_mandatory:
                # Only below an element that has no flagged part to be narrowed to.
                assert above in {"EffectEvidenceSynthesis.effectEstimate", "RiskEvidenceSynthesis.riskEstimate"} or (
                    elements[above].get("contentReference") or _whole_above(above, elements)
                ), shown


def _whole_above(path: str, elements: dict[str, dict[str, Any]]) -> bool:
    """Tell whether no part of an element is flagged, so that it is whole."""
    while path.count("."):
        if not any(
            each.get("isSummary")
            for other, each in elements.items()
            if other.startswith(f"{path}.") and not other.endswith("modifierExtension")
        ):
            return True
        path = path.rpartition(".")[0]
    return False


def test_compartment_is_that_of_the_specification() -> None:
    hl7 = json.loads((HL7 / "CompartmentDefinition-patient.json").read_text())
    assert {each["code"]: tuple(sorted(each["param"])) for each in hl7["resource"] if each.get("param")} == {
        name: definitions.compartment_parameters(name)
        for name in definitions.resource_types()
        if definitions.compartment_parameters(name)
    }


def test_what_lies_at_a_path_has_the_shape_of_its_datatype() -> None:
    met: set[tuple[str, str]] = set()
    for resource in (each for path in EXAMPLES for each in lines(path)):
        name = resource["resourceType"]
        for code, parameter in search_parameters(name).items():
            roots = [root for steps in parameter.roots for root in at(resource, steps)]
            found = [(path, value) for path in parameter.paths for value in at(resource, path.steps)]
            found += [
                (path, value)
                for root in roots
                for component in parameter.components
                for path in component.paths
                for value in at(root, path.steps)
            ]
            for path, value in found:
                met.add((name, code))
                assert has_shape(value, path.type), f"{name}.{code}"
    assert len(met) > 400


def at(element: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    if not steps:
        yield element
        return
    value = element.get(steps[0].key) if isinstance(element, dict) else None
    for each in value if isinstance(value, list) else [value]:
        wanted = steps[0].filter
        if each is not None and (wanted is None or each.get(wanted[0]) == wanted[1]):
            yield from at(each, steps[1:])


def has_shape(value: Any, datatype: str) -> bool:
    if datatype in TEXTS:
        return isinstance(value, str)
    if datatype in NUMBERS:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, bool if datatype == "boolean" else dict)
