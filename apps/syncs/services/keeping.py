"""Keep a page of a source: transformed, staged, and its cursor with it, in one transaction."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql
from psycopg.types.json import Jsonb

from apps.fhir.codec import SourcePage
from apps.fhir.salvage import claimed_identity
from apps.outbox.claims import HEARTBEAT, LostLease, heartbeat
from apps.outbox.faults import FaultPoint, pass_fault_point
from apps.records.selectors import find_open_sources
from apps.records.services import open_partition, stage_resources
from apps.records.services.staging import without_cycle_collection
from apps.transforms.pipeline import (
    SOURCE_ID,
    TYPE_NAME,
    ResourceError,
    SourceContext,
    Transformed,
    source_hash,
    transform,
)

from ..models import SyncJob

# One statement: the lease, the page, and a commit that does not wait for the disk. What a crash of the database takes
# back is asked for again; the closing transaction flushes all of it.
NOTE_PAGE = sql.SQL("""
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)), held AS ({heartbeat} RETURNING id)
INSERT INTO syncs_crawledpage (sync_job_id, type, number, keys, next_url, rejected, is_search, entries, total)
SELECT held.id, %s, %s, %s, %s, %s, %s, %s, %s FROM held, quick
""").format(heartbeat=HEARTBEAT.format(sql.Identifier("syncs_syncjob")))


@dataclass(slots=True)
class SortedPage:
    """A page taken apart. Shape: keys are "Type/our id"; aliases urn -> key; rejected [type, code, key]."""

    resources: list[Transformed] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)
    rejected: list[list[str]] = field(default_factory=list)


class OpenSources:
    """What the lines of one type were made from: the same again needs no work (rulings A2)."""

    def __init__(self, resource_type: str, made_from: dict[bytes, str]) -> None:
        self.type = resource_type
        self._made_from = made_from
        self._other: set[str] = set()

    @classmethod
    def of(cls, partition_id: int, resource_type: str) -> OpenSources:
        return cls(resource_type, find_open_sources(partition_id, resource_type))

    def find(self, made_from: bytes) -> str | None:
        """Return "Type/our id" of the resource that stands as it came; None when it must be transformed."""
        fhir_id = self._made_from.get(made_from)
        if fhir_id is None:
            return None
        local = f"{self.type}/{fhir_id}"
        return None if local in self._other else local

    def note_other(self, local: str) -> None:
        """From here on the resource has other bytes in this crawl: its earlier ones are a change again."""
        self._other.add(local)


class PageKeeper:
    """Keeps the pages of one job; a crash resumes behind the last one kept."""

    def __init__(self, job: SyncJob, token: uuid.UUID) -> None:
        """Raises: LostLease."""
        self.job = job
        self.token = token
        with transaction.atomic():
            self.partition_id = open_partition(job.authorization).pk
            heartbeat(job, token)  # a purge that came first took the job away: nothing may come after it
        self.open_sources = OpenSources("", {})
        self.kept_targets: set[str] = set()

    def keep(self, resource_type: str, number: int, page: SourcePage, next_url: str, *, is_search: bool = True) -> None:
        """Raises: LostLease, and then nothing of the page is written."""
        pass_fault_point(FaultPoint.SYNC_PAGE_FETCHED)
        if self.open_sources.type != resource_type:
            self.open_sources = OpenSources.of(self.partition_id, resource_type)
        with without_cycle_collection():
            sorted_out = self._sort_out(page)
        targets = {
            target.local: target
            for each in sorted_out.resources
            for target in each.targets
            if target.local not in self.kept_targets
        }
        ours = dict.fromkeys(f"{each.type}/{each.id}" for each in sorted_out.resources)
        values = [
            resource_type,
            number,
            [*sorted_out.unchanged, *ours, *filter(None, (key for *_, key in sorted_out.rejected))],
            next_url,
            Jsonb(sorted_out.rejected),
            is_search,
            len(page.entries),
            page.total if is_search else None,
        ]
        if not sorted_out.resources and not sorted_out.aliases:
            self._note_page(values)
            pass_fault_point(FaultPoint.SYNC_PAGE_KEPT)
            return
        with transaction.atomic():
            self._note_page(values)
            stage_resources(
                partition_id=self.partition_id,
                seq=self.job.seq,
                resources=sorted_out.resources,
                targets=list(targets.values()),
                aliases=sorted_out.aliases,
                now=timezone.now(),
            )
        pass_fault_point(FaultPoint.SYNC_PAGE_KEPT)
        self.kept_targets.update(targets)

    def _note_page(self, values: list[Any]) -> None:
        """Raises: LostLease."""
        lease: list[Any] = [settings.LEASE_SECONDS, self.job.pk, self.token]
        with connection.cursor() as cursor:
            cursor.execute(NOTE_PAGE, [*lease, *values])
            if not cursor.rowcount:
                raise LostLease(str(self.job.pk))

    def _sort_out(self, page: SourcePage) -> SortedPage:
        """Transform what is new or changed; a broken resource is noted. References by urn are settled at the end."""
        found = SortedPage()
        for entry in page.entries:
            made_from = source_hash(entry.raw, context=self.context, full_url=entry.full_url)
            local = self.open_sources.find(made_from)
            if local is not None:
                found.unchanged.append(local)
            else:
                try:
                    each = transform(
                        entry.raw,
                        context=self.context,
                        full_url=entry.full_url,
                        made_from=made_from,
                        max_bytes=settings.MAX_RESOURCE_BYTES,
                    )
                except ResourceError as error:
                    found.rejected.append(self._rejection(entry.raw, error))
                    continue
                local = f"{each.type}/{each.id}"
                found.resources.append(each)
                self.open_sources.note_other(local)
            if entry.full_url and entry.full_url.startswith("urn:"):
                found.aliases[entry.full_url] = local
        return found

    def _rejection(self, raw: bytes, error: ResourceError) -> list[str]:
        """Note what is broken, and whose earlier version therefore stands: [type, code, "Type/our id" or ""]."""
        kind, source_id = claimed_identity(raw)
        named = TYPE_NAME.fullmatch(kind) and SOURCE_ID.fullmatch(source_id)
        key = f"{kind}/{self.context.new_id(kind, source_id)}" if named else ""
        return [kind if TYPE_NAME.fullmatch(kind) else "unknown", error.code, key]

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
