"""What a sealed delivery says of itself: its plan, its objects, what it deletes, and the manifest written last. Pure.

Owns the shapes that a customer's loader reads. Refuses clocks and randomness: a second attempt makes the same bytes.
Source: FHIR Bulk Data Access 2.0.0, "deleted" (lines of transaction Bundles with DELETE); FHIR R4 3.1.0.7 (conditional
delete).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

MANIFEST_VERSION = 1
TOMBSTONE = "tombstone"  # what a delivery holds that takes everything back


class Role(StrEnum):
    """What an object of a delivery is."""

    DATA = "data"
    DELETED = "deleted"
    MANIFEST = "manifest"


_SUFFIXES = {Role.DATA: ".ndjson", Role.DELETED: ".deleted.ndjson", Role.MANIFEST: ".manifest.json"}
CONTENT_TYPES = {
    Role.DATA: "application/fhir+ndjson",
    Role.DELETED: "application/fhir+ndjson",
    Role.MANIFEST: "application/json",
}


def part_key(object_key: str, role: Role) -> str:
    """Return the key of another object of the delivery: beside its data, with another ending."""
    return object_key.removesuffix(".ndjson").removesuffix(".deleted") + _SUFFIXES[role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one delivery is made, frozen at its first attempt.

    `contents` is "snapshot", "delta" or "tombstone"; `base_seq` is the delivered sequence that changes and deletions
    count from; `counts` is what is visible as of the delivery's sequence, by type.
    """

    contents: str = "snapshot"
    base_seq: int | None = None
    base_delivery: str = ""
    deletions: bool = False
    manifest: bool = False
    previous_manifest_key: str = ""
    previous_manifest_sha256: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Plan:
        return cls(**kept)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


PLAIN = Plan()


def deletion_line(url: str) -> bytes:
    """Return one line of a `deleted` file, without its newline. `url`: "Type/id", or a conditional delete."""
    entry = {"request": {"method": "DELETE", "url": url}}
    return _compact({"resourceType": "Bundle", "type": "transaction", "entry": [entry]})


def tombstone_urls(types: Iterable[str], *, tag_base: str, authorization_id: str) -> list[str]:
    """Return what deletes all of an authorization's resources: by tag, since no id is kept after a purge.

    The Patient goes last, because the others refer to it.
    """
    tag = f"{tag_base}PatientAuthorizationId|{authorization_id}"
    return [f"{kind}?_tag={tag}" for kind in sorted(types, key=lambda kind: (kind == "Patient", kind))]


def manifest(*, facts: Mapping[str, Any], plan: Plan, objects: Iterable[Mapping[str, Any]]) -> bytes:
    """Return the manifest's bytes.

    Shape: facts plus {"manifest_version", "contents", "base_delivery_id", "objects": [{"role", "key", "bytes",
    "sha256", "lines"}], "visible_resource_counts", "previous_manifest": {"key", "sha256"} or null}.
    """
    previous = {"key": plan.previous_manifest_key, "sha256": plan.previous_manifest_sha256}
    return _compact(
        {
            "manifest_version": MANIFEST_VERSION,
            **facts,
            "contents": plan.contents,
            "base_delivery_id": plan.base_delivery or None,
            "objects": [dict(each) for each in objects],
            "visible_resource_counts": dict(plan.counts),
            "previous_manifest": previous if plan.previous_manifest_sha256 else None,
        }
    )


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
