"""The world of a chaos run: a database that may crash, a payer, a local AWS, machines, a team with three buckets."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Destination
from apps.directory.services import register_sandbox_endpoints
from apps.sandbox.cloud.control import LogEntry
from apps.sandbox.cloud.server import LocalCloud
from apps.sandbox.payer.server import LocalPayer
from portal.embedded_postgres import EmbeddedPostgres
from tests.flows import world

from .workers import Workers

LOGIN = "patient1@flexpa.com"  # 30 resources
DESTINATIONS, PATIENTS, MACHINES = 3, 8, 2
# Short, so that a minute holds many recoveries.
RHYTHM = {
    "LEASE_SECONDS": "5", "SWEEP_SECONDS": "2", "STALL_SECONDS": "3", "STALL_LOOKS": "3", "STOP_SECONDS": "15",
    "DEBUG": "1", "EMAIL_URL": "dummymail://",
}  # fmt: skip
Answer = TypeVar("Answer")


@dataclass
class World:
    database: EmbeddedPostgres
    payer_url: str
    cloud_url: str
    machines: list[Workers]
    team: world.Team
    log: deque[LogEntry]  # of every request to the local AWS
    destinations: list[Destination] = field(default_factory=list)
    patients: list[PatientAuthorization] = field(default_factory=list)

    def plan_at_aws(self, **how: object) -> None:
        httpx.post(f"{self.cloud_url}/_fake/faults", json=how, trust_env=False).raise_for_status()

    def forget_plans(self) -> None:
        httpx.delete(f"{self.cloud_url}/_fake/faults", trust_env=False).raise_for_status()

    def stop_machines(self) -> None:
        for machine in self.machines:
            machine.stop()

    def customer(self) -> Any:
        return world.aws("s3", self.cloud_url, world.CUSTOMER_ACCOUNT)


def whole_log(cloud: LocalCloud) -> deque[LogEntry]:
    """Let the local AWS forget nothing: how often a key was written is read from its log."""
    assert cloud._gate is not None
    cloud._gate._control.log = deque()
    return cloud._gate._control.log


@contextmanager
def running_world() -> Iterator[World]:
    """Start everything, link the patients, let their first syncs arrive; stop everything at the end."""
    with ExitStack() as stack:
        payer = stack.enter_context(LocalPayer())
        cloud = stack.enter_context(LocalCloud())
        os.environ |= {"AWS_ENDPOINT_URL": cloud.url, "AWS_REGION": "us-east-1", **world.make_our_side(cloud.url)}
        settings.SANDBOX_PAYER_URL = payer.url
        register_sandbox_endpoints(payer_url=payer.url, client_id="record-relay-sandbox")
        database = EmbeddedPostgres(Path(settings.VAR))
        env = RHYTHM | {
            "DATABASE_URL": database.database_url,
            "SANDBOX_PAYER_URL": payer.url,
            "SECRET_KEY": settings.SECRET_KEY,
            "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
        }
        machines = [Workers(Path(settings.VAR) / f"machine-{number}", env) for number in range(MACHINES)]
        made = World(database, payer.url, cloud.url, machines, world.make_team("chaos"), whole_log(cloud))
        for number in range(DESTINATIONS):
            destination = world.make_destination(made.team, cloud.url, bucket=f"lake-{number}", name=f"Lake {number}")
            made.destinations.append(destination)
        for number in range(PATIENTS):
            made.patients.append(world.link_member(made.team, LOGIN, payer_url=payer.url, external_id=f"user-{number}"))
        try:
            for machine in machines:
                machine.start()
            for machine in machines:
                machine.wait_until_up()
            yield made
        finally:
            made.stop_machines()


def patiently(ask: Callable[[], Answer], seconds: float = 60.0) -> Answer:
    """Ask the database until it answers: it may have just been stopped."""
    ends = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)
