"""References rewritten to the ids that the resources have here.

Owns which strings are references and what becomes of each form; refuses canonical, uri and url fields.
Source: FHIR R4 "References"; documented contract, "References".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from apps.fhir import codec
from apps.fhir.references import MAX_REFERENCE_LENGTH, ReferenceForm, parse_reference
from apps.transforms.context import SourceContext

# Keys that tell an element whose `reference` is a uri: a resource (DetectedIssue), Expression, and
# Immunization.education.
_OTHER_MEANINGS = frozenset({"resourceType", "language", "expression", "documentType"})


# Our encoder writes no blanks, and a quote inside a JSON string is escaped: this cannot match inside a text.
REFERENCE = re.compile(rb'"reference":"([^"\\]+)"')
_STARTS = b'"reference":"'
# What may stand beside a `reference` of another meaning, as it is written.
_DOUBTS = tuple(b'"%s":' % name.encode() for name in sorted(_OTHER_MEANINGS - {"resourceType"}))
# Types in which a member of that name may be no Reference, or one that resolves elsewhere: a Bundle's entries.
OTHER_REFERENCES = frozenset({"Bundle", "DetectedIssue", "Immunization"})


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


def rewrite_line(line: bytes, resource_type: str, context: SourceContext) -> tuple[bytes, dict[str, Target]] | None:
    """Do the same to an encoded resource, ten times as fast; None where the text alone does not tell."""
    if (
        resource_type in OTHER_REFERENCES
        or line.count(b'"resourceType":') != 1
        or any(name in line for name in _DOUBTS)
    ):
        return None
    targets: dict[str, Target] = {}
    rewritten = 0

    def rewrite(match: re.Match[bytes]) -> bytes:
        nonlocal rewritten
        rewritten += 1
        if len(match[1]) > 4 * MAX_REFERENCE_LENGTH:  # in UTF-8: too long whatever it says, and too long to be kept
            return match[0]
        value, target = _rewrite_text(match[1], context)
        if target:
            targets[target.local] = target
        return value

    done = REFERENCE.sub(rewrite, line)
    return (done, targets) if rewritten == line.count(_STARTS) else None


@lru_cache(maxsize=8192)
def _rewrite_text(text: bytes, context: SourceContext) -> tuple[bytes, Target | None]:
    """Shape: text is between the quotes of a JSON string without escapes; the answer is the whole member."""
    value, target = text.decode(), None
    if len(value) <= MAX_REFERENCE_LENGTH:
        value, target = _rewrite(value, context)
    return b'"reference":' + codec.encode(value), target


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
