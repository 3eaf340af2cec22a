"""Leases, crashes and revocation: what a lost or a late worker may still do."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.apps import apps
from django.db.models import F
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization, SourceToken
from apps.authorizations.services import source_tokens
from apps.outbox.claims import LostLease
from apps.records.models import StoredResource
from apps.records.selectors import find_view
from apps.syncs.models import CrawledPage, SyncJob
from apps.syncs.services import crawling, revoke_and_expunge, run_next_sync_job, running, sweep_sync_jobs
from apps.syncs.services.claiming import claim_job
from apps.syncs.services.keeping import PageKeeper

from .conftest import request, run, step
from .source import ScriptedSource


class Killed(BaseException):
    """The worker's end."""


def crash(job: SyncJob, monkeypatch: pytest.MonkeyPatch, *, after_pages: int = 2) -> None:
    """Claim the job, keep some pages, and be gone; its lease runs out."""
    keep, kept_before = PageKeeper.keep, job.pages.count()

    def die(self: PageKeeper, *arguments: Any, **named: Any) -> None:
        keep(self, *arguments, **named)
        if job.pages.count() == kept_before + after_pages:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(PageKeeper, "keep", die)
        with pytest.raises(Killed):
            step(job)
    SyncJob.objects.filter(pk=job.pk).update(lease_until=F("lease_until") - dt.timedelta(days=1))


def test_a_running_job_is_left_alone_by_the_sweeper(
    authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = request(authorization)
    crash(job, monkeypatch)
    SyncJob.objects.update(lease_until=timezone.now() + dt.timedelta(minutes=1))
    assert sweep_sync_jobs() == 0
    assert not run_next_sync_job()


def test_a_lost_lease_hands_the_job_back_with_its_pages(
    source: ScriptedSource, authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = request(authorization)
    crash(job, monkeypatch, after_pages=3)
    assert sweep_sync_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.crashes, job.pages.count()) == ("WAITING", 1, 3)
    assert step(job).state == "COMPLETED"
    assert (source.asked("Patient"), source.asked("Observation")) == (1, 3)


def test_a_job_that_loses_three_workers_is_failed_and_leaves_nothing_staged(
    authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(authorization)
    before = StoredResource.objects.count()
    job = request(authorization)
    for lost in (1, 2, 3):
        crash(job, monkeypatch, after_pages=1)
        assert sweep_sync_jobs() == 1
        job.refresh_from_db()
        assert job.state == ("WAITING" if lost < 3 else "FAILED")
    assert job.error_code == "worker-crashed"
    assert not CrawledPage.objects.exists()
    assert StoredResource.objects.count() == before
    view = find_view(authorization)
    assert view is not None
    assert sum(view.counts().values()) == before


def test_a_worker_that_comes_back_after_its_lease_writes_nothing(
    authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = request(authorization)
    keep = PageKeeper.keep

    def late(self: PageKeeper, *arguments: object) -> None:
        SyncJob.objects.update(lease_until=F("lease_until") - dt.timedelta(days=1))
        sweep_sync_jobs()
        keep(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PageKeeper, "keep", late)
    assert step(job).state == "WAITING"
    assert not StoredResource.objects.exists()
    assert not CrawledPage.objects.exists()


def rows_left(authorization: PatientAuthorization) -> dict[str, int]:
    found = {model.__name__: model._default_manager.count() for model in apps.get_app_config("records").get_models()}
    found["CrawledPage"] = CrawledPage.objects.count()
    found["SourceToken"] = SourceToken.objects.filter(authorization=authorization).count()
    return {name: count for name, count in found.items() if count}


def test_revoked_in_mid_crawl_the_next_page_is_not_kept_and_no_row_is_left(
    authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, keep = request(authorization), PageKeeper.keep

    def revoke_before_the_third(self: PageKeeper, *arguments: Any, **named: Any) -> None:
        if self.job.pages.count() == 2:
            revoke_and_expunge(authorization=authorization, by=SYSTEM, now=timezone.now())
            with pytest.raises(LostLease):
                keep(self, *arguments, **named)
        keep(self, *arguments, **named)

    monkeypatch.setattr(PageKeeper, "keep", revoke_before_the_third)
    job = step(job)
    assert (job.state, job.error_code) == ("FAILED", "revoked")
    assert rows_left(authorization) == {}


def test_revoked_between_claim_and_crawl_no_row_is_left(authorization: PatientAuthorization) -> None:
    job = request(authorization)
    SyncJob.objects.update(next_attempt_at=timezone.now() - dt.timedelta(hours=1))
    claimed = claim_job()
    assert claimed is not None
    revoke_and_expunge(authorization=authorization, by=SYSTEM, now=timezone.now())
    with pytest.raises(LostLease):
        running._step(*claimed)
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("FAILED", "revoked")
    assert rows_left(authorization) == {}


def test_revoked_while_the_source_refuses_the_token_is_a_lost_lease(
    source: ScriptedSource, authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, keep = request(authorization), PageKeeper.keep

    def revoke_and_end_the_token(self: PageKeeper, *arguments: object) -> None:
        keep(self, *arguments)  # type: ignore[arg-type]
        monkeypatch.undo()
        heard = source.before

        def refuse(kind: str) -> None:
            source.accepted = "none"
            heard(kind)

        source.before = refuse

    fresh = source_tokens.fresh_access_token

    def revoked_first(**arguments: object) -> str:
        if arguments.get("rejected"):
            revoke_and_expunge(authorization=authorization, by=SYSTEM, now=timezone.now())
        return fresh(**arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(PageKeeper, "keep", revoke_and_end_the_token)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(crawling, "fresh_access_token", revoked_first)
        job = step(job)
    assert (job.state, job.error_code) == ("FAILED", "revoked")
    assert rows_left(authorization) == {}
