"""A customer's loader of sealed deliveries: it knows the bucket and the README, and nothing of our code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

Key = tuple[str, str]


@dataclass
class Loader:
    """Folds deliveries, manifest by manifest, into what is visible. Shape: records {(type, id): line}."""

    objects: dict[str, bytes]
    records: dict[Key, bytes] = field(default_factory=dict)

    def manifests(self) -> list[dict[str, Any]]:
        """Return one authorization's manifests in the order of their chain, and check that it is one chain."""
        found = {
            hashlib.sha256(body).hexdigest(): json.loads(body)
            for key, body in self.objects.items()
            if key.endswith(".manifest.json")
        }
        chained = [each for each in found.values() if each["kind"] != "replay"]
        after = {(each["previous_manifest"] or {}).get("sha256", ""): sha256 for sha256, each in found.items()
                 if each["kind"] != "replay"}  # fmt: skip
        assert len(after) == len(chained), "two manifests follow the same one"
        ordered, at = [], ""
        while at in after:
            at = after[at]
            ordered.append(found[at])
        assert len(ordered) == len(chained), "the chain is broken"
        return ordered

    def take_all(self) -> None:
        for manifest in self.manifests():
            self.take(manifest)

    def take(self, manifest: dict[str, Any]) -> None:
        """Load one delivery: its objects are there, as long as it says, with the hashes that it says."""
        for each in manifest["objects"]:
            body = self.objects[each["key"]]
            assert (len(body), hashlib.sha256(body).hexdigest()) == (each["bytes"], each["sha256"])
            lines = body.splitlines()
            assert len(lines) == each["lines"]
            if each["role"] == "data":
                self._load(manifest["contents"], lines)
            else:
                self._delete(lines)

    def _load(self, contents: str, lines: list[bytes]) -> None:
        if contents == "snapshot":
            self.records = {}
        for line in lines:
            read = json.loads(line)
            self.records[read["resourceType"], read["id"]] = line

    def _delete(self, lines: list[bytes]) -> None:
        for line in lines:
            bundle = json.loads(line)
            assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
            for entry in bundle["entry"]:
                assert entry["request"]["method"] == "DELETE"
                self._delete_url(entry["request"]["url"])

    def _delete_url(self, url: str) -> None:
        kind, _, condition = url.partition("?_tag=")
        if not condition:
            resource_type, _, fhir_id = url.partition("/")
            self.records.pop((resource_type, fhir_id), None)
            return
        system, _, code = condition.partition("|")
        for key, line in list(self.records.items()):
            tags = json.loads(line)["meta"]["tag"]
            if key[0] == kind and {"system": system, "code": code} in [
                {"system": tag["system"], "code": tag["code"]} for tag in tags
            ]:
                del self.records[key]

    def snapshot(self) -> bytes:
        """Return what is visible as a snapshot delivery would write it."""
        order = sorted(self.records, key=lambda key: (key[0] != "Patient", key))
        return b"".join(self.records[key] + b"\n" for key in order)
