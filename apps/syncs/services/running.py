"""Claim a sync job, act for one step, settle (D8). A step that ends early hands it back; its pages stand."""

from __future__ import annotations

import datetime as dt
import logging
import uuid

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from apps.authorizations.models import SourceToken
from apps.authorizations.services import ReauthorizationNeeded
from apps.destinations.services import page_operator
from apps.outbound.failures import SourceError
from apps.outbox.claims import LostLease, settle
from apps.outbox.doorbell import Lane, wake
from apps.outbox.draining import is_draining
from apps.outbox.faults import FaultPoint, pass_fault_point

from ..models import SyncJob
from ..states import SyncState, owner_of
from .claiming import claim_job
from .completing import complete_sync, fail_sync
from .crawling import Crawl, MustWait, OutOfTime

logger = logging.getLogger("relay.sync")
MAX_CRASHES = 3


def run_next_sync_job() -> bool:
    """Do one step of the next due job; False when none is due. Never raises for what a source does."""
    claimed = claim_job()
    if claimed is None:
        return False
    job, token = claimed
    pass_fault_point(FaultPoint.SYNC_CLAIMED)
    try:
        _step(job, token)
    except LostLease:
        logger.warning("sync %s lost its lease", job.pk)
    return True


def _step(job: SyncJob, token: uuid.UUID) -> None:
    if not job.authorization.is_active(timezone.now()):
        fail_sync(
            job=job,
            token=token,
            code="not-active",
            message="The authorization has ended.",
            now=timezone.now(),
        )
        return
    crawl = Crawl(job, token)
    try:
        crawl.run()
    except OutOfTime as early:
        # A step that brought nothing is a failing source, not a long crawl: it must not go on for ever.
        # One that had to wait for the endpoint's budget is neither, unless something failed before that.
        waits = early.seconds if isinstance(early, MustWait) else 0.0
        stuck = crawl.is_stuck and not is_draining() and (not waits or bool(crawl.gaps))
        if not stuck or job.source_failures + 1 < settings.SYNC_ATTEMPTS:
            _hand_back(job, token, crawl, seconds=max(waits, crawl.retry_seconds() if stuck else 0.0), failed=stuck)
            return
        crawl.name_unreached("timeout", "The source did not answer in the time that a sync has.")
    except ReauthorizationNeeded as needed:
        fail_sync(job=job, token=token, code="re-authorize", message=str(needed), now=timezone.now())
        return
    except SourceError as failure:  # nothing could even be asked: capability or token
        crawl.note_failure("", failure, page=0)
    except SourceToken.DoesNotExist:  # purged meanwhile, and the job with it
        raise LostLease(str(job.pk)) from None
    _settle_step(job, token, crawl)


def _settle_step(job: SyncJob, token: uuid.UUID, crawl: Crawl) -> None:
    """Ask again later for what fails for now, fail what loaded nothing, complete the rest with its gaps."""
    stuck = crawl.is_stuck
    if crawl.transient and job.source_failures + stuck < settings.SYNC_ATTEMPTS:
        _hand_back(job, token, crawl, seconds=crawl.retry_seconds(), failed=stuck)
        return
    if "" in crawl.gaps or crawl.throttled:
        crawl.name_unreached(crawl.first_code, "The source could not be asked for this type.")
    if crawl.loaded_nothing:
        fail_sync(
            job=job,
            token=token,
            code=crawl.first_code,
            message="Nothing could be loaded from the source.",
            now=timezone.now(),
            outcome=crawl.outcome,
        )
        return
    complete_sync(job=job, token=token, crawl=crawl.result(), now=timezone.now())


def _hand_back(job: SyncJob, token: uuid.UUID, crawl: Crawl, *, seconds: float, failed: bool) -> None:
    with transaction.atomic():
        settle(
            job,
            token,
            state=SyncState.WAITING,
            next_attempt_at=timezone.now() + dt.timedelta(seconds=seconds),
            source_failures=F("source_failures") + (1 if failed else 0),
            requests_made=F("requests_made") + crawl.requests_made,
            error_code=crawl.first_code,
            error_owner=owner_of(crawl.first_code).value if crawl.first_code else "",
        )
        wake(Lane.SYNC)


def sweep_sync_jobs() -> int:
    """Take back jobs whose worker is gone; after three such losses the job fails. Returns how many."""
    lost = SyncJob.objects.filter(state=SyncState.ACTIVE, lease_until__lt=Now())
    swept = 0
    for job in lost.select_related("authorization__application")[:100]:
        token = job.lease_token
        if token is None:
            continue
        try:
            if job.crashes + 1 >= MAX_CRASHES:
                fail_sync(
                    job=job,
                    token=token,
                    code="worker-crashed",
                    now=timezone.now(),
                    message="The worker was lost three times in this sync.",
                )
                page_operator(code="worker-crashed", stage="sync", now=timezone.now())
            else:
                settle(
                    job,
                    token,
                    state=SyncState.WAITING,
                    crashes=F("crashes") + 1,
                    next_attempt_at=timezone.now(),
                )
            swept += 1
        except LostLease:
            continue
    return swept
