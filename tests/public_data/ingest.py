"""Records of public data through the real sync: a source over HTTP, an authorization, jobs run to their end."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.models import Application
from apps.applications.services import create_application
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization, SourceToken
from apps.records.selectors import find_view
from apps.syncs.models import SyncJob
from apps.syncs.services import request_sync, run_next_sync_job
from apps.syncs.states import SyncCause
from apps.workspaces.models import User
from apps.workspaces.services import create_workspace
from tests import factories

from .expected import FHIR_ID, Expected, Key, Leaves, Names, expected_of, key_of, leaves
from .folder import Given, Record
from .source import TOKEN, Offer, PublicSource

# Where a resource is shown that no search by its own type can find: other Patients, and what has no type.
ELSEWHERE = "Basic"


def make_application() -> Application:
    owner = User.objects.create_user("owner@public-data.example")
    workspace = create_workspace(name="Public data", slug="public-data", owner=owner, by=SYSTEM)
    return create_application(workspace=workspace, name="Care", slug="care", by=SYSTEM)


@dataclass(frozen=True)
class Synced:
    """A finished job, the lines that are current after it, and every row with the transaction that wrote it."""

    job: SyncJob
    lines: dict[Key, bytes]
    rows: list[tuple[object, ...]]


@dataclass
class Linked:
    """An offer of the source with an authorization at it."""

    offer: Offer
    names: Names
    authorization: PatientAuthorization

    def sync(self) -> Synced:
        job = request_sync(authorization=self.authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
        while job.state not in ("COMPLETED", "FAILED"):
            # Due at once, also where a test is one transaction and its clock stands still.
            SyncJob.objects.filter(pk=job.pk).update(next_attempt_at=timezone.now() - dt.timedelta(hours=1))
            assert run_next_sync_job()
            job.refresh_from_db()
        self.authorization.refresh_from_db()
        view = find_view(self.authorization)
        lines = {} if view is None else {(kind, pk): line for kind, pk, line in view.lines()}
        return Synced(job, lines, self._rows())

    def _rows(self) -> list[tuple[object, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT r.id, r.xmin::text, r.type, r.fhir_id, r.first_seq, r.last_seq, r.line"
                " FROM records_storedresource r JOIN records_partition p ON p.id = r.partition_id"
                " WHERE p.authorization_id = %s ORDER BY r.id",
                [self.authorization.pk],
            )
            return list(cursor.fetchall())


def link(source: PublicSource, application: Application, offer: Offer, *, name: str) -> Linked:
    """Authorize as the consent pages would, with the ids of ruling A14."""
    slug = uuid.uuid5(uuid.NAMESPACE_URL, name).hex
    source.offers[slug] = offer
    endpoint = factories.make_endpoint(Mode.TEST)
    endpoint.fhir_base = source.base(slug)
    endpoint.save()
    made = factories.make_authorization(application, Mode.TEST, endpoint, user=slug)
    made.current_seq, made.source_patient_id = 0, offer.patient_id
    made.destination_patient_id = uuid.uuid5(
        uuid.UUID(str(settings.ID_NAMESPACE)), f"{application.pk}/test/{endpoint.pk}/{offer.patient_id}"
    )
    made.save()
    SourceToken.objects.create(
        authorization=made,
        access_token=TOKEN,
        refresh_token="",
        token_url=f"{source.url}/token",
        expires_at=timezone.now() + dt.timedelta(hours=1),
    )
    names = Names(made.destination_patient_id, offer.patient_id, str(endpoint.pk), endpoint.fhir_base)
    return Linked(offer, names, made)


def offer_of(given: tuple[Given, ...], *, by_id: frozenset[str] = frozenset()) -> Offer:
    """Show resources under their types, for the first Patient among them; one of our own if there is none."""
    by_type: dict[str, list[Given]] = {ELSEWHERE: []}
    found_by_id: dict[str, dict[str, Given]] = {}
    patients: dict[str, bytes] = {}
    for each in given:
        key = key_of(each.raw, each.full_url)
        kind, pk = (ELSEWHERE, "") if isinstance(key, str) else key
        if kind in by_id:
            found_by_id.setdefault(kind, {})[pk] = each
            continue
        if kind == "Patient" and FHIR_ID.fullmatch(pk):
            patients[pk] = each.raw
        by_type.setdefault(ELSEWHERE if kind == "Patient" else kind, []).append(each)
    patient_id = next(iter(patients), "nobody")
    patient = patients.get(patient_id, b'{"resourceType":"Patient","id":"nobody"}')
    return Offer(patient_id, patient, by_type, found_by_id)


@dataclass
class Ingested:
    """A record after its first sync and a refresh, beside what must have become of it."""

    record: Record
    names: Names
    first: Synced
    refreshed: Synced

    @property
    def lines(self) -> dict[Key, bytes]:
        return self.first.lines

    @cached_property
    def expected(self) -> Expected:
        return expected_of(self.record)

    @cached_property
    def pairs(self) -> dict[Key, tuple[Leaves, Leaves]]:
        """Source and stored leaves of each resource that is both expected and here, by its key at the source."""
        return {
            key: (leaves(given.raw), leaves(self.lines[self.names.key(key)]))
            for key, given in self.expected.latest.items()
            if self.names.key(key) in self.lines
        }


def ingest(source: PublicSource, application: Application, record: Record) -> Ingested:
    linked = link(source, application, offer_of(record.given), name=record.name)
    return Ingested(record, linked.names, linked.sync(), linked.sync())
