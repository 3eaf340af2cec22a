"""A customer's AWS account and a destination that writes to it: break it, paste what was offered, deliver."""

from __future__ import annotations

import json
import urllib.request
import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.destinations import services
from apps.destinations.models import ConnectionTest, Destination

from . import world

Document = dict[str, Any]
PLACEHOLDER = "<your external ID>"


@dataclass
class Customer:
    """A bucket, a role and perhaps a key, set up as the product shows it; `external_id` was kept from its showing."""

    cloud_url: str
    destination: Destination
    external_id: str
    bucket_account: str = world.CUSTOMER_ACCOUNT

    @classmethod
    def make(cls, team: world.Team, cloud_url: str, *, with_key: bool = False, **fields: str) -> Customer:
        name = f"clinic-{uuid.uuid4().hex[:10]}"
        key = ""
        if with_key:
            kms = world.aws("kms", cloud_url, world.CUSTOMER_ACCOUNT)
            key = kms.create_key()["KeyMetadata"]["Arn"]
        made = services.create_destination(
            application=team.application,
            mode=Mode.TEST,
            by=SYSTEM,
            fields={
                "name": name,
                "bucket": name,
                "region": "us-east-1",
                "role_arn": f"arn:aws:iam::{world.CUSTOMER_ACCOUNT}:role/{name}-writer",
                "kms_key_arn": key,
            }
            | fields,
        )
        world.make_customer_side(cloud_url, made.destination, made.external_id)
        return cls(cloud_url, made.destination, made.external_id)

    def aws(self, service: str, region: str = "us-east-1") -> Any:
        account = self.bucket_account if service == "s3" else world.CUSTOMER_ACCOUNT
        return world.aws(service, self.cloud_url, account, region_name=region)

    def move_bucket(self, *, region: str = "us-east-1", account: str = world.CUSTOMER_ACCOUNT) -> None:
        """Have the bucket somewhere else, empty."""
        self.aws("s3").delete_bucket(Bucket=self.bucket)
        self.bucket_account = account
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.aws("s3", region).create_bucket(Bucket=self.bucket, **place)

    def delivered(self) -> list[str]:
        """List the keys of delivered objects, as the bucket's owner sees them; none if the bucket is gone."""
        s3 = self.aws("s3", self.destination.region)
        try:
            found = s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        except s3.exceptions.ClientError:
            return []
        return [each["Key"] for each in found if each["Key"].endswith(".ndjson")]

    @property
    def role(self) -> str:
        return self.destination.role_arn.rpartition("/")[2]

    @property
    def bucket(self) -> str:
        return self.destination.bucket

    def test(self) -> ConnectionTest:
        """Run Test connection as a person does, as often as the test likes."""
        ConnectionTest.objects.update(ran_at=timezone.now() - timedelta(minutes=2))
        test = services.test_connection(destination=self.destination, by=SYSTEM, now=timezone.now())
        self.destination.refresh_from_db()
        return test

    def change(self, **fields: str) -> None:
        services.update_destination(destination=self.destination, fields=fields, by=SYSTEM)
        self.destination.refresh_from_db()

    # -- policies --

    def set_trust(self, *statements: Document) -> None:
        text = json.dumps(document(*statements)).replace("<right>", self.external_id)
        self.aws("iam").update_assume_role_policy(RoleName=self.role, PolicyDocument=text)

    def trust(self, principal: str = world.DELIVERY_ROLE, condition: Document | None = None) -> Document:
        """Return the statement of the guide, or one with another principal or condition."""
        return {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": "<right>"}} if condition is None else condition,
        }

    def set_permissions(self, *statements: Document) -> None:
        self.aws("iam").put_role_policy(
            RoleName=self.role, PolicyName="write", PolicyDocument=json.dumps(document(*statements))
        )

    def set_bucket_policy(self, *statements: Document) -> None:
        self.aws("s3").put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(document(*statements)))

    def set_key_policy(self, *statements: Document) -> None:
        self.aws("kms").put_key_policy(
            KeyId=self.destination.kms_key_arn,
            PolicyName="default",
            Policy=json.dumps(document(*statements)),
            BypassPolicyLockoutSafetyCheck=True,
        )

    # -- what a person does with the offer --

    def paste_all(self, step: Document) -> None:
        """Do exactly what the failed step offers: every text where it says, and the fields."""
        for paste in ({"where": step["where"], "snippet": step["snippet"]}, *step["also"]):
            if paste["snippet"]:
                self.paste(paste["where"], paste["snippet"].replace(PLACEHOLDER, self.external_id))
        if step["fix"]:
            self.change(**step["fix"])

    def paste(self, where: str, text: str) -> None:
        offered = json.loads(text)
        if where == "trust_policy":
            self.aws("iam").update_assume_role_policy(RoleName=self.role, PolicyDocument=text)
        elif where == "role_policy":
            self.aws("iam").put_role_policy(RoleName=self.role, PolicyName="write", PolicyDocument=text)
        elif where == "bucket_policy":
            self.set_bucket_policy(*merged(self._bucket_statements(), offered))
        elif where == "key_policy":
            self.set_key_policy(*merged(self._key_statements(), offered))
        else:
            raise AssertionError(f"nobody knows where {where} is")

    def _bucket_statements(self) -> list[Document]:
        s3 = self.aws("s3")
        try:
            text = s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        except s3.exceptions.ClientError:
            return []
        return list(json.loads(text)["Statement"])

    def _key_statements(self) -> list[Document]:
        answer = self.aws("kms").get_key_policy(KeyId=self.destination.kms_key_arn, PolicyName="default")
        statements = json.loads(answer["Policy"])["Statement"]
        return list(statements) if isinstance(statements, list) else [statements]


def document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def merged(statements: list[Document], offered: Document) -> list[Document]:
    """Add a statement, or a condition to every statement that denies."""
    if "Effect" in offered:
        return [*statements, offered]
    return [
        {**each, "Condition": {**each.get("Condition", {}), **offered["Condition"]}}
        if each["Effect"] == "Deny"
        else each
        for each in statements
    ]


def our_role(cloud_url: str, name: str) -> str:
    """Return the ARN of another role of ours: AWS keeps no policy that names one that does not exist."""
    iam = world.aws("iam", cloud_url, world.OUR_ACCOUNT)
    trust = world.policy(Principal={"AWS": f"arn:aws:iam::{world.OUR_ACCOUNT}:root"}, Action="sts:AssumeRole")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    return f"arn:aws:iam::{world.OUR_ACCOUNT}:role/{name}"


def allow(action: str | list[str], resource: str) -> Document:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def fault(cloud_url: str, **fault: Any) -> None:
    """Make the local AWS answer so to the next requests that fit."""
    _control(cloud_url, "POST", fault)


def clear_faults(cloud_url: str) -> None:
    _control(cloud_url, "DELETE", {})


def _control(cloud_url: str, method: str, body: Document) -> None:
    data = json.dumps(body).encode()
    request = urllib.request.Request(f"{cloud_url}/_fake/faults", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10):
        pass
