"""Ingest of 10,000 resources, and the same again unchanged, through the crawl's own keeper and closing transaction."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.fhir import codec
from apps.fhir.codec import SourceEntry, SourcePage
from apps.fhir.search.extracting import extract
from apps.outbox.claims import take
from apps.records.models import CurrentResource
from apps.records.services.indexing import INDEXES
from apps.records.services.staging import _copy, without_cycle_collection
from apps.syncs.models import SyncJob
from apps.syncs.services import request_sync
from apps.syncs.services.completing import complete_sync
from apps.syncs.services.crawling import CrawlResult
from apps.syncs.services.keeping import PageKeeper
from apps.syncs.states import SyncCause
from apps.transforms.pipeline import transform
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace
from tests import factories

from .shapes import synthetic_patient
from .timing import Figure, best_of_each

PAGE = 100


def make_authorization() -> PatientAuthorization:
    owner = User.objects.create_user("owner@bench.example")
    workspace = create_workspace(name="Bench", slug="bench", owner=owner, by=SYSTEM)
    application = create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM)
    endpoint = factories.make_endpoint(Mode.TEST)
    made = factories.make_authorization(application, Mode.TEST, endpoint, user="user-1")
    made.current_seq = 0
    made.save()
    return made


def sync(authorization: PatientAuthorization, pages: list[tuple[str, list[SourceEntry]]]) -> None:
    """One whole sync without the network: every page kept, the sequence closed."""
    job, token = _claimed(authorization)
    keeper = PageKeeper(job, token)
    numbers: dict[str, int] = {}
    for kind, entries in pages:
        numbers[kind] = numbers.get(kind, 0) + 1
        keeper.keep(kind, numbers[kind], _page(entries), "")
    crawl = CrawlResult(
        partition_id=keeper.partition_id, complete_types=list(numbers), gaps=[], rejected=[], requests_made=0
    )
    complete_sync(job=job, token=token, crawl=crawl, now=timezone.now())
    authorization.refresh_from_db()


def measure() -> Iterator[Figure]:
    """Yield the figures of ingest; rates are compared within this run."""
    authorization = make_authorization()
    raws = synthetic_patient("p-1", base=authorization.endpoint.fhir_base)
    pages = pages_of(raws)
    keeper = PageKeeper(*_claimed(authorization))
    context = keeper.context
    SyncJob.objects.all().delete()

    def bare() -> None:
        with without_cycle_collection():
            for raw in raws:
                codec.encode(codec.decode(raw))

    def pipeline() -> None:
        with without_cycle_collection():
            for raw in raws:
                extract(codec.decode_values(transform(raw, context=context).line), base_url="")

    def ingest() -> None:
        sync(authorization, pages)

    done = [transform(raw, context=context) for raw in raws]

    def copy() -> None:
        """What no ingest can be faster than: the finished lines go in at once, and nothing else is done."""
        with transaction.atomic():
            _copy(keeper.partition_id, 1, done, timezone.now())

    def refresh() -> None:
        with _no_row_written():
            sync(authorization, pages)

    bare_seconds, pipeline_seconds, ingest_seconds, refresh_seconds = best_of_each(
        5, (bare, pipeline, ingest, refresh), lambda: _forget(authorization)
    )
    (copy_seconds,) = best_of_each(5, (copy,), lambda: _forget(authorization))
    size = sum(map(len, raws)) / 1e6
    yield Figure("bare decode + encode", f"{len(raws) / bare_seconds:,.0f} resources/s, {size:.1f} MB in all")
    yield Figure("pipeline without database / bare", f"{bare_seconds / pipeline_seconds:.2f}", "0.34")
    yield Figure(
        "ingest into PostgreSQL / pipeline without database", f"{pipeline_seconds / ingest_seconds:.2f}", "0.5"
    )
    both = pipeline_seconds + copy_seconds
    yield Figure(
        "bare COPY of the finished lines / pipeline without database", f"{pipeline_seconds / copy_seconds:.2f}"
    )
    yield Figure(
        "ingest / pipeline, then bare COPY: what is left is versions, targets, closing", f"{both / ingest_seconds:.2f}"
    )
    yield Figure("refresh in which nothing changed / bare", f"{bare_seconds / refresh_seconds:.2f}", "0.8")


def _claimed(authorization: PatientAuthorization) -> tuple[SyncJob, uuid.UUID]:
    job = request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    token = take(job, from_states=("WAITING",), to_state="ACTIVE")
    assert token is not None
    return SyncJob.objects.select_related(
        "authorization__endpoint", "authorization__application", "authorization__consent"
    ).get(pk=job.pk), token


def pages_of(raws: list[bytes]) -> list[tuple[str, list[SourceEntry]]]:
    """Cut what a source has into its pages, type by type."""
    by_type: dict[str, list[SourceEntry]] = {}
    for raw in raws:
        kind = raw[17 : raw.index(b'"', 17)].decode()
        by_type.setdefault(kind, []).append(SourceEntry(full_url=None, raw=raw))
    return [
        (kind, entries[start : start + PAGE])
        for kind, entries in by_type.items()
        for start in range(0, len(entries), PAGE)
    ]


def _page(entries: list[SourceEntry]) -> SourcePage:
    return SourcePage(entries=entries, next_url=None, total=None, outcomes=[])


def _forget(authorization: PatientAuthorization) -> None:
    with connection.cursor() as cursor:
        indexes = ", ".join(model._meta.db_table for model in (CurrentResource, *INDEXES))
        cursor.execute(f"TRUNCATE records_storedresource, records_referencetarget, records_urnalias, {indexes}")
        cursor.execute("DELETE FROM syncs_crawledpage")
        cursor.execute("DELETE FROM syncs_syncjob")
        cursor.execute("UPDATE authorizations_patientauthorization SET current_seq = 0")
    authorization.refresh_from_db()


@contextmanager
def _no_row_written() -> Iterator[None]:
    def versions() -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*), max(id) FROM records_storedresource")
            found: tuple[int, int] = cursor.fetchone()
            return found

    before = versions()
    yield
    assert versions() == before, "a refresh in which nothing changed wrote a row"
