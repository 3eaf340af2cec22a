"""One page of a search as a Bundle, written by joining the resources' own bytes. Source: FHIR R4 Bundle, "Search"."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.sandbox.payer.generator.record import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry; an empty `text` is an entry without a resource, an empty `full_url` one without that."""

    reference: str
    full_url: str
    text: bytes
    mode: str = "match"

    def write(self) -> bytes:
        full_url = b'"fullUrl":' + json.dumps(self.full_url).encode() + b"," if self.full_url else b""
        resource = b'"resource":' + self.text + b"," if self.text else b""
        return b"{" + full_url + resource + b'"search":{"mode":"' + self.mode.encode() + b'"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a searchset Bundle says; `fhir_base` is where its references are below. None and "" are left out."""

    fhir_base: str
    total: int | None
    self_url: str
    first_url: str
    next_url: str
    entries: Sequence[Entry]

    def write(self) -> bytes:
        links = [{"relation": "self", "url": self.self_url}]
        if self.next_url:
            links.append({"relation": "next", "url": self.next_url})
        head: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
        if self.total is not None:
            head["total"] = self.total
        text = json.dumps({**head, "link": links}).encode()
        if not self.entries:
            return text
        return text[:-1] + b', "entry": [' + b",".join(entry.write() for entry in self.entries) + b"]}"


def entry_of(resource: Resource, fhir_base: str) -> Entry:
    """Make the entry of a match."""
    full_url = resource.full_url or f"{fhir_base}/{resource.reference}"
    return Entry(reference=resource.reference, full_url=full_url, text=resource.text)
