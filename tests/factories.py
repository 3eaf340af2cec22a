"""Objects for tests: a workspace with its people, and one object of each kind in both modes."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass

from allauth.account.internal.flows.login import record_authentication
from allauth.account.models import EmailAddress
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import AllowedOrigin, ApiKey, Application, LiveAccessRequest, RedirectUri
from apps.applications.services import (
    add_allowed_origin,
    add_redirect_uri,
    create_application,
    decide_live_access,
    issue_api_key,
    request_live_access,
)
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.authorizations.models import (
    AuthorizationEvent,
    Consent,
    ConsentText,
    EndUser,
    PatientAuthorization,
)
from apps.destinations.models import BulkAction, Delivery, DeliveryAttempt, Destination
from apps.destinations.services import create_destination
from apps.directory.models import Endpoint
from apps.mails.models import Mail
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role, User, Workspace
from apps.workspaces.services import add_member, create_workspace, invite_member

NOW = dt.datetime(2026, 11, 20, 22, 37, 7, tzinfo=dt.UTC)
PASSWORD = "correct horse battery staple"
ROLE_ARN = "arn:aws:iam::222222222222:role/relay-writer"


@dataclass(frozen=True)
class Furniture:
    """One object of each kind in one mode of an application."""

    mode: Mode
    key: ApiKey
    key_value: str
    destination: Destination
    external_id: str
    endpoint: Endpoint
    authorization: PatientAuthorization
    sync_job: SyncJob
    delivery: Delivery
    redirect_uri: RedirectUri
    allowed_origin: AllowedOrigin
    bulk_action: BulkAction
    event: AuditEvent


@dataclass(frozen=True)
class World:
    """A workspace: `people` by role, an application with live access, its furniture in both modes."""

    workspace: Workspace
    application: Application
    people: dict[Role, User]
    test: Furniture
    live: Furniture
    open_request: LiveAccessRequest

    def base(self, mode: str) -> str:
        return f"/w/{self.workspace.slug}/a/{self.application.slug}/{mode}/"

    def furniture(self, mode: str) -> Furniture:
        return self.test if mode == "test" else self.live


def make_user(email: str, *, staff: bool = False) -> User:
    user = User.objects.create_user(email, PASSWORD, is_staff=staff)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def client_of(user: User | None, *, fresh: bool = True) -> Client:
    """Sign `user` in; `fresh` as if the password had just been given."""
    client = Client(raise_request_exception=False)
    if user is None:
        return client
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    if fresh:
        request = HttpRequest()
        request.session, request.user = client.session, user
        record_authentication(request, user, method="password")
        request.session.save()
    return client


def make_world(slug: str) -> World:
    people = {role: make_user(f"{role.value}@{slug}.example") for role in Role}
    workspace = create_workspace(name=f"{slug.title()} Health", slug=slug, owner=people[Role.OWNER], by=SYSTEM)
    for role in (Role.ADMIN, Role.DEVELOPER, Role.VIEWER):
        add_member(workspace=workspace, user=people[role], role=role, by=SYSTEM)
    invite_member(workspace=workspace, email=f"invited@{slug}.example", role=Role.VIEWER, by=SYSTEM, now=timezone.now())
    application = create_application(workspace=workspace, name="Care app", slug="care", by=SYSTEM)
    granted = request_live_access(application=application, purpose="Care.", by=SYSTEM)
    decide_live_access(request=granted, granted=True, notes="Reviewed.", by=SYSTEM, now=NOW)
    application.refresh_from_db()
    world = World(
        workspace=workspace,
        application=application,
        people=people,
        test=make_furniture(application, Mode.TEST),
        live=make_furniture(application, Mode.LIVE),
        open_request=request_live_access(application=application, purpose="More.", by=SYSTEM),
    )
    Mail.objects.all().delete()  # what making a world tells is nobody's test
    return world


def make_furniture(application: Application, mode: Mode) -> Furniture:
    issued = issue_api_key(application=application, mode=mode, kind=KeyKind.SECRET, by=SYSTEM)
    made = create_destination(
        application=application,
        mode=mode,
        fields={
            "name": "Analytics lake",
            "bucket": f"{application.workspace.slug}-lake-{mode}",
            "region": "us-east-1",
            "role_arn": ROLE_ARN,
        },
        by=SYSTEM,
    )
    endpoint = make_endpoint(mode)
    authorization = make_authorization(application, mode, endpoint, user="member-00203")
    job = make_sync_job(authorization)
    delivery = make_delivery(made.destination, job, state="FAILED")
    return Furniture(
        mode=mode,
        key=issued.api_key,
        key_value=issued.value,
        destination=made.destination,
        external_id=made.external_id,
        endpoint=endpoint,
        authorization=authorization,
        sync_job=job,
        delivery=delivery,
        bulk_action=BulkAction.objects.create(
            application=application,
            mode=mode,
            verb="replay",
            state="COMPLETED",
            filter={"state": ["FAILED"]},
            delivery_count=0,
            asked_by={"kind": "system", "label": "system"},
            ended_at=NOW,
        ),
        redirect_uri=add_redirect_uri(
            application=application, mode=mode, uri="https://care.example/callback", by=SYSTEM
        ),
        allowed_origin=add_allowed_origin(application=application, mode=mode, origin="https://care.example", by=SYSTEM)[
            0
        ],
        event=AuditEvent.objects.filter(application_id=str(application.pk), mode=mode).latest("pk"),
    )


def make_endpoint(mode: Mode) -> Endpoint:
    name = f"payer-{uuid.uuid4().hex[:8]}"
    return Endpoint.objects.create(
        mode=mode,
        name=name,
        label=["Sandbox payer"],
        fhir_base="https://payer.example/fhir",
        client_id="relay",
    )


def make_authorization(application: Application, mode: Mode, endpoint: Endpoint, *, user: str) -> PatientAuthorization:
    end_user, _ = EndUser.objects.get_or_create(application=application, mode=mode, external_id=user)
    text, _ = ConsentText.objects.get_or_create(version="1", locale="en", defaults={"body": "You agree."})
    consent = Consent.objects.create(
        application=application,
        mode=mode,
        end_user=end_user,
        flow=Consent.Flow.OAUTH,
        usage="MULTIPLE",
        expires_at=NOW + dt.timedelta(minutes=30),
        agreed_at=NOW,
        text=text,
        terms_version=text.version,
        shared_kinds=["claims", "medications"],
    )
    made = PatientAuthorization.objects.create(
        consent=consent,
        application=application,
        mode=mode,
        endpoint=endpoint,
        state="AUTHORIZED",
        usage="MULTIPLE",
        source_patient_id="p-1",
        destination_patient_id=uuid.uuid4(),
        current_seq=1,
        authorized_at=NOW,
        last_synced_at=NOW,
    )
    for state, cause in (("CREATED", "source chosen"), ("AUTHORIZING", ""), ("AUTHORIZED", "signed in")):
        AuthorizationEvent.objects.create(authorization=made, state=state, at=NOW, cause=cause)
    return made


def make_sync_job(authorization: PatientAuthorization) -> SyncJob:
    return SyncJob.objects.create(
        authorization=authorization,
        application=authorization.application,
        mode=authorization.mode,
        state="COMPLETED",
        cause="first",
        seq=authorization.sync_jobs.count() + 1,
        next_attempt_at=NOW,
        attempts=1,
        requests_made=25,
        resource_counts={"Patient": 1, "Observation": 212, "ExplanationOfBenefit": 40},
        gaps=[{"type": "CareTeam", "reason": "forbidden", "code": "403", "message": "Not allowed.", "page": 1}],
        started_at=NOW,
        ended_at=NOW + dt.timedelta(seconds=4),
    )


def make_delivery(destination: Destination, job: SyncJob, *, state: str) -> Delivery:
    delivered = state == "DELIVERED"
    user = job.authorization.consent.end_user.external_id
    delivery = Delivery.objects.create(
        application=destination.application,
        mode=destination.mode,
        destination=destination,
        authorization=job.authorization,
        sync_job_id=job.pk,
        seq=job.seq,
        state=state,
        external_id=user,
        object_key=f"flexpa/{user}/{job.authorization.consent_id}/{job.authorization_id}/{job.pk}.ndjson",
        next_attempt_at=NOW,
        give_up_at=NOW + dt.timedelta(days=3),
        attempts=1,
        resources=253 if delivered else None,
        bytes=2_300_000 if delivered else None,
        sha256="ab" * 32 if delivered else "",
        delivered_at=NOW if delivered else None,
        resource_counts={"Patient": 1, "Observation": 212} if delivered else {},
        error_code="" if delivered else "AccessDenied",
        error_message="" if delivered else "The role may not write below the prefix.",
        held_at=NOW if state == "HELD" else None,
    )
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=1,
        started_at=NOW,
        milliseconds=565,
        succeeded=delivered,
        code="" if delivered else "AccessDenied",
        stage="" if delivered else "put_object",
        owner="" if delivered else "customer",
        message="" if delivered else "The role may not write below the prefix.",
        request_id="REQ123",
        config_version=1,
    )
    return delivery
