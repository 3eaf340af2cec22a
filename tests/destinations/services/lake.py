"""A customer's bucket full of deliveries, written by the connector that delivers, and what can go wrong in it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.connectors.base import Batch
from apps.destinations.manifests import Role, part_key
from apps.destinations.models import Delivery, Destination, Reconciliation
from apps.destinations.object_keys import object_key
from apps.destinations.policies import reading_role_policy
from apps.destinations.selectors import connector_for
from apps.destinations.services.reconciling import run_next_reconciliation
from tests.factories import World, make_authorization
from tests.flows import world as flows

Found = set[tuple[str, str]]


@dataclass
class Lake:
    """`bodies` are the delivered objects of rows that stand for them, by key."""

    cloud_url: str
    folder: Path
    team: World
    destination: Destination
    external_id: str
    bodies: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def make(cls, team: World, cloud_url: str, folder: Path, *, readable: bool = True, **fields: str) -> Lake:
        name = f"lake-{uuid.uuid4().hex[:12]}"
        role = f"arn:aws:iam::{flows.CUSTOMER_ACCOUNT}:role/{name}"
        given = {"name": name, "bucket": name, "region": "us-east-1", "role_arn": role} | fields
        made = services.create_destination(application=team.application, mode=team.test.mode, fields=given, by=SYSTEM)
        flows.make_customer_side(cloud_url, made.destination, made.external_id)
        lake = cls(cloud_url, folder, team, made.destination, made.external_id)
        assert services.test_connection(destination=made.destination, by=SYSTEM, now=timezone.now()).passed
        services.enable_destination(destination=made.destination, by=SYSTEM, now=timezone.now())
        lake.destination.refresh_from_db()
        if readable:
            lake.permit(reading_role_policy(name, lake.destination.prefix, lake.destination.kms_key_arn or None))
        return lake

    # -- the customer's side ----------------------------------------------------------------------------
    @property
    def s3(self) -> Any:
        return flows.aws("s3", self.cloud_url, flows.CUSTOMER_ACCOUNT)

    @property
    def iam(self) -> Any:
        return flows.aws("iam", self.cloud_url, flows.CUSTOMER_ACCOUNT)

    @property
    def role(self) -> str:
        return self.destination.role_arn.rpartition("/")[2]

    def permit(self, policy: dict[str, object]) -> None:
        self.iam.put_role_policy(RoleName=self.role, PolicyName="write", PolicyDocument=json.dumps(policy))

    def put(self, key: str, body: bytes, **more: str) -> None:
        self.s3.put_object(Bucket=self.destination.bucket, Key=key, Body=body, **more)

    def lose(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.destination.bucket, Key=key)

    # -- our side ----------------------------------------------------------------------------------------
    def authorize(self, user: str = "member-1") -> PatientAuthorization:
        team = self.team
        return make_authorization(team.application, team.test.mode, team.test.endpoint, user=user)

    def deliver(
        self, authorization: PatientAuthorization, bodies: dict[Role, bytes], *, kind: str = "live", **changes: Any
    ) -> Delivery:
        """Write the objects of one delivery and the row that says so; `changes` make it another row afterwards."""
        now = timezone.now()
        key = object_key(
            prefix=self.destination.prefix,
            external_id=authorization.consent.end_user.external_id,
            consent_id=authorization.consent_id,
            authorization_id=authorization.pk,
            sync_job_id=uuid.uuid4(),
            timestamp=now,
        )
        parts = [
            {
                "role": role.value,
                "key": part_key(key, role),
                "bytes": len(body),
                "sha256": hashlib.sha256(body).hexdigest(),
                "lines": body.count(b"\n"),
            }
            for role, body in bodies.items()
        ]
        for part, body in zip(parts, bodies.values(), strict=True):
            self.send(str(part["key"]), body)
            self.bodies[str(part["key"])] = body
        first = parts[0]
        return Delivery.objects.create(
            application=self.team.application,
            mode=self.destination.mode,
            destination=self.destination,
            authorization=authorization,
            sync_job_id=uuid.uuid4(),
            seq=1,
            kind=kind,
            external_id=authorization.consent.end_user.external_id,
            object_key=first["key"],
            next_attempt_at=now,
            parts=parts if len(parts) > 1 else [],
            bytes=first["bytes"],
            sha256=first["sha256"],
            resources=1,
            **{"state": "DELIVERED", "delivered_at": now, **changes},
        )

    def send(self, key: str, body: bytes) -> None:
        """Write one object as a delivery does."""
        path = self.folder / uuid.uuid4().hex
        path.write_bytes(body)
        batch = Batch(
            path=path, object_key=key, content_type="application/fhir+ndjson", size_bytes=len(body),
            sha256_hex=hashlib.sha256(body).hexdigest(),
        )  # fmt: skip
        connector_for(Destination.objects.select_related("secret").get(pk=self.destination.pk)).deliver(batch)

    def reconcile(self) -> Reconciliation:
        """Ask for a comparison and let the workers make it."""
        run = services.start_reconciliation(destination=self.destination, by=SYSTEM, now=timezone.now())
        while run_next_reconciliation():
            pass
        run.refresh_from_db()
        return run


def found(run: Reconciliation) -> Found:
    assert run.state == "COMPLETED", (run.error_code, run.error_message)
    return {(each["kind"], each["key"]) for each in run.findings}


def texts() -> Iterator[bytes]:
    """Yield bodies that all differ."""
    while True:
        yield uuid.uuid4().hex.encode() * (1 + uuid.uuid4().int % 3) + b"\n"


BODIES = texts()
