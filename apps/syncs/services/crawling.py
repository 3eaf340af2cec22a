"""The crawl of one job: every type page by page, then what those refer to, resumable at any page."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from apps.authorizations.services import fresh_access_token
from apps.authorizations.smart import door
from apps.fhir.codec import SourcePage
from apps.outbound.failures import SourceError
from apps.outbox.claims import heartbeat
from apps.records.services import discard_staged, open_partition, stage_resources
from apps.records.services.staging import without_cycle_collection
from apps.transforms.pipeline import ResourceError, SourceContext, Transformed, transform

from ..models import CrawledPage, SyncJob
from ..source import Source

BATCH_IDS = 50
ROUNDS = 6  # references of references: PractitionerRole -> Organization -> partOf …


class OutOfTime(Exception):
    """This step has used its time; what is staged stands."""


@dataclass(frozen=True, slots=True)
class CrawlResult:
    """What a finished crawl hands to the closing transaction."""

    partition_id: int
    complete_types: list[str]
    gaps: list[dict[str, object]]
    rejected: list[dict[str, object]]
    requests_made: int


@dataclass
class Crawl:
    """One step of one job. Keeps what went wrong by type; the job's rows keep what went well."""

    job: SyncJob
    token: uuid.UUID
    gaps: dict[str, dict[str, object]] = field(default_factory=dict)
    transient: list[SourceError] = field(default_factory=list)
    complete: set[str] = field(default_factory=set)
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    outcome: bytes | None = None
    partition_id: int = 0

    def run(self) -> None:
        """Crawl what is not crawled yet. Raises: OutOfTime, ReauthorizationNeeded, LostLease, SourceError."""
        authorization = self.job.authorization
        self.deadline = time.monotonic() + settings.SYNC_STEP_SECONDS
        self.partition_id = open_partition(authorization).pk
        if not self.job.pages.exists():
            discard_staged(partition_id=self.partition_id, current_seq=authorization.current_seq)
        self.source = Source(
            door=door(authorization.mode),
            fhir_base=authorization.endpoint.fhir_base,
            patient_id=authorization.source_patient_id,
            access_token=fresh_access_token(authorization=authorization, now=timezone.now()),
            page_size=settings.SYNC_PAGE_SIZE,
        )
        by_patient, by_id = self.source.searchable_types()
        self._crawl_patient()
        for resource_type in by_patient:
            self._crawl_type(resource_type)
        self._crawl_references(by_id)

    # -- pages of a type ---------------------------------------------------------------------------

    def _crawl_patient(self) -> None:
        if self.job.pages.filter(type="Patient").exists():
            self.complete.add("Patient")
            return
        try:
            self._keep("Patient", 1, self._asked(self.source.patient), "")
            self.complete.add("Patient")
        except SourceError as failure:
            self.note_failure("Patient", failure, page=1)

    def _crawl_type(self, resource_type: str) -> None:
        last = self.job.pages.filter(type=resource_type).order_by("-number").first()
        number, url = (
            (0, self.source.first_url(resource_type)) if last is None else (last.number, last.next_url)
        )
        while url:
            number += 1
            try:
                page = self._asked(partial(self.source.page, url))
            except SourceError as failure:
                self.note_failure(resource_type, failure, page=number)
                return
            url = page.next_url or ""
            self._keep(resource_type, number, page, url)
        self.complete.add(resource_type)

    # -- what they refer to ---------------------------------------------------------------------------

    def _crawl_references(self, by_id: list[str]) -> None:
        """Fetch referenced support resources by id until nothing new turns up."""
        asked: set[tuple[str, str]] = set()
        for _ in range(ROUNDS):
            wanted = [each for each in self._unseen_targets(by_id) if each not in asked]
            if not wanted:
                break
            asked.update(wanted)
            for resource_type in sorted({kind for kind, _ in wanted} - set(self.gaps)):
                ids = [source_id for kind, source_id in wanted if kind == resource_type]
                self._crawl_ids(resource_type, ids)
        self.complete.update(kind for kind in by_id if kind not in self.gaps)

    def _crawl_ids(self, resource_type: str, source_ids: list[str]) -> None:
        number = self.job.pages.filter(type=resource_type).count()
        for start in range(0, len(source_ids), BATCH_IDS):
            batch = source_ids[start : start + BATCH_IDS]
            number += 1
            try:
                page = self._asked(partial(self.source.by_ids, resource_type, batch))
            except SourceError as failure:
                self.note_failure(resource_type, failure, page=number)
                return
            self._keep(resource_type, number, page, "")

    def _unseen_targets(self, types: list[str]) -> list[tuple[str, str]]:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT t.type, t.source_id FROM records_referencetarget t
                WHERE t.partition_id = %s AND t.type = ANY(%s)
                  AND NOT EXISTS (SELECT 1 FROM syncs_crawledpage p
                                  WHERE p.sync_job_id = %s AND p.type = t.type
                                    AND t.type || '/' || t.fhir_id = ANY(p.keys))
                ORDER BY t.type, t.source_id
                """,
                [self.partition_id, types, self.job.pk],
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]

    # -- one page ----------------------------------------------------------------------------------

    def _asked(self, ask: Callable[[], SourcePage]) -> SourcePage:
        """Ask the source, once more with a fresh token after a 401. Raises: SourceError, OutOfTime."""
        if time.monotonic() > self.deadline:
            raise OutOfTime
        heartbeat(self.job, self.token)
        try:
            return ask()
        except SourceError as failure:
            if failure.status != 401:
                raise
        self.source.access_token = fresh_access_token(
            authorization=self.job.authorization, now=timezone.now(), rejected=self.source.access_token
        )
        return ask()

    def _keep(self, resource_type: str, number: int, page: SourcePage, next_url: str) -> None:
        """Stage a page and its cursor in one transaction: a crash resumes behind it."""
        with without_cycle_collection():
            aliases: dict[str, str] = {}
            resources = self._transformed(page, aliases)
        with transaction.atomic():
            heartbeat(self.job, self.token)
            staged = stage_resources(
                partition_id=self.partition_id,
                seq=self.job.seq,
                resources=resources,
                aliases=aliases,
                now=timezone.now(),
            )
            CrawledPage.objects.create(
                sync_job=self.job,
                type=resource_type,
                number=number,
                keys=staged.keys,
                next_url=next_url,
                rejected=[list(key) for key in self.rejected.elements()],
            )
        self.rejected.clear()

    def _transformed(self, page: SourcePage, aliases: dict[str, str]) -> list[Transformed]:
        """Transform what can be; a broken resource is counted. References by urn are settled at the end."""
        context, resources = self.context, []
        for entry in page.entries:
            try:
                each = transform(
                    entry.raw, context=context, full_url=entry.full_url, max_bytes=settings.MAX_RESOURCE_BYTES
                )
            except ResourceError as error:
                self.rejected[page_type(entry.raw), error.code] += 1
                continue
            if entry.full_url and entry.full_url.startswith("urn:"):
                aliases[entry.full_url] = f"{each.type}/{each.id}"
            resources.append(each)
        return resources

    @cached_property
    def context(self) -> SourceContext:
        authorization = self.job.authorization
        if authorization.destination_patient_id is None:
            raise AssertionError("an active authorization has a patient (constraint)")
        return SourceContext(
            application_id=str(authorization.application_id),
            mode=authorization.mode.upper(),
            endpoint_id=str(authorization.endpoint_id),
            endpoint_name=authorization.endpoint.name,
            fhir_base=authorization.endpoint.fhir_base,
            authorization_id=str(authorization.pk),
            consent_id=str(authorization.consent_id),
            authorization_type=authorization.kind,
            patient_id=authorization.destination_patient_id,
            source_patient_id=authorization.source_patient_id,
            tag_base=settings.TAG_BASE,
        )

    # -- what went wrong ------------------------------------------------------------------------------

    def note_failure(self, resource_type: str, failure: SourceError, *, page: int) -> None:
        reason = "forbidden" if failure.status == 403 else "cut" if page > 1 else "failed"
        self.gaps[resource_type] = {
            "type": resource_type,
            "reason": reason,
            "code": failure.code,
            "message": str(failure),
            "page": page,
        }
        self.outcome = self.outcome or failure.outcome
        if not failure.permanent:
            self.transient.append(failure)

    @property
    def loaded_nothing(self) -> bool:
        return not self.complete and not self.job.pages.exists()

    @property
    def requests_made(self) -> int:
        return self.source.requests_made if hasattr(self, "source") else 0

    @property
    def first_code(self) -> str:
        return str(next((gap["code"] for gap in self.gaps.values()), ""))

    def retry_seconds(self) -> float:
        first: float = settings.SYNC_RETRY_SECONDS
        asked = [failure.retry_after_seconds or 0.0 for failure in self.transient]
        return max(first * 2.0**self.job.source_failures, *asked)

    def result(self) -> CrawlResult:
        counted: Counter[tuple[str, str]] = Counter()
        for rows in self.job.pages.values_list("rejected", flat=True):
            counted.update((kind, code) for kind, code in rows)
        return CrawlResult(
            partition_id=self.partition_id,
            complete_types=sorted(self.complete - set(self.gaps)),
            gaps=[gap for gap in self.gaps.values() if gap["type"]],
            rejected=[
                {"type": kind, "code": code, "count": n} for (kind, code), n in sorted(counted.items())
            ],
            requests_made=self.requests_made,
        )


def page_type(raw: bytes) -> str:
    """Return the resource type that broken bytes claim, for the count only."""
    _, _, rest = raw.partition(b'"resourceType"')
    name = rest.partition(b'"')[2].partition(b'"')[0]
    return name.decode() if name.isalpha() and len(name) < 64 else "unknown"
