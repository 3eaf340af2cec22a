"""What planned faults make of a page of a search, and of a single resource: entries, links, total."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from apps.sandbox.payer.faults import Fault, Strike
from apps.sandbox.payer.generator.json_text import Json, read, write
from apps.sandbox.payer.generator.record import Resource
from apps.sandbox.payer.outcomes import operation_outcome
from apps.sandbox.payer.records import next_version
from apps.sandbox.payer.searchset import Entry, Page, entry_of
from apps.sandbox.payer.spoiling import DEFAULT_BYTES, DEFAULT_DEPTH, KINDS, spoil

_ELSEWHERE = "https://elsewhere.example"
_DUPLICATE_EDITION = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The search that a page belongs to: all it found, the patient's reference, the URL that was asked for."""

    found: Sequence[Resource]
    patient: str
    url: str


def bend_page(page: Page, strike: Strike, search: Search) -> Page:
    """Return the page as its faults make it, and note in the strike what they added and replaced."""
    sound = [] if strike.value("no_entry") else list(page.entries)
    entries, spoilt = list(sound), 0
    for fault, hit in zip(strike.faults, strike.hits, strict=True):
        for kind in fault.knobs.get("replace", ())[: len(sound) - spoilt]:
            entries[spoilt] = dataclasses.replace(sound[spoilt], text=_spoil(sound[spoilt].text, kind, fault))
            hit["replaced"].append(sound[spoilt].reference)
            spoilt += 1
        for place, kind in enumerate(fault.knobs.get("add", ())):
            entry = _added(kind, f"{kind}-{fault.number}.{place}-p{strike.asked.page}", fault, place, page, search)
            entries.append(entry)
            hit["added"].append(entry.reference)
    total = page.total if strike.value("total") is None else strike.value("total")
    return dataclasses.replace(
        page,
        entries=entries,
        total=None if total == "missing" else total,
        next_url=_next_url(page, strike.value("next"), search.url),
    )


def bend_resource(resource: Resource, strike: Strike) -> bytes:
    """Return a read's resource as its faults make it, and note that they did."""
    for fault, hit in zip(strike.faults, strike.hits, strict=True):
        if kinds := fault.knobs.get("replace"):
            hit["replaced"].append(resource.reference)
            return _spoil(resource.text, kinds[0], fault)
    return resource.text


def _added(kind: str, id_: str, fault: Fault, place: int, page: Page, search: Search) -> Entry:
    if kind in ("duplicate", "duplicate-newer") and search.found:
        again = search.found[place % len(search.found)]
        newer = next_version(again, _DUPLICATE_EDITION) if kind == "duplicate-newer" else again
        return entry_of(newer, page.fhir_base)
    if kind == "outcome":
        words = "Some of what was asked for is kept elsewhere."
        text = operation_outcome(words, code="informational", severity="information")
        return Entry(reference=f"OperationOutcome/{id_}", full_url="", text=text, mode="outcome")
    template: Json = {"resourceType": "Basic", "code": {"text": "Unsearched"}, "subject": {"reference": search.patient}}
    if search.found and kind in KINDS:
        template = read(search.found[0].text)
    type_: str = template["resourceType"]
    text = write({**template, "id": id_})
    if kind in KINDS:
        text = _spoil(text, kind, fault)
    return entry_of(Resource(type_, id_, text), page.fhir_base)


def _spoil(text: bytes, kind: str, fault: Fault) -> bytes:
    size, depth = fault.knobs.get("bytes", DEFAULT_BYTES), fault.knobs.get("depth", DEFAULT_DEPTH)
    return spoil(text, kind, size=size, depth=depth)


def _next_url(page: Page, word: str | None, asked_url: str) -> str:
    parts = urlsplit(page.next_url)
    match word:
        case None:
            return page.next_url
        case "missing":
            return ""
        case "loop":
            return asked_url
        case "first":
            return page.first_url
        case "relative":
            return page.next_url.removeprefix(f"{page.fhir_base}/")
        case "path":
            return parts._replace(scheme="", netloc="").geturl()
        case "foreign":
            return _ELSEWHERE + urlsplit(asked_url)._replace(scheme="", netloc="").geturl()
    return word
