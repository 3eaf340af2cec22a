"""Who asks for a sync while another one is closing waits for it; neither waits for the other crosswise."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.authorizations.models import PatientAuthorization
from apps.authorizations.services.states import lock_authorization
from apps.outbox.claims import take
from apps.syncs.models import SyncJob
from apps.syncs.services.completing import complete_sync, fail_sync
from apps.syncs.services.crawling import CrawlResult
from apps.syncs.services.keeping import PageKeeper

from .conftest import make_authorization, request
from .source import ScriptedSource

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
Ending = Callable[[SyncJob, uuid.UUID], None]


def complete(job: SyncJob, token: uuid.UUID) -> None:
    crawl = CrawlResult(
        partition_id=PageKeeper(job, token).partition_id, complete_types=[], gaps=[], rejected=[], requests_made=0
    )
    complete_sync(job=job, token=token, crawl=crawl, now=timezone.now())


def fail(job: SyncJob, token: uuid.UUID) -> None:
    fail_sync(job=job, token=token, code="refused", message="Refused.", now=timezone.now())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ending", [complete, fail])
def test_the_authorization_is_locked_before_its_job(source: ScriptedSource, ending: Ending) -> None:
    authorization: PatientAuthorization = make_authorization(source)
    job = request(authorization)
    token = take(job, from_states=("WAITING",), to_state="ACTIVE")
    assert token is not None
    PageKeeper(SyncJob.objects.get(pk=job.pk), token)

    def end() -> None:
        try:
            ending(SyncJob.objects.select_related("authorization").get(pk=job.pk), token)
        finally:
            connection.close()

    closing = threading.Thread(target=end)
    with transaction.atomic():
        lock_authorization(authorization)  # as request_sync does
        closing.start()
        wait_until_it_waits()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
        SyncJob.objects.filter(pk=job.pk).update(run_again=True)  # its job is free
    closing.join()
    job.refresh_from_db()
    assert job.state in ("COMPLETED", "FAILED")


def wait_until_it_waits() -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            ((count,),) = cursor.fetchall()
        if count:
            return
        time.sleep(0.01)
    raise AssertionError("it did not wait for the authorization")
