"""Every file of the public data through the real sync: nothing lost, nothing invented, no text changed."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from apps.applications.models import Application

from .expected import FHIR_ID, Leaves, leaves, reference_paths
from .folder import Folder
from .ingest import Ingested, link, offer_of
from .json_tokens import is_number, is_string, unescaped
from .source import PublicSource

pytestmark = pytest.mark.django_db  # the records themselves were ingested and committed before

RELATIVE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]+")
Differences = list[tuple[str, str, str]]


def differences(ingested: Ingested, wanted: Leaves, found: Leaves, place: str) -> Differences:
    return [
        (f"{ingested.record.name} {place}{path}", wanted.get(path, "(none)")[:80], found.get(path, "(none)")[:80])
        for path in wanted.keys() | found.keys()
        if wanted.get(path) != found.get(path)
    ]


def test_every_resource_is_stored_or_recorded_as_refused(ingested: Ingested) -> None:
    job, expected = ingested.first.job, ingested.expected
    assert (job.state, job.gaps, job.crashes, job.source_failures, job.error_code) == ("COMPLETED", [], 0, 0, "")
    patient = ingested.names.key(("Patient", ingested.names.source_patient_id))
    assert set(ingested.lines) == {ingested.names.key(key) for key in expected.latest} | {patient}
    refused = Counter(dict.fromkeys(expected.refusals, 0))
    for each in job.rejected:
        refused[each["code"]] += each["count"]
    assert refused == expected.refusals
    stored = len(ingested.lines) - (patient not in {ingested.names.key(key) for key in expected.latest})
    assert len(ingested.record.given) == stored + expected.repeated + expected.remarks + refused.total()
    assert sum(job.resource_counts.values()) == len(ingested.lines)


def test_number_text_is_unchanged_in_every_line(ingested: Ingested) -> None:
    changed: Differences = []
    for key, (before, after) in ingested.pairs.items():
        numbers = [{path: token for path, token in side.items() if is_number(token)} for side in (before, after)]
        changed += differences(ingested, numbers[0], numbers[1], "/".join(key))
    assert changed == []


def test_all_else_is_unchanged_but_what_the_pipeline_owns(ingested: Ingested) -> None:
    changed: Differences = []
    for key, (before, after) in ingested.pairs.items():
        owned = {".id", ".meta.source", *reference_paths(before)}
        kept = {path: read(token) for path, token in before.items() if path not in owned}
        here = {path: read(token) for path, token in after.items() if path in kept}
        changed += differences(ingested, kept, here, "/".join(key))
    assert changed == []


def read(token: str) -> str:
    """A string's characters, whatever its escapes; any other token as it is."""
    return f'"{unescaped(token)}"' if is_string(token) else token


def test_what_is_added_is_documented(ingested: Ingested) -> None:
    for (kind, source_id), (before, after) in ingested.pairs.items():
        added = {path: token for path, token in after.items() if path not in before}
        identifiers = [path for path in added if path.startswith(".identifier")]
        assert {added[path] for path in identifiers} <= {
            f'"{ingested.names.base}/{kind}/SourceResourceId"',
            f'"{source_id}"',
        }
        rest = [
            path
            for path in added
            if path not in {".id", *identifiers} and not path.startswith((".meta.source", ".meta.tag["))
        ]
        assert {added[path] for path in rest} <= {'"Undefined by source"', "true"}, rest


def test_references_resolve_here_or_lead_to_the_source(ingested: Ingested) -> None:
    changed: Differences = []
    for key, (before, after) in ingested.pairs.items():
        paths = list(reference_paths(before))
        wanted = {path: ingested.names.reference(unescaped(before[path]), ingested.expected) for path in paths}
        found = {path: unescaped(after[path]) for path in paths if path in after}
        changed += differences(ingested, wanted, found, "/".join(key))
    assert changed == []


def test_lines_are_whole(ingested: Ingested) -> None:
    for (kind, pk), line in ingested.lines.items():
        assert b"\n" not in line
        assert b"\r" not in line
        assert FHIR_ID.fullmatch(pk)
        assert line.startswith(f'{{"resourceType":"{kind}"'.encode()) or f'"id":"{pk}"'.encode() in line
    for key, (_, after) in ingested.pairs.items():
        assert [f'"{each}"' for each in ingested.names.key(key)] == [after[".resourceType"], after[".id"]]


def test_a_refresh_changes_no_byte_and_writes_no_row(ingested: Ingested) -> None:
    first, again = ingested.first, ingested.refreshed
    assert (again.job.state, again.job.gaps, again.job.rejected) == ("COMPLETED", [], first.job.rejected)
    assert again.job.missing_references == first.job.missing_references
    assert again.lines == first.lines
    assert again.rows == first.rows


def test_support_resources_found_by_id_make_the_same_lines(
    source: PublicSource, application: Application, folder: Folder
) -> None:
    """A payer that searches only records of the compartment: what they refer to is fetched by id, and no more."""
    record = next(each for each in folder.records if each.name == "us-core/6.1.0")
    offer = offer_of(record.given, by_id=frozenset({"Location", "Organization", "Practitioner", "PractitionerRole"}))
    synced = link(source, application, offer, name="by id").sync()
    assert (synced.job.state, synced.job.gaps, synced.job.rejected) == ("COMPLETED", [], [])
    references = {
        unescaped(token)
        for line in synced.lines.values()
        for path, token in leaves(line).items()
        if path.endswith(".reference")
    }
    by_id = {f"{kind}/{pk}" for kind, pk in synced.lines if kind in offer.by_id}
    assert by_id
    assert by_id <= references
    everywhere = {f"{kind}/{pk}" for kind, pk in synced.lines}
    assert {each for each in references if RELATIVE.fullmatch(each)} <= everywhere
