"""Three scopes with the same furniture: care in test, care in live, and another application in test."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.account.internal.flows.login import record_authentication
from django.test import Client, RequestFactory
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey, Application
from apps.applications.services import create_application, issue_api_key
from apps.audit.events import SYSTEM
from apps.authorizations.models import AuthorizationEvent, Consent, ConsentText, EndUser, PatientAuthorization
from apps.destinations.models import Delivery, DeliveryAttempt, Destination
from apps.destinations.services import create_destination
from apps.directory.models import Endpoint
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role, User, Workspace
from apps.workspaces.services import add_member, create_workspace

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
ROLE_ARN = "arn:aws:iam::222222222222:role/relay"
Json = Any


@dataclass
class Api:
    """Speaks to the management API with one key, or with a session below a scope."""

    client: Client
    base: str
    headers: dict[str, str]

    def get(self, path: str, query: dict[str, Any] | None = None) -> Json:
        return self.client.get(f"{self.base}{path}", query or {}, headers=self.headers)

    def send(self, method: str, path: str, body: object = None, key: str | None = None) -> Json:
        headers = {**self.headers, **({"Idempotency-Key": key} if key is not None else {})}
        return self.client.generic(method, f"{self.base}{path}", *_json(body), headers=headers)

    def post(self, path: str, body: object = None, key: str | None = None) -> Json:
        return self.send("POST", path, body, key)


def _json(body: object) -> tuple[bytes, str]:
    return (b"", "application/octet-stream") if body is None else (json.dumps(body).encode(), "application/json")


@dataclass
class Scope:
    """One application in one mode: its keys and one object of each kind."""

    application: Application
    mode: Mode
    management: str
    secret: str
    publishable: str
    endpoint: Endpoint
    destination: Destination
    external_id: str
    authorization: PatientAuthorization
    sync_job: SyncJob
    delivery: Delivery

    def api(self, key: str | None = None) -> Api:
        return Api(Client(), "/api/v1/", {"Authorization": f"Bearer {key or self.management}"})

    def session(self, user: User, *, fresh: bool = True, checks_csrf: bool = False) -> Api:
        client = Client(enforce_csrf_checks=checks_csrf)
        client.force_login(user)
        if fresh:
            request = RequestFactory().get("/")
            request.session, request.user = client.session, user
            record_authentication(request, user, "password")
            request.session.save()
        application = self.application
        base = f"/w/{application.workspace.slug}/a/{application.slug}/{self.mode}/api/v1/"
        return Api(client, base, {})

    @property
    def key(self) -> ApiKey:
        return ApiKey.objects.get(application=self.application, mode=self.mode, kind=KeyKind.MANAGEMENT)


@dataclass
class World:
    workspace: Workspace
    care: Scope
    care_live: Scope
    other: Scope
    people: dict[Role, User]
    stranger: User


@pytest.fixture
def world(world_of_module: World, db: None) -> World:
    return deepcopy(world_of_module)


@pytest.fixture(scope="module")
def world_of_module(db_of_module: None) -> World:
    """Two workspaces; each scope has its own keys, endpoint, destination, authorization, job and delivery."""
    people = {role: User.objects.create_user(f"{role}@example.org") for role in Role}
    stranger = User.objects.create_user("stranger@example.org")
    acme = create_workspace(name="Acme", slug="acme", owner=people[Role.OWNER], by=SYSTEM)
    for role in (Role.ADMIN, Role.DEVELOPER, Role.VIEWER):
        add_member(workspace=acme, user=people[role], role=role, by=SYSTEM)
    beta = create_workspace(name="Beta", slug="beta", owner=stranger, by=SYSTEM)
    care = create_application(workspace=acme, name="Care", slug="care", by=SYSTEM)
    Application.objects.filter(pk=care.pk).update(live_granted_at=NOW, live_granted_by="staff")
    care.refresh_from_db()
    other = create_application(workspace=beta, name="Other", slug="other", by=SYSTEM)
    return World(
        workspace=acme,
        care=make_scope(care, Mode.TEST),
        care_live=make_scope(care, Mode.LIVE),
        other=make_scope(other, Mode.TEST),
        people=people,
        stranger=stranger,
    )


def make_scope(application: Application, mode: Mode) -> Scope:
    def value(kind: KeyKind) -> str:
        return issue_api_key(application=application, mode=mode, kind=kind, by=SYSTEM).value

    endpoint = Endpoint.objects.create(
        mode=mode,
        name=f"payer-{application.slug}-{mode}",
        label=["Payer"],
        fhir_base="https://payer.example.org/fhir",
        client_id="relay",
    )
    created = create_destination(
        application=application,
        mode=mode,
        fields={"name": "Lake", "bucket": "clinic-lake", "region": "us-east-1", "role_arn": ROLE_ARN},
        by=SYSTEM,
    )
    authorization = make_authorization(application, mode, endpoint)
    job = make_sync_job(authorization)
    return Scope(
        application=application,
        mode=mode,
        management=value(KeyKind.MANAGEMENT),
        secret=value(KeyKind.SECRET),
        publishable=value(KeyKind.PUBLISHABLE),
        endpoint=endpoint,
        destination=created.destination,
        external_id=created.external_id,
        authorization=authorization,
        sync_job=job,
        delivery=make_delivery(created.destination, authorization, job),
    )


def make_authorization(
    application: Application, mode: Mode, endpoint: Endpoint, state: str = "EXCHANGED"
) -> PatientAuthorization:
    text, _ = ConsentText.objects.get_or_create(version="1", locale="en", defaults={"body": "May we?"})
    end_user = EndUser.objects.create(application=application, mode=mode, external_id=f"patient-{uuid.uuid4().hex[:6]}")
    consent = Consent.objects.create(
        application=application,
        mode=mode,
        end_user=end_user,
        flow="oauth",
        usage="MULTIPLE",
        expires_at=NOW,
        agreed_at=NOW,
        text=text,
    )
    authorization = PatientAuthorization.objects.create(
        consent=consent,
        application=application,
        mode=mode,
        endpoint=endpoint,
        state=state,
        usage="MULTIPLE",
        source_patient_id=f"source-{uuid.uuid4().hex[:6]}",
        destination_patient_id=uuid.uuid4(),
        current_seq=1,
    )
    for step in ("CREATED", "AUTHORIZING", "AUTHORIZED"):
        AuthorizationEvent.objects.create(authorization=authorization, state=step, at=NOW)
    return authorization


def make_sync_job(authorization: PatientAuthorization, seq: int = 1) -> SyncJob:
    return SyncJob.objects.create(
        authorization=authorization,
        application=authorization.application,
        mode=authorization.mode,
        state="COMPLETED",
        cause="first",
        seq=seq,
        next_attempt_at=NOW,
        ended_at=NOW,
        resource_counts={"Patient": 1},
        gaps=[
            {
                "type": "Claim",
                "reason": "failed",
                "code": "http-500",
                "message": "The source failed.",
                "page": 2,
            }
        ],
        rejected=[{"type": "Observation", "code": "no-id", "count": 3}],
    )


def make_delivery(
    destination: Destination, authorization: PatientAuthorization, job: SyncJob, **fields: Any
) -> Delivery:
    delivered: dict[str, Any] = {
        "state": "DELIVERED",
        "delivered_at": NOW,
        "bytes": 100,
        "resources": 1,
        "sha256": "a" * 64,
        "attempts": 1,
    }
    delivery = Delivery.objects.create(
        **{
            "application": destination.application,
            "mode": destination.mode,
            "destination": destination,
            "authorization": authorization,
            "sync_job_id": job.pk,
            "seq": job.seq,
            "external_id": authorization.consent.end_user.external_id,
            "object_key": f"flexpa/{uuid.uuid4()}.ndjson",
            "resource_counts": {"Patient": 1},
            "next_attempt_at": timezone.now(),
            **delivered,
            **fields,
        }
    )
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=NOW,
        milliseconds=12,
        succeeded=True,
        config_version=1,
        worker="w1",
    )
    return delivery
