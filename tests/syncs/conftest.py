"""One scripted source and an authorization at it, active and never synced."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.keys import Mode
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization, SourceToken
from apps.authorizations.smart import door
from apps.syncs.models import SyncJob
from apps.syncs.services import request_sync, run_next_sync_job
from apps.syncs.states import SyncCause
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace
from tests import factories

from .source import ScriptedSource, resource


@pytest.fixture
def source(settings: Settings) -> Iterator[ScriptedSource]:
    observations = [[resource("Observation", f"o{page}{n}") for n in range(2)] for page in range(3)]
    with ScriptedSource(pages={"Observation": observations, "Condition": [[resource("Condition", "c1")]]}) as made:
        settings.SANDBOX_PAYER_URL = made.url
        settings.SYNC_ATTEMPTS = 3
        door.cache_clear()
        yield made
        door.cache_clear()


@pytest.fixture
def authorization(db: None, source: ScriptedSource) -> PatientAuthorization:
    return make_authorization(source)


def make_authorization(source: ScriptedSource) -> PatientAuthorization:
    owner = User.objects.create_user("owner@syncs.example")
    workspace = create_workspace(name="Syncs", slug="syncs", owner=owner, by=SYSTEM)
    application = create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM)
    endpoint = factories.make_endpoint(Mode.TEST)
    endpoint.fhir_base = source.base
    endpoint.save()
    made = factories.make_authorization(application, Mode.TEST, endpoint, user="user-1")
    made.current_seq, made.source_patient_id = 0, "me"
    made.save()
    SourceToken.objects.create(
        authorization=made,
        access_token="token-0",
        refresh_token="again",
        token_url=f"{source.url}/token",
        expires_at=timezone.now() + dt.timedelta(hours=1),
    )
    return made


def request(authorization: PatientAuthorization) -> SyncJob:
    return request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())


def step(job: SyncJob) -> SyncJob:
    """Make the job due (the clock of a test's one transaction stands still) and do one step of it."""
    SyncJob.objects.filter(pk=job.pk).update(next_attempt_at=timezone.now() - dt.timedelta(hours=1))
    assert run_next_sync_job()
    job.refresh_from_db()
    return job


def run(authorization: PatientAuthorization) -> SyncJob:
    """Ask for a sync and do its steps to the end."""
    job = request(authorization)
    for _ in range(10):
        if step(job).state in ("COMPLETED", "FAILED"):
            authorization.refresh_from_db()
            return job
    raise AssertionError("the sync has no end")
