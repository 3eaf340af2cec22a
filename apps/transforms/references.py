"""References rewritten to the ids that the resources have here.

Owns which strings are references and what becomes of each form; refuses canonical, uri and url fields.
Source: FHIR R4 "References"; documented contract, "References".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.fhir.references import MAX_REFERENCE_LENGTH, ReferenceForm, parse_reference
from apps.transforms.context import SourceContext

# Keys that tell an element whose `reference` is a uri: a resource (DetectedIssue), Expression, and
# Immunization.education.
_OTHER_MEANINGS = frozenset({"resourceType", "language", "expression", "documentType"})


@dataclass(frozen=True, slots=True)
class Target:
    """A reference made local: both names of what it points at, so that a dangling one can be reverted."""

    local: str
    external: str
    type: str
    source_id: str


def rewrite_references(resource: dict[str, Any], *, context: SourceContext) -> dict[str, Target]:
    """Rewrite every Reference of the resource in place.

    `Type/id` with or without version, and the same as a URL below the source's base, become local;
    `Type?query` becomes a URL at the source; all else stays. A `urn:` is settled when the sequence is closed.
    Shape: the answer is keyed by the local reference.
    """
    targets: dict[str, Target] = {}
    for element in reference_elements(resource):
        value = element["reference"]
        if len(value) > MAX_REFERENCE_LENGTH:
            continue
        element["reference"], target = _rewrite(value, context)
        if target:
            targets[target.local] = target
    return targets


# The resources of one sync name the same patient, providers and encounters again and again.
@lru_cache(maxsize=8192)
def _rewrite(value: str, context: SourceContext) -> tuple[str, Target | None]:
    relative = value.removeprefix(f"{context.fhir_base}/")
    reference = parse_reference(relative)
    match reference.form:
        case ReferenceForm.CONDITIONAL:
            return f"{context.fhir_base}/{relative}", None
        case ReferenceForm.LITERAL:
            local = f"{reference.type}/{context.new_id(reference.type, reference.id)}"
            external = f"{context.fhir_base}/{reference.type}/{reference.id}"
            return local, Target(local, external, reference.type, reference.id)
        case _:
            return value, None


def reference_elements(resource: dict[str, Any]) -> list[dict[str, Any]]:
    """Find the Reference elements below a resource; the list of nodes grows while it is read, whatever the depth."""
    found, nodes = [], _searched_elements(resource)
    for node in nodes:
        kind = type(node)
        if kind is str:  # most of them, and this walk is a third of the pipeline
            continue
        if kind is dict:
            if "reference" in node and type(node["reference"]) is str and not _OTHER_MEANINGS & node.keys():
                found.append(node)
            nodes += node.values()
        elif kind is list:
            nodes += node
    return found


def _searched_elements(resource: dict[str, Any]) -> list[Any]:
    """List the top-level elements to look into.

    A Bundle kept as a record is a document of its own: references in its entries resolve inside it. In
    `Immunization.education` the key `reference` is a uri.
    """
    elements = dict(resource)
    match resource["resourceType"]:
        case "Bundle":
            elements.pop("entry", None)
        case "Immunization" if isinstance(education := elements.pop("education", None), list):
            return [*elements.values(), *(list(item.values()) for item in education if type(item) is dict)]
    return list(elements.values())
