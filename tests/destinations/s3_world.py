"""Two AWS accounts in the local AWS: ours with the delivery role, a customer's with a bucket and a role.

Seeding speaks as the root of an account: access key = account id, secret `test`.
"""

from __future__ import annotations

import json
import urllib.request
import uuid
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest

from apps.destinations.connectors.base import Batch, Step, StepResult
from apps.destinations.connectors.s3.config import S3Config
from apps.destinations.connectors.s3.connector import S3Connector
from apps.destinations.connectors.s3.identity import Clock, OurIdentity, utc_now
from apps.destinations.connectors.s3.probe import STEPS
from apps.destinations.connectors.s3.sessions import Sessions
from apps.destinations.policies import role_policy, trust_policy
from apps.outbound.failures import DeliveryError

OURS, CUSTOMER = "111111111111", "222222222222"
REGION = "us-east-1"
KEY = "flexpa/_/c-1/pa-1/2026-11-21T01-10-17-123Z-sj-1.ndjson"


def root_client(url: str, service: Any, account: str, region: str = REGION) -> Any:
    """Return a client that speaks as the root of `account`."""
    return boto3.client(
        service, region_name=region, endpoint_url=url, aws_access_key_id=account, aws_secret_access_key="test"
    )


def allow(action: str | list[str], resource: str | list[str] = "*") -> dict[str, object]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    }


class OurAccount:
    """Our AWS account: a user that this process is, and the delivery role behind it."""

    def __init__(self, url: str) -> None:
        self.url = url
        iam = root_client(url, "iam", OURS)
        user = f"process-{uuid.uuid4().hex[:8]}"
        user_arn = iam.create_user(UserName=user)["User"]["Arn"]
        iam.put_user_policy(UserName=user, PolicyName="assume", PolicyDocument=json.dumps(allow("sts:AssumeRole")))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        role = f"record-delivery-{uuid.uuid4().hex[:8]}"
        trust = trust_policy(user_arn)
        del trust["Statement"][0]["Condition"]  # type: ignore[index]
        self.role_arn: str = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=role, PolicyName="assume", PolicyDocument=json.dumps(allow("sts:AssumeRole")))
        self.session = boto3.Session(
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            region_name=REGION,
        )

    def identity(self, *, now: Clock = utc_now) -> OurIdentity:
        return OurIdentity(self.session, self.role_arn, endpoint_url_sts=self.url, now=now)

    def sessions(self, *, now: Clock = utc_now, capacity: int = 200) -> Sessions:
        return Sessions(self.identity(now=now), endpoint_url_s3=self.url, now=now, capacity=capacity)


@dataclass
class S3Target:
    """A customer's bucket and role, set up right, and our connector to them."""

    ours: OurAccount
    config: S3Config
    sessions: Sessions
    spool_dir: Path
    account: str = CUSTOMER

    @classmethod
    def make(
        cls, ours: OurAccount, spool_dir: Path, *, account: str = CUSTOMER, bucket_region: str = REGION
    ) -> S3Target:
        name = uuid.uuid4().hex[:12]
        config = S3Config.from_fields(
            {
                "bucket": f"clinic-{name}",
                "region": REGION,
                "role_arn": f"arn:aws:iam::{account}:role/relay-{name}",
            },
            external_id=str(uuid.uuid4()),
            destination_id=str(uuid.uuid4()),
            config_version=1,
        )
        s3 = root_client(ours.url, "s3", account, bucket_region)
        place = {"LocationConstraint": bucket_region}
        s3.create_bucket(
            Bucket=config.bucket,
            **({} if bucket_region == REGION else {"CreateBucketConfiguration": place}),
        )
        target = cls(ours, config, ours.sessions(), spool_dir, account)
        target.iam.create_role(
            RoleName=target.role_name,
            AssumeRolePolicyDocument=json.dumps(trust_policy(ours.role_arn, config.external_id)),
        )
        target.permit(role_policy(config.bucket, config.prefix))
        return target

    @property
    def iam(self) -> Any:
        return root_client(self.ours.url, "iam", self.account)

    @property
    def s3(self) -> Any:
        return root_client(self.ours.url, "s3", self.account)

    @property
    def role_name(self) -> str:
        return self.config.role_arn.rpartition("/")[2]

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.config.external_id,)

    @property
    def connector(self) -> S3Connector:
        return self.connector_of()

    def connector_of(self, *, own_account_role_arns: tuple[str, ...] = (), **changes: Any) -> S3Connector:
        return S3Connector(
            replace(self.config, **changes),
            sessions=self.sessions,
            spool_dir=self.spool_dir,
            own_account_role_arns=own_account_role_arns,
            settle_seconds=0.0,
        )

    def read(self, key: str) -> bytes | None:
        listed = self.s3.list_objects_v2(Bucket=self.config.bucket, Prefix=key).get("Contents", [])
        if key not in {item["Key"] for item in listed}:
            return None
        content: bytes = self.s3.get_object(Bucket=self.config.bucket, Key=key)["Body"].read()
        return content

    def put(self, key: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.config.bucket, Key=key, Body=content)

    def refuse_writes(self) -> None:
        self.iam.delete_role_policy(RoleName=self.role_name, PolicyName="write")

    def permit(self, policy: dict[str, object]) -> None:
        self.iam.put_role_policy(RoleName=self.role_name, PolicyName="write", PolicyDocument=json.dumps(policy))

    def trust(self, condition: dict[str, object] | None, principal: str | None = None) -> None:
        """Replace the trust policy by one with this condition."""
        policy: Any = trust_policy(principal or self.ours.role_arn)
        statement = policy["Statement"][0]
        statement.pop("Condition")
        if condition is not None:
            statement["Condition"] = condition
        self.iam.update_assume_role_policy(RoleName=self.role_name, PolicyDocument=json.dumps(policy))


class Control:
    """The local AWS's control paths."""

    def __init__(self, url: str) -> None:
        self._url = url

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"{self._url}/_fake/{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def fault(self, **fault: Any) -> None:
        self._ask("POST", "faults", fault)

    def expire_sessions(self) -> None:
        self._ask("POST", "expire", {})

    def log(self, **wanted: str) -> list[dict[str, Any]]:
        """Return the requests so far whose entries have these values."""
        entries = self._ask("GET", "log")
        return [entry for entry in entries if all(entry[name] == value for name, value in wanted.items())]

    def clear(self) -> None:
        self._ask("DELETE", "faults")
        self._ask("DELETE", "log")


def failed_step(target: S3Target, **changes: Any) -> Step:
    """Run Test connection and return the step that failed."""
    steps = list(target.connector_of(**changes).probe())
    assert [step.name for step in steps] == [name for name, _ in STEPS]
    return next(step for step in steps if step.result is StepResult.FAIL)


def ran_step(target: S3Target, name: str) -> Step:
    """Run Test connection, which passes, and return the step of that name."""
    steps = list(target.connector.probe())
    assert StepResult.FAIL not in {step.result for step in steps}
    return next(step for step in steps if step.name == name)


def refusal(target: S3Target, batch: Batch, **changes: Any) -> DeliveryError:
    """Deliver and return the refusal."""
    with pytest.raises(DeliveryError) as refused:
        target.connector_of(**changes).deliver(batch)
    return refused.value


class CarelessStore(BaseHTTPRequestHandler):
    """A storage that takes every write and honours no header but those it is told to answer."""

    seen: ClassVar[list[dict[str, str]]] = []
    answers: ClassVar[dict[str, str]] = {}

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        for name, value in {"ETag": '"1"', "Content-Length": "0", **self.answers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        return
