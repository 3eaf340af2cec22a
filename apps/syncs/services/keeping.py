"""Keep a page of a source: transformed, staged, and its cursor with it, in one transaction."""

from __future__ import annotations

import uuid
from functools import cached_property

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.fhir.codec import SourcePage
from apps.outbox.claims import heartbeat
from apps.records.services import open_partition, stage_resources
from apps.records.services.staging import without_cycle_collection
from apps.transforms.pipeline import ResourceError, SourceContext, Transformed, transform

from ..models import CrawledPage, SyncJob


class PageKeeper:
    """Keeps the pages of one job; a crash resumes behind the last one kept."""

    def __init__(self, job: SyncJob, token: uuid.UUID) -> None:
        """Raises: LostLease."""
        self.job = job
        self.token = token
        with transaction.atomic():
            heartbeat(job, token)  # a purge that came first took the job away: nothing may come after it
            self.partition_id = open_partition(job.authorization).pk
        self.kept = 0

    def keep(self, resource_type: str, number: int, page: SourcePage, next_url: str) -> None:
        """Raises: LostLease, and then nothing of the page is written."""
        aliases: dict[str, str] = {}
        rejected: list[list[str]] = []
        with without_cycle_collection():
            resources = self._transformed(page, aliases, rejected)
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
                rejected=rejected,
            )
        self.kept += 1

    def _transformed(self, page: SourcePage, aliases: dict[str, str], rejected: list[list[str]]) -> list[Transformed]:
        """Transform what can be; a broken resource is noted. References by urn are settled at the end."""
        resources = []
        for entry in page.entries:
            try:
                each = transform(
                    entry.raw,
                    context=self.context,
                    full_url=entry.full_url,
                    max_bytes=settings.MAX_RESOURCE_BYTES,
                )
            except ResourceError as error:
                rejected.append([claimed_type(entry.raw), error.code])
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


def claimed_type(raw: bytes) -> str:
    """Return the resource type that broken bytes claim, for the count only."""
    _, _, rest = raw.partition(b'"resourceType"')
    name = rest.partition(b'"')[2].partition(b'"')[0]
    return name.decode() if name.isalpha() and len(name) < 64 else "unknown"
