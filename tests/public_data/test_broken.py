"""What does not parse, and what is damaged on its way: a named gap or a recorded refusal, never a crash."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from apps.applications.models import Application
from apps.fhir.codec import CodecError, split_bundle
from apps.syncs.models import SyncJob
from apps.transforms.pipeline import ResourceError, SourceContext, transform

from .expected import leaves
from .folder import Folder, Given, Record
from .ingest import ELSEWHERE, link, offer_of
from .source import Offer, PublicSource, bundle

pytestmark = pytest.mark.django_db
PATIENT = Given(b'{"resourceType":"Patient","id":"p1"}')
NEIGHBOURS = [Given(b'{"resourceType":"Observation","id":"%b","valueDecimal":1.10}' % pk) for pk in (b"o1", b"o2")]
PARAMETER = re.compile(r"\.rest\[\d+\]\.resource\[\d+\]\.searchParam\[\d+\]\.name")
DAMAGED_PAGES_PER_RECORD = 12


def outcome(job: SyncJob) -> tuple[dict[str, int], set[tuple[str, str]], Counter[str]]:
    """Counts by type, gaps as (type, code), refusals by code."""
    gaps = {(str(gap["type"]), str(gap["code"])) for gap in job.gaps}
    refused: Counter[str] = Counter()
    for each in job.rejected:
        refused[each["code"]] += each["count"]
    return job.resource_counts, gaps, refused


def synced(source: PublicSource, application: Application, offer: Offer, name: str) -> SyncJob:
    job = link(source, application, offer, name=name).sync().job
    assert job.crashes == 0
    assert job.state in ("COMPLETED", "FAILED")
    return job


def test_broken_document_instead_of_a_page_is_a_named_gap_or_refused(
    source: PublicSource, application: Application, document: bytes, request: pytest.FixtureRequest
) -> None:
    offer = offer_of((PATIENT, *NEIGHBOURS))
    offer.page = lambda kind, body: document if kind == "Observation" else body
    counts, gaps, refused = outcome(synced(source, application, offer, f"page {request.node.name}"))
    assert counts == {"Patient": 1}
    # Some are Bundles whose fault lies within a resource, and stays there.
    assert (gaps, refused) in (
        ({("Observation", "unreadable-page")}, Counter()),
        (set(), Counter({"malformed": 1})),
    )


def test_broken_document_among_others_is_refused_alone_or_a_named_gap(
    source: PublicSource, application: Application, document: bytes, request: pytest.FixtureRequest
) -> None:
    offer = offer_of((PATIENT, *NEIGHBOURS))
    offer.by_type["Observation"].insert(1, Given(document))
    counts, gaps, refused = outcome(synced(source, application, offer, f"entry {request.node.name}"))
    assert (counts, gaps, refused) in (
        ({"Patient": 1, "Observation": 2}, set(), Counter({"malformed": 1})),
        ({"Patient": 1}, {("Observation", "unreadable-page")}, Counter()),
    )


def test_broken_document_instead_of_the_patient_is_recorded(
    source: PublicSource, application: Application, document: bytes, request: pytest.FixtureRequest
) -> None:
    offer = offer_of((PATIENT, *NEIGHBOURS))
    offer.patient, offer.by_type[ELSEWHERE] = document, []
    counts, gaps, refused = outcome(synced(source, application, offer, f"patient {request.node.name}"))
    assert counts == {"Observation": 2}
    assert (gaps, refused) in (
        ({("Patient", "not-a-patient")}, Counter()),
        ({("Patient", "another-patient")}, Counter()),
        (set(), Counter({"malformed": 1})),
    )


def test_broken_document_instead_of_a_capability_statement_fails_with_its_code(
    source: PublicSource, application: Application, document: bytes, request: pytest.FixtureRequest
) -> None:
    offer = offer_of((PATIENT, *NEIGHBOURS))
    offer.statement = document
    job = synced(source, application, offer, f"statement {request.node.name}")
    assert (job.state, job.error_code) == ("FAILED", "unreadable-capability")


def test_capability_statement_of_another_server_is_followed_or_refused(
    source: PublicSource, application: Application, folder: Folder
) -> None:
    """Real statements of real servers, DSTU2 among them: what offers no search by patient is refused by code."""
    statements = next(each for each in folder.records if each.name == "servers/capability-statements")
    for number, statement in enumerate(statements.given):
        offer = offer_of((PATIENT, *NEIGHBOURS))
        offer.statement = statement.raw
        names = {token for path, token in leaves(statement.raw).items() if PARAMETER.fullmatch(path)}
        job = synced(source, application, offer, f"capability {number}")
        is_useful = '"patient"' in names
        assert (job.state, job.error_code) == (("COMPLETED", "") if is_useful else ("FAILED", "unreadable-capability"))


def test_damaged_page_gives_pages_and_refusals_only(record: Record, context: SourceContext) -> None:
    """Bytes lost, doubled and changed anywhere: whatever comes out is a page and lines, or the two known errors."""
    page = bundle(record.given[:40], "")
    chance = random.Random(record.name)
    for _ in range(DAMAGED_PAGES_PER_RECORD):
        try:
            entries = split_bundle(damaged(page, chance)).entries
        except CodecError:
            continue
        for entry in entries:
            try:
                line = transform(entry.raw, context=context, full_url=entry.full_url).line
            except ResourceError:
                continue
            assert b"\n" not in line


def damaged(page: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(page))
    end = min(len(page), start + chance.choice([1, 2, 30, 1000]))
    middle = chance.choice([b"", page[start:end] * 2, chance.randbytes(3), b'"', b"}", b"\\", b"NaN", b"\\ud800"])
    return page[:start] + (middle + page[end:] if chance.random() < 0.9 else b"")
