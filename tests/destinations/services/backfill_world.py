"""Patients, syncs and one destination that goes on and off; and beside them the model of which versions are kept."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.models import Backfill, Delivery, Destination
from apps.records.models import StoredResource
from apps.records.services import prune_versions
from apps.syncs.services import revoke_and_expunge
from tests import factories
from tests.records.partitions import Filled, Resource

from .bucket import ScriptedBucket

USERS = 3
AHEAD = 3
AGE = dt.timedelta(days=100)  # longer than superseded versions are kept


# -- the independent model: which versions of which resources there were, and are ------------------------------------
@dataclass
class Version:
    content: str
    first: int
    last: int | None = None
    is_gone: bool = False


@dataclass
class Patient:
    """What the source showed at each sync, kept as intervals; `jobs` are the ids of its syncs, in order."""

    jobs: list[uuid.UUID] = field(default_factory=list)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    first_owed: int = 0  # syncs before this ended when the destination was not there
    is_revoked: bool = False

    def sync(self, shown: dict[str, str]) -> None:
        seq = len(self.jobs)
        for name in {*self.versions, *shown}:
            known = self.versions.setdefault(name, [])
            current = known[-1] if known and known[-1].last is None else None
            if current is not None and current.content == shown.get(name):
                continue
            if current is not None:
                current.last = seq - 1
            if name in shown:
                known.append(Version(shown[name], seq))

    def visible(self, seq: int) -> list[Version]:
        every = (each for versions in self.versions.values() for each in versions)
        return [each for each in every if each.first <= seq and (each.last is None or each.last >= seq)]

    def is_kept(self, seq: int) -> bool:
        return not any(each.is_gone for each in self.visible(seq))

    def grow_old(self) -> None:
        for versions in self.versions.values():
            for each in versions:
                each.is_gone = each.is_gone or each.last is not None


class World:
    """Patients with records, and one destination that is a draft at first."""

    def __init__(self, *, users: int = USERS) -> None:
        first = Filled.make()
        application = first.partition.authorization.application
        self.partitions = [first]
        for number in range(1, users):
            endpoint = factories.make_endpoint(Mode.TEST)
            other = factories.make_authorization(application, Mode.TEST, endpoint, user=f"user-{number + 1}")
            self.partitions.append(Filled.of(other))
        PatientAuthorization.objects.update(current_seq=0, current_sync_job_id=None)
        self.patients = [Patient() for _ in self.partitions]
        fields = {"name": "Lake", "bucket": "lake", "region": "us-east-1"}
        self.destination = services.draft_destination(application=application, mode=Mode.TEST, fields=fields, by=SYSTEM)
        self.bucket = ScriptedBucket()

    def finish_set_up(self) -> None:
        services.rotate_external_id(destination=self.destination, by=SYSTEM)
        services.update_destination(destination=self.destination, fields={"role_arn": factories.ROLE_ARN}, by=SYSTEM)
        for patient in self.patients:
            patient.first_owed = len(patient.jobs) + 1

    @transaction.atomic
    def sync(self, number: int, shown: dict[str, str]) -> None:
        """Close a sync as it is closed: records, what is current, a row for each destination."""
        patient, filled = self.patients[number], self.partitions[number]
        if patient.is_revoked:
            return
        patient.jobs.append(uuid.uuid4())
        patient.sync(shown)
        filled.stage([Resource(name, "me", content=content) for name, content in shown.items()])
        counts = filled.close("Patient", "Observation").counts
        now = timezone.now()
        StoredResource.objects.filter(ended_at=factories.NOW).update(ended_at=now)
        PatientAuthorization.objects.filter(pk=filled.partition.authorization_id).update(
            current_seq=len(patient.jobs), current_sync_job_id=patient.jobs[-1]
        )
        authorization = PatientAuthorization.objects.get(pk=filled.partition.authorization_id)
        services.schedule_deliveries(
            authorization=authorization, sync_job_id=patient.jobs[-1], seq=len(patient.jobs),
            resource_counts=counts, now=now,
        )  # fmt: skip

    def switch_on(self) -> None:
        self.destination.refresh_from_db()
        if self.destination.state == "UNTESTED":
            with mock.patch("apps.destinations.services.testing.connector_for", self.bucket):
                services.test_connection(destination=self.destination, by=SYSTEM, now=timezone.now())
        if self.destination.state != "ENABLED":
            services.enable_destination(destination=self.destination, by=SYSTEM, now=timezone.now())
        self.destination.refresh_from_db()

    def switch_off(self) -> None:
        self.destination.refresh_from_db()
        if self.destination.state == "ENABLED":
            services.disable_destination(destination=self.destination, by=SYSTEM)

    def revoke(self, number: int) -> None:
        if not self.patients[number].is_revoked:
            self.patients[number].is_revoked = True
            authorization = PatientAuthorization.objects.get(pk=self.partitions[number].partition.authorization_id)
            revoke_and_expunge(authorization=authorization, by=SYSTEM, now=timezone.now())

    def grow_old(self) -> None:
        """A hundred days pass, and superseded versions go."""
        Delivery.objects.update(created_at=F("created_at") - AGE)
        StoredResource.objects.filter(ended_at__isnull=False).update(ended_at=F("ended_at") - AGE)
        prune_versions(before=timezone.now() - dt.timedelta(days=settings.VERSION_RETENTION_DAYS))
        for patient in self.patients:
            patient.grow_old()

    def ask(self) -> Backfill:
        return services.backfill_destination(destination=self.destination, by=SYSTEM, now=timezone.now())

    def die_in_a_step(self) -> None:
        """A worker is lost right before its commit."""
        with transaction.atomic():
            services.run_next_backfill_step()
            transaction.set_rollback(True)

    def deliver(self, most: int) -> int:
        """Deliver what is due; the clock of a transaction stands still, so it is due since two hours."""
        Delivery.objects.update(next_attempt_at=F("next_attempt_at") - dt.timedelta(hours=2))
        return sum(services.deliver_next() for _ in range(most))

    def destination_is_on(self) -> bool:
        return Destination.objects.filter(pk=self.destination.pk, state="ENABLED").exists()

    def ahead(self) -> int:
        return Delivery.objects.filter(kind="backfill", state__in=["PENDING", "RETRYING"]).count()


@contextmanager
def rolled_back() -> Iterator[None]:
    """Live in one transaction that never happened."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def in_the_bucket_of(world: World) -> Iterator[None]:
    with (
        mock.patch("apps.destinations.services.delivering.connector_for", world.bucket),
        mock.patch("apps.destinations.services.beats.close_old_connections"),  # the transaction would end
    ):
        yield
