"""Which job is next: a slow or closed source never holds more workers than it may, and holds up nobody else."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.models import Application
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.directory.models import Endpoint
from apps.directory.services import close_endpoint, spend_request
from apps.outbox.claims import LostLease
from apps.syncs.models import SyncJob
from apps.syncs.services.claiming import beat, claim_job
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace
from tests import factories

from .conftest import request

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def applications() -> list[Application]:
    owner = User.objects.create_user("owner@claims.example")
    workspace = create_workspace(name="Claims", slug="claims", owner=owner, by=SYSTEM)
    return [
        create_application(workspace=workspace, name=f"Care {number}", slug=f"care-{number}", by=SYSTEM)
        for number in range(4)
    ]


def endpoint(concurrent_syncs: int = 8, requests_per_minute: int | None = None) -> Endpoint:
    made = factories.make_endpoint(Mode.TEST)
    made.concurrent_syncs, made.requests_per_minute = concurrent_syncs, requests_per_minute
    made.save()
    return made


def due(applications: list[Application], at: Endpoint, count: int) -> list[SyncJob]:
    """Make due jobs at an endpoint, of each application in turn."""
    jobs = []
    for number in range(count):
        application = applications[number % len(applications)]
        jobs.append(request(factories.make_authorization(application, Mode.TEST, at, user=uuid.uuid4().hex)))
    return jobs


def claim(_: int = 0) -> uuid.UUID | None:
    try:
        claimed = claim_job()
        return claimed[0].authorization.endpoint_id if claimed else None
    finally:
        connection.close()


def test_slow_endpoint_takes_as_many_workers_as_it_may_however_many_claim_at_once(
    applications: list[Application],
) -> None:
    slow, other = endpoint(concurrent_syncs=2), endpoint()
    due(applications, slow, 12)
    due(applications, other, 2)
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(claim, range(8)))
    assert claimed.count(slow.pk) == 2
    assert claimed.count(other.pk) == 2
    assert claimed.count(None) == 4


def test_endpoint_takes_the_next_job_when_one_of_its_jobs_has_ended(applications: list[Application]) -> None:
    slow = endpoint(concurrent_syncs=1)
    due(applications, slow, 2)
    assert claim() == slow.pk
    assert claim() is None
    SyncJob.objects.filter(state="ACTIVE").update(state="WAITING", lease_token=None, lease_until=None)
    assert claim() == slow.pk


def test_busy_application_waits_at_its_limit_however_many_claim_at_once(applications: list[Application]) -> None:
    due(applications[:1], endpoint(), 8)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(claim, range(8))).count(None) == 4


def test_closed_endpoint_is_passed_over(applications: list[Application]) -> None:
    closed, other = endpoint(), endpoint()
    due(applications, closed, 2)
    due(applications, other, 1)
    close_endpoint(closed.pk, seconds=60)
    assert [claim(), claim()] == [other.pk, None]


def test_endpoint_whose_budget_is_spent_is_passed_over_until_a_step_is_worth_while(
    applications: list[Application],
) -> None:
    limited = endpoint(requests_per_minute=60)
    due(applications, limited, 1)
    while not spend_request(limited.pk, per_minute=60):
        pass
    assert claim() is None
    limited.budget.__class__.objects.update(ready_at=timezone.now())
    assert claim() == limited.pk


def test_running_job_hears_with_its_beat_that_the_endpoint_has_closed(applications: list[Application]) -> None:
    source = endpoint()
    due(applications, source, 1)
    claimed = claim_job()
    assert claimed is not None
    job, token = claimed
    assert beat(job, token, source.pk) == 0
    close_endpoint(source.pk, seconds=60)
    assert 59 < beat(job, token, source.pk) <= 60
    with pytest.raises(LostLease):
        beat(job, uuid.uuid4(), source.pk)
