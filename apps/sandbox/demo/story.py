"""The story: a team, a bucket, a destination, three patients, their records in the bucket."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.directory.services import register_sandbox_endpoints

from . import customer, team
from .developer import WAIT_SECONDS, Developer, StoryFailed
from .readback import read_back

MEMBERS = [
    ("patient1@flexpa.com", "user-001", "ONE_TIME"),
    ("patient2@flexpa.com", "user-002", "MULTIPLE"),
    ("HUser00001", "user-002", "MULTIPLE"),
]
ROLE_NAME = "record-relay-writer"
Say = Callable[[str], None]


class Story:
    """Tells the demo from wherever the last run left off; `fields` becomes demo.json."""

    def __init__(self, var: Path, say: Say, check: Callable[[], None]) -> None:
        self.path = var / "demo.json"
        self.say = say
        self.check = check
        self.fields: dict[str, Any] = json.loads(self.path.read_text()) if self.path.exists() else {}

    def make_team(self) -> None:
        """Before the web starts: endpoints, people, keys."""
        register_sandbox_endpoints(
            payer_url=settings.SANDBOX_PAYER_URL, client_id=settings.SOURCE_CLIENT_ID, as_live=True
        )
        if not self.fields or team.find_application() is None:
            self.fields = dict(team.make_or_roll().fields)
            self.say("made the team, its application and its keys")

    def tell(self) -> None:
        """Everything that goes over HTTP. Raises: StoryFailed."""
        self.developer = Developer(settings.PUBLIC_URL, self.fields)
        destination = self._destination()
        if not self.fields.get("delivered"):
            self._link_members()
        delivered = self._wait_for_deliveries(str(destination["id"]))
        self.fields |= {
            "portal_url": settings.PUBLIC_URL,
            "aws_endpoint_url": os.environ["AWS_ENDPOINT_URL"],
            **customer.customer_credentials(),
            "bucket": customer.bucket_name(),
            "role_arn": destination["role_arn"],
            "destination_id": str(destination["id"]),
            "delivered": delivered,
        }
        self._write()

    def _destination(self) -> dict[str, Any]:
        """Find or make the destination; a lost demo.json means a new external ID (rulings B28)."""
        found = [each for each in self.developer.list_all("destinations") if each["name"] == "Demo lake"]
        if found and self.fields.get("external_id"):
            return found[0]
        if found:
            destination = found[0]
            external_id = self.developer.manage("POST", f"destinations/{destination['id']}/rotate-external-id")[
                "external_id"
            ]
        else:
            account = customer.customer_account()
            destination = self.developer.manage(
                "POST",
                "destinations",
                name="Demo lake",
                kind="s3",
                bucket=customer.bucket_name(),
                region=os.environ["AWS_REGION"],
                role_arn=f"arn:aws:iam::{account}:role/{ROLE_NAME}",
            )
            external_id = destination["external_id"]
        self.fields["external_id"] = external_id
        shown = self.developer.manage("GET", f"destinations/{destination['id']}/policies")
        trust = shown["trust_policy"].replace("<your external ID>", external_id)
        customer.make_bucket_and_role(ROLE_NAME, trust, shown["role_policy"])
        self._test_and_enable(str(destination["id"]))
        return destination

    def _test_and_enable(self, destination_id: str) -> None:
        test = self.developer.manage("POST", f"destinations/{destination_id}/test")
        for step in test["steps"]:
            self.say(f"  test: {step['name']}: {step['result']}")
        if not test["passed"]:
            raise StoryFailed(next(step["message"] for step in test["steps"] if step["result"] == "fail"))
        self.developer.manage("POST", f"destinations/{destination_id}/enable")
        self.say("tested the connection and enabled the destination")

    def _link_members(self) -> None:
        tokens = []
        for member, external_id, usage in MEMBERS:
            self.check()
            tokens.append(self.developer.link(member, external_id, usage))
            self.say(f"linked {member} as {external_id} ({usage})")
        for token in tokens:
            told = self.developer.wait_for_sync(token, self.check)
            resources = sum(told["sync"]["resourceTypes"].values())
            self.say(f"synced {told['user']['externalId']}: {resources} resources")

    def _wait_for_deliveries(self, destination_id: str) -> list[dict[str, Any]]:
        ends = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < ends:
            self.check()
            deliveries = self.developer.list_all(f"deliveries?destination_id={destination_id}")
            if len(deliveries) >= len(MEMBERS) and all(each["state"] == "DELIVERED" for each in deliveries):
                return read_back(deliveries)
            if failed := [each for each in deliveries if each["state"] in ("FAILED", "CANCELLED")]:
                raise StoryFailed(f"A delivery ended as {failed[0]['state']}.")
            time.sleep(0.25)
        raise StoryFailed("The deliveries did not end in time.")

    def _write(self) -> None:
        """Write demo.json whole or not at all; it holds keys (0600)."""
        draft = self.path.with_suffix(".draft")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(self.fields, file, indent=2)
        draft.replace(self.path)
