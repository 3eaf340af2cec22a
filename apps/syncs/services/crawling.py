"""The crawl of one job: every type page by page, then what those refer to, resumable at any page."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TypeVar

from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.authorizations.services import fresh_access_token
from apps.authorizations.smart import door
from apps.directory.services import close_endpoint, spend_request
from apps.fhir.codec import SourcePage
from apps.fhir.resource_types import SUPPORT_TYPES, SUPPORTED_TYPES
from apps.outbound.failures import SourceError
from apps.outbox.draining import is_draining
from apps.records.selectors import View
from apps.records.services import discard_staged

from ..models import SyncJob
from ..source import Source, fault
from .claiming import beat
from .findings import count_rejected, measure_progress, short_types, types_not_offered, types_with_nameless
from .keeping import PageKeeper

BATCH_IDS = 50
PATIENCE_SECONDS = 2.0  # a longer wait for the endpoint's budget is waited for by the row, not by a worker
ROUNDS = 6  # references of references: PractitionerRole -> Organization -> partOf …

Answer = TypeVar("Answer")


class OutOfTime(Exception):
    """This step has used its time; what is staged stands."""


class MustWait(OutOfTime):
    """The endpoint's budget is spent, or it wants to be left alone: this step ends, and it is nobody's failure."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


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
    types: list[str] = field(default_factory=list)
    outcome: bytes | None = None
    is_paid_ahead: bool = False

    @cached_property
    def keeper(self) -> PageKeeper:
        return PageKeeper(self.job, self.token)

    def run(self) -> None:
        """Crawl what is not crawled yet. Raises: OutOfTime, ReauthorizationNeeded, LostLease, SourceError."""
        authorization = self.job.authorization
        self.deadline = time.monotonic() + settings.SYNC_STEP_SECONDS
        self.progress_before = measure_progress(self.job)
        if not self.job.pages.exists():
            discard_staged(partition_id=self.keeper.partition_id, current_seq=authorization.current_seq)
        self.source = Source(
            door=door(authorization.mode),
            fhir_base=authorization.endpoint.fhir_base,
            patient_id=authorization.source_patient_id,
            access_token=fresh_access_token(authorization=authorization, now=timezone.now()),
            page_size=settings.SYNC_PAGE_SIZE,
        )
        by_patient, by_id = self._asked(self.source.searchable_types)
        self.types = ["Patient", *by_patient, *by_id]
        self._crawl_patient()
        for resource_type in by_patient:
            if not self.throttled:
                self._crawl_type(resource_type)
        if not self.throttled:
            self._crawl_references(by_id)

    # -- pages of a type ---------------------------------------------------------------------------

    def _crawl_patient(self) -> None:
        if self.job.pages.filter(type="Patient").exists():
            self.complete.add("Patient")
            return
        try:
            self.keeper.keep("Patient", 1, self._asked(self.source.patient), "")
            self.complete.add("Patient")
        except SourceError as failure:
            self.note_failure("Patient", failure, page=1)

    def _crawl_type(self, resource_type: str) -> None:
        last = self.job.pages.filter(type=resource_type).order_by("-number").first()
        number, url = (0, self.source.first_url(resource_type)) if last is None else (last.number, last.next_url)
        seen = {self.source.first_url(resource_type), *self._next_urls(resource_type)}
        while url:
            number += 1
            try:
                page = self._asked(partial(self.source.page, url))
                url = _following(page, seen)
            except SourceError as failure:
                self.note_failure(resource_type, failure, page=number)
                return
            self.keeper.keep(resource_type, number, page, url)
        self.complete.add(resource_type)

    def _next_urls(self, resource_type: str) -> list[str]:
        return list(self.job.pages.filter(type=resource_type).values_list("next_url", flat=True))

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
        # Were the rounds too few, what is left was not looked for: its types end nothing.
        left = {kind for kind, source_id in self._unseen_targets(by_id) if (kind, source_id) not in asked}
        self.complete.update(set(by_id) - set(self.gaps) - left)

    def _crawl_ids(self, resource_type: str, source_ids: list[str]) -> None:
        number = self.job.pages.filter(type=resource_type).count()
        for start in range(0, len(source_ids), BATCH_IDS):
            batch = source_ids[start : start + BATCH_IDS]
            ask: partial[SourcePage] | None = partial(self.source.by_ids, resource_type, batch)
            seen: set[str] = set()
            while ask is not None:
                number += 1
                try:
                    page = self._asked(ask)
                    url = _following(page, seen)
                except SourceError as failure:
                    self.note_failure(resource_type, failure, page=number)
                    return
                self.keeper.keep(resource_type, number, page, "", is_search=False)
                # A source may page even what was asked for by id.
                ask = partial(self.source.page, url) if url else None

    def _unseen_targets(self, types: list[str]) -> list[tuple[str, str]]:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT t.type, t.source_id FROM records_referencetarget t
                WHERE t.partition_id = %(partition)s AND t.type = ANY(%(types)s)
                  AND t.type || '/' || t.fhir_id NOT IN (
                      SELECT unnest(p.keys) FROM syncs_crawledpage p
                      WHERE p.sync_job_id = %(job)s AND p.type = ANY(%(types)s))
                ORDER BY t.type, t.source_id
                """,
                {"partition": self.keeper.partition_id, "types": types, "job": self.job.pk},
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]

    # -- one page ----------------------------------------------------------------------------------

    def _asked(self, ask: Callable[[], Answer]) -> Answer:
        """Ask the source, once more with a fresh token after a 401. Raises: SourceError, OutOfTime, LostLease."""
        self._may_ask()
        try:
            return ask()
        except SourceError as failure:
            if failure.status != 401:
                raise
        self.source.access_token = fresh_access_token(
            authorization=self.job.authorization, now=timezone.now(), rejected=self.source.access_token
        )
        self._may_ask()
        return ask()

    def _may_ask(self) -> None:
        """Prolong the lease and wait for the endpoint's budget, if only for a moment. Raises: OutOfTime, LostLease."""
        if time.monotonic() > self.deadline or is_draining():
            raise OutOfTime
        endpoint = self.job.authorization.endpoint
        if closed := beat(self.job, self.token, endpoint.pk):
            raise MustWait(closed)
        if self.is_paid_ahead:
            self.is_paid_ahead = False
            return
        # The first question of a step is what may be asked. Alone it gets nowhere: the next one is paid with it.
        self.is_paid_ahead = not self.types
        count, patience = 1 + self.is_paid_ahead, time.monotonic() + PATIENCE_SECONDS
        while wait := spend_request(endpoint.pk, per_minute=endpoint.requests_per_minute, count=count):
            if time.monotonic() + wait > patience:
                raise MustWait(wait)
            time.sleep(wait)

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
        if failure.status in (429, 503) and failure.retry_after_seconds:
            close_endpoint(self.job.authorization.endpoint_id, seconds=failure.retry_after_seconds)

    def name_unreached(self, code: str, message: str) -> None:
        """Name every type that no step has finished: a gap that nobody names would be a silent loss."""
        finished = self.job.pages.filter(next_url="").exclude(type__in=SUPPORT_TYPES)
        self.complete.update(finished.values_list("type", flat=True))
        for kind in self.types or SUPPORTED_TYPES:
            if kind not in self.complete and kind not in self.gaps:
                self.gaps[kind] = {"type": kind, "reason": "failed", "code": code, "message": message, "page": 0}

    @property
    def is_stuck(self) -> bool:
        """This step brought nothing new: it counts as a failure of the source."""
        return measure_progress(self.job) == self.progress_before

    @property
    def throttled(self) -> bool:
        """The source asked us to come later: nothing more is asked of it in this step."""
        return any(each.status == 429 or each.retry_after_seconds is not None for each in self.transient)

    @property
    def loaded_nothing(self) -> bool:
        return bool(self.gaps) and not self.job.pages.exclude(keys=[]).exists()

    @property
    def requests_made(self) -> int:
        return self.source.requests_made if hasattr(self, "source") else 0

    @property
    def first_code(self) -> str:
        return str(next((gap["code"] for gap in self.gaps.values()), ""))

    def retry_seconds(self) -> float:
        first: float = settings.SYNC_RETRY_SECONDS
        asked = [failure.retry_after_seconds or 0.0 for failure in self.transient]
        return max([first * 2.0**self.job.source_failures, *asked])

    def result(self) -> CrawlResult:
        complete = self.complete - set(self.gaps)
        short = short_types(self.job, complete)
        visible = View(self.keeper.partition_id, self.job.authorization.current_seq).counts()
        not_offered = types_not_offered(visible, [*self.types, *self.gaps]) if self.types else []
        ended = complete - {str(gap["type"]) for gap in short} - types_with_nameless(self.job)
        return CrawlResult(
            partition_id=self.keeper.partition_id,
            complete_types=sorted(ended),
            gaps=[*(gap for gap in self.gaps.values() if gap["type"]), *short, *not_offered],
            rejected=count_rejected(self.job),
            requests_made=self.requests_made,
        )


def _following(page: SourcePage, seen: set[str]) -> str:
    """Return the page's next link, empty at the end. Raises: SourceError for one that was followed already."""
    url = page.next_url or ""
    if url in seen:
        raise fault("The pages' next links lead in a circle.", "looping-next-link", permanent=True)
    if url:
        seen.add(url)
    return url
