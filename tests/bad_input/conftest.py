"""A world with one object of each kind, and somebody of each kind who may ask."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.keys import KeyKind, Mode
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.authorizations.models import Consent
from apps.authorizations.services import AuthorizationRequest, issue_tokens, open_consent
from apps.authorizations.states import Usage
from apps.consent_pages.tickets import ticket_for
from apps.destinations.models import Destination, Reconciliation
from apps.records.models import Partition, StoredResource
from apps.workspaces.models import Role, User
from tests.factories import NOW, World, client_of, make_user, make_world
from tests.portal.urlmap import failed_mail

from .routes import Face, Route

CALLBACK = "https://care.example/callback"
ABSENT = "00000000-0000-4000-8000-000000000000"


@dataclass(repr=False)
class Place:
    """Two teams; keys, tokens and tickets of the first."""

    acme: World
    zeta: World
    staff: User
    publishable: str
    secret: str
    management: str
    live_publishable: str
    live_secret: str
    live_management: str
    access_token: str
    ticket: str
    patient_id: str
    known: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    def client(self, face: Face) -> Client:
        """Return somebody who may ask there: owner, staff, or a program without cookies."""
        if face is Face.SUPPORT:
            return client_of(self.staff)
        if face in (Face.PORTAL, Face.PAGES, Face.SESSION):
            return client_of(self.acme.people[Role.OWNER])
        return Client(raise_request_exception=False)

    def headers(self, face: Face) -> dict[str, str]:
        if face is Face.API:
            return {"Authorization": f"Bearer {self.management}"}
        if face in (Face.FHIR, Face.LINK):
            return {"Authorization": f"Bearer {self.access_token}"}
        return {}

    def path(self, route: Route, values: dict[str, str] | None = None) -> str:
        """Return the address of a route, with the objects of the own team unless `values` says else."""
        mode = "live" if route.pattern.startswith("/live/") else "test"
        path = route.path({**self.ids(route, mode), **(values or {})})
        if route.face in (Face.PORTAL, Face.SESSION):
            return f"{self.acme.base(mode)}{path.removeprefix(f'/{mode}/')}"
        return path

    def ids(self, route: Route, mode: str, world: World | None = None) -> dict[str, str]:
        """Return ids of objects of `mode` for a route's parameters."""
        world = world or self.acme
        known = self._objects(mode, world)
        place = next((known[part] for part in route.pattern.split("/") if part in known), ABSENT)
        return {
            **known,
            "token": ABSENT,
            "job_id": ABSENT,
            "resource": "fhir",
            "ticket": self.ticket,
            "resource_type": "Patient",
            "fhir_id": self.patient_id,
            **dict.fromkeys(
                ("pk", "object_id", "key_id", "destination_id", "delivery_id", "authorization_id", "request_id"), place
            ),
        }

    def _objects(self, mode: str, world: World) -> dict[str, str]:
        """Return ids by the part of an address before them, and by the name of a parameter; looked up once."""
        here, asked = world.furniture(mode), (world.workspace.slug, mode)
        if asked in self.known:
            return self.known[asked]
        member = world.workspace.memberships.get(user=world.people[Role.VIEWER]).pk
        invitation = world.workspace.invitations.get().pk
        found = {
            "keys": here.key.pk, "destinations": here.destination.pk, "deliveries": here.delivery.pk,
            "authorizations": here.authorization.pk, "sync-jobs": here.sync_job.pk, "endpoints": here.endpoint.pk,
            "bulk-actions": here.bulk_action.pk, "allowed-origins": here.allowed_origin.pk,
            "invitations": invitation, "invitation_id": invitation, "members": member, "membership_id": member,
            "audit-events": here.event.pk, "audit": here.event.pk, "live-access": world.open_request.pk,
            "applications": world.application.pk, "workspaces": world.workspace.pk, "mails": failed_mail(world).pk,
            "workspace": world.workspace.slug, "uri_id": here.redirect_uri.pk, "origin_id": here.allowed_origin.pk,
            "reconciliation_id": _reconciliation_of(here.destination).pk,
        }  # fmt: skip
        self.known[asked] = {name: str(each) for name, each in found.items()}
        return self.known[asked]


def _reconciliation_of(destination: Destination) -> Reconciliation:
    ended = {"state": "COMPLETED", "next_attempt_at": NOW, "ended_at": NOW}
    return Reconciliation.objects.get_or_create(destination=destination, defaults=ended)[0]


@pytest.fixture(autouse=True)
def quick(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """No second factor for support, and an outside world in which nobody answers."""
    settings.REQUIRE_SUPPORT_2FA = False
    settings.SANDBOX_PAYER_URL = "http://127.0.0.1:9"
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_KMS"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111111111111")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.fixture
def place(place_of_module: Place, db: Any) -> Place:
    return deepcopy(place_of_module)


@pytest.fixture(scope="module")
def place_of_module(db_of_module: None) -> Place:
    acme, zeta = make_world("acme"), make_world("zeta")

    def key(kind: KeyKind, mode: Mode = Mode.TEST) -> str:
        return issue_api_key(application=acme.application, mode=mode, kind=kind, by=SYSTEM).value

    authorization = acme.test.authorization
    patient_id = str(authorization.destination_patient_id)
    partition = Partition.objects.create(authorization=authorization)
    line = f'{{"resourceType":"Patient","id":"{patient_id}"}}'.encode()
    StoredResource.objects.create(
        partition=partition, type="Patient", fhir_id=patient_id, first_seq=1, stored_at=timezone.now(), line=line,
        source_hash=hashlib.sha256(line).digest(), content_hash=hashlib.sha256(line).digest(), pipeline_version=1,
    )  # fmt: skip
    request = AuthorizationRequest(
        application=acme.application, mode="test", flow=Consent.Flow.LINK, external_id="user-1", usage=Usage.MULTIPLE
    )
    return Place(
        acme=acme,
        zeta=zeta,
        staff=make_user("staff@example.com", staff=True),
        publishable=acme.application.api_keys.get(kind=KeyKind.PUBLISHABLE, mode=Mode.TEST).public_value,
        secret=acme.test.key_value,
        management=key(KeyKind.MANAGEMENT),
        live_publishable=key(KeyKind.PUBLISHABLE, Mode.LIVE),
        live_secret=acme.live.key_value,
        live_management=key(KeyKind.MANAGEMENT, Mode.LIVE),
        access_token=issue_tokens(consent=authorization.consent, by=SYSTEM, now=timezone.now()).access_token,
        ticket=ticket_for(open_consent(request=request, by=SYSTEM, now=timezone.now())),
        patient_id=patient_id,
    )
