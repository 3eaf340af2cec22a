"""What must become of a record, worked out without the product's code: keys, refusals, ids, references.

Source: README "Decisions"; rulings A14; FHIR R4 "References"; RFC 8259 for what a JSON object is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from uuid import UUID, uuid5

from .folder import Given, Record
from .json_tokens import is_string, tokens, unescaped

TYPE_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}")
USABLE_ID = re.compile(r"[^\s?#\x00-\x1f\x7f]{1,256}")
FHIR_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
LITERAL = re.compile(r"([A-Z][A-Za-z]{1,63})/([^\s?#\x00-\x1f\x7f]{1,256}?)(/_history/[^\s/?#]+)?")
CONDITIONAL = re.compile(r"[A-Z][A-Za-z]{1,63}\?\S+")

# The element `reference` that is a uri and no Reference (FHIR R4: DetectedIssue, Immunization, Expression).
URI_REFERENCE = re.compile(r"(?:\.contained\[\d+\])?\.(?:education\[\d+\]\.)?reference")

Key = tuple[str, str]
Leaves = dict[str, str]


def leaves(raw: bytes) -> Leaves:
    return dict(tokens(raw.decode()))


@dataclass
class Expected:
    """The fate of each resource: the last one given of each key, refusals by code, how many came again."""

    latest: dict[Key, Given] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    remarks: int = 0
    urns: dict[str, Key] = field(default_factory=dict)


def expected_of(record: Record) -> Expected:
    made = Expected()
    for given in record.given:
        if given.search and leaves(given.search).get(".mode") == '"outcome"':
            made.remarks += 1
            continue
        key = key_of(given.raw, given.full_url)
        if isinstance(key, str):
            made.refusals[key] += 1
            continue
        made.repeated += key in made.latest
        made.latest[key] = given
        if given.full_url and given.full_url.startswith("urn:"):
            made.urns[given.full_url] = key
    return made


@cache
def key_of(raw: bytes, full_url: str | None) -> Key | str:
    """Return (type, source id), or the code under which the resource must be recorded as refused.

    A resource without an id has the one that its entry's fullUrl ends in.
    """
    found = leaves(raw)
    kind, pk = found.get(".resourceType", '""'), found.get(".id", '""')
    if not all(path.startswith(".") or token == "{}" for path, token in found.items()):
        return "malformed"
    if kind in ('""', "null"):
        return "missing-type"
    if not is_string(kind) or not TYPE_NAME.fullmatch(unescaped(kind)):
        return "malformed"
    if pk in ('""', "null"):
        named = NAMED.fullmatch(full_url or "")
        if not named or (named["type"] or unescaped(kind)) != unescaped(kind):
            return "missing-id"
        pk = f'"{named["id"]}"'
    if not is_string(pk) or not USABLE_ID.fullmatch(unescaped(pk)):
        return "malformed"
    return unescaped(kind), unescaped(pk)


NAMED = re.compile(r"(?:urn:uuid:|urn:oid:|https?://.*/(?P<type>[A-Za-z]+)/)(?P<id>[^/]+)")


@dataclass(frozen=True)
class Names:
    """Ids of one authorization by the recipe of ruling A14."""

    patient_id: UUID
    source_patient_id: str
    endpoint_id: str
    base: str

    def key(self, key: Key) -> Key:
        kind, pk = key
        if key == ("Patient", self.source_patient_id):
            return kind, str(self.patient_id)
        return kind, str(uuid5(self.patient_id, f"{kind}/{pk}/{self.endpoint_id}"))

    def reference(self, value: str, expected: Expected) -> str:
        """Return what a reference must read in the stored line."""
        if value in expected.urns:
            return "/".join(self.key(expected.urns[value]))
        relative = value.removeprefix(f"{self.base}/")
        if CONDITIONAL.fullmatch(relative):
            return f"{self.base}/{relative}"
        literal = LITERAL.fullmatch(relative)
        if literal is None:
            return value
        key = (literal[1], literal[2])
        is_here = key in expected.latest or key == ("Patient", self.source_patient_id)
        return "/".join(self.key(key)) if is_here else f"{self.base}/{key[0]}/{key[1]}"


def reference_paths(found: Leaves) -> Iterator[str]:
    """Yield the paths of References; entries of a Bundle that is a record resolve inside it."""
    kind = unescaped(found[".resourceType"])
    for path, token in found.items():
        if not path.endswith(".reference") or not is_string(token):
            continue
        if URI_REFERENCE.fullmatch(path) or f"{path[:-9]}expression" in found:
            continue
        if kind == "Bundle" and path.startswith(".entry["):
            continue
        yield path
