"""One unfinished job at a time, schedules, and the end of what is kept for one time."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.applications.models import Application, SyncFrequency
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.records.selectors import find_view
from apps.syncs.models import SyncJob
from apps.syncs.services import enqueue_due_syncs, purge_expired, request_sync
from apps.syncs.services.keeping import PageKeeper
from apps.syncs.services.requesting import NotActive
from apps.syncs.states import SyncCause

from .conftest import make_authorization, request, run, step
from .source import ScriptedSource

DAY = dt.timedelta(days=1)


def test_a_request_before_the_job_began_is_that_job(authorization: PatientAuthorization) -> None:
    job = request(authorization)
    assert request(authorization) == job
    assert step(job).state == "COMPLETED"
    assert SyncJob.objects.count() == 1


def test_requests_while_a_job_runs_return_it_and_it_runs_once_more(
    authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, keep = request(authorization), PageKeeper.keep

    def ask_and_keep(self: PageKeeper, *arguments: object) -> None:
        assert request(authorization) == job
        keep(self, *arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(PageKeeper, "keep", ask_and_keep)
        assert step(job).state == "COMPLETED"
    again = SyncJob.objects.exclude(pk=job.pk).get()
    assert (again.state, again.seq) == ("WAITING", 2)
    assert step(again).state == "COMPLETED"
    assert SyncJob.objects.count() == 2, "once more, not for ever"


def test_the_database_refuses_a_second_unfinished_job(authorization: PatientAuthorization) -> None:
    job = request(authorization)
    with pytest.raises(IntegrityError), transaction.atomic():
        SyncJob.objects.create(
            authorization=authorization, application=authorization.application, mode="test", cause="manual",
            seq=9, next_attempt_at=job.next_attempt_at,
        )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_two_requests_at_once_make_one_job(source: ScriptedSource, django_db_serialized_rollback: None) -> None:
    authorization = make_authorization(source)
    both, found = threading.Barrier(2), []

    def ask() -> None:
        both.wait(10)
        try:
            found.append(request(authorization).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 2
    assert set(found) == {SyncJob.objects.get().pk}


def test_nothing_is_asked_for_once_the_authorization_has_ended(authorization: PatientAuthorization) -> None:
    PatientAuthorization.objects.update(purge_at=timezone.now() - DAY)
    with pytest.raises(NotActive):
        request(authorization)


@pytest.mark.parametrize(("frequency", "days"), [("DAILY", 1), ("WEEKLY", 7), ("MONTHLY", 30)])
def test_a_completed_sync_of_multiple_use_sets_the_next_one(
    authorization: PatientAuthorization, frequency: str, days: int
) -> None:
    Application.objects.update(sync_frequency=SyncFrequency[frequency])
    job = run(authorization)
    assert job.ended_at is not None
    assert authorization.next_refresh_at == job.ended_at + days * DAY
    assert enqueue_due_syncs(now=authorization.next_refresh_at - dt.timedelta(seconds=1)) == 0
    assert enqueue_due_syncs(now=authorization.next_refresh_at) == 1
    assert SyncJob.objects.latest("created_at").cause == SyncCause.SCHEDULED
    assert enqueue_due_syncs(now=authorization.next_refresh_at + 90 * DAY) == 0, "asked for once"


def test_one_time_use_is_never_refreshed_and_purged_after_a_day(authorization: PatientAuthorization) -> None:
    ends = timezone.now() + DAY
    PatientAuthorization.objects.update(usage="ONE_TIME", purge_at=ends)
    authorization.refresh_from_db()
    run(authorization)
    assert authorization.next_refresh_at is None
    assert enqueue_due_syncs(now=ends + 400 * DAY) == 0
    assert purge_expired(now=ends - dt.timedelta(seconds=1)) == 0
    assert find_view(authorization) is not None
    assert purge_expired(now=ends) == 1
    authorization.refresh_from_db()
    assert (find_view(authorization), authorization.purged_at) == (None, ends)
    assert purge_expired(now=ends + DAY) == 0


def test_a_job_that_waits_when_its_data_is_purged_is_failed(authorization: PatientAuthorization) -> None:
    ends = timezone.now() + DAY
    PatientAuthorization.objects.update(purge_at=ends)
    job = request(authorization)
    assert purge_expired(now=ends) == 1
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("FAILED", "data_purged")
    with pytest.raises(NotActive):
        request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=ends)
