"""Where the cases happen, and what a customer of each can see afterwards."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery, DeliveryAttempt, Destination
from apps.syncs.models import SyncJob
from tests.chaos.workers import Workers, wait_until
from tests.flows import world

LOGIN = "patient1@flexpa.com"  # 30 resources
NUMBERS = count(1)  # no name twice: one local AWS serves every file


@dataclass
class Case:
    """One team with a bucket of its own."""

    team: world.Team
    destination: Destination
    payer_url: str
    cloud_url: str
    users: count[int] = field(default_factory=lambda: count(1))

    def link(self) -> PatientAuthorization:
        return world.link_member(self.team, LOGIN, payer_url=self.payer_url, external_id=f"user-{next(self.users)}")

    @property
    def deliveries(self) -> Any:
        return Delivery.objects.filter(destination=self.destination)

    @property
    def jobs(self) -> Any:
        return SyncJob.objects.filter(application=self.team.application)

    def make_due(self, many: int, **other: object) -> list[Delivery]:
        """Make more rows like the first that was delivered, due now; nobody is told of them."""
        like, now, made = self.deliveries.filter(state="DELIVERED").first(), timezone.now(), []
        for _ in range(many):
            job = uuid.uuid4()
            copied = {
                "application": like.application, "mode": like.mode, "destination": like.destination,
                "authorization": like.authorization, "seq": like.seq, "external_id": like.external_id,
                "resource_counts": like.resource_counts, "sync_job_id": job, "next_attempt_at": now,
                "give_up_at": now + dt.timedelta(days=3), "object_key": f"flexpa/{like.external_id}/{job}.ndjson",
            }  # fmt: skip
            made.append(Delivery(**(copied | other)))
        return list(Delivery.objects.bulk_create(made))

    def wait_for_delivered(self, wanted: int = 1, seconds: float = 60.0) -> None:
        wait_until(lambda: self.deliveries.filter(state="DELIVERED").count() >= wanted, seconds, f"{wanted} deliveries")

    def objects(self) -> dict[str, str]:
        """Return the SHA-256 of everything that was delivered to the bucket, as its owner reads it."""
        s3, bucket = world.aws("s3", self.cloud_url, world.CUSTOMER_ACCOUNT), self.destination.bucket
        keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="flexpa/").get("Contents", [])]
        keys = [key for key in keys if "/_connection-test/" not in key]
        return {key: hashlib.sha256(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).hexdigest() for key in keys}

    def check_each_delivered_once(self, wanted: int = 1) -> None:
        """Every row one object with the recorded bytes, one successful attempt and one event; no object more."""
        there = world.objects(self.cloud_url, self.destination.bucket)
        rows = list(self.deliveries)
        assert len(rows) == wanted
        assert {row.state for row in rows} == {"DELIVERED"}
        told = {row.object_key: (row.bytes, row.sha256) for row in rows}
        assert {key: (len(body), hashlib.sha256(body).hexdigest()) for key, body in there.items()} == told
        assert DeliveryAttempt.objects.filter(delivery__in=rows, succeeded=True).count() == wanted
        events = AuditEvent.objects.filter(action="delivery.delivered", target_id__in=[str(row.pk) for row in rows])
        assert events.count() == wanted
        assert self.jobs.exclude(state="COMPLETED").count() == 0


@dataclass
class Place:
    """The payer, the local AWS, and a folder for the machines."""

    payer_url: str
    cloud_url: str
    folder: Path

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """Return what a process of the product needs to work on this test's database."""
        database = connection.settings_dict
        url = f"postgres://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?host={database['HOST']}"
        return {
            "DATABASE_URL": url,
            "SANDBOX_PAYER_URL": self.payer_url,
            "SECRET_KEY": settings.SECRET_KEY,
            "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
            "DEBUG": "1",
            "EMAIL_URL": "dummymail://",
            **more,
        }

    def make_case(self, **how: Any) -> Case:
        name = f"case-{os.getpid()}-{next(NUMBERS)}"
        team = world.make_team(name)
        destination = world.make_destination(team, self.cloud_url, bucket=name, **how)
        return Case(team, destination, self.payer_url, self.cloud_url)

    def machine(self, **env: str) -> Workers:
        return Workers(self.folder / f"machine-{next(NUMBERS)}", self.environment(env))

    def plan_at_aws(self, **how: object) -> None:
        """Let the local AWS misbehave at the next matching requests."""
        plan = {"service": "s3", "method": "PUT", "path": ".ndjson", **how}
        httpx.post(f"{self.cloud_url}/_fake/faults", json=plan, trust_env=False).raise_for_status()

    def forget_plans(self) -> None:
        httpx.delete(f"{self.cloud_url}/_fake/faults", trust_env=False).raise_for_status()


def senders(spool: Path, delivery: str = "") -> list[int]:
    """Return the processes that have a spooled delivery open: those in the middle of a write."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            opened = [os.readlink(each) for each in (entry / "fd").iterdir()]
            if any(name.startswith(f"{spool}/{delivery}") and name.endswith(".ndjson") for name in opened):
                found.append(int(entry.name))
    return found
