"""Two AWS accounts for tests, used through boto3 only: a vendor that delivers and a customer that receives.

Everything is made with ordinary calls by the seeding identity (access key = account number, secret `test`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"
DENIED = ("AccessDenied", 403)
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials as boto3 takes them."""

    access_key: str
    secret: str
    token: str | None = None


_session = boto3.session.Session()


def _account() -> str:
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def policy(*statements: Document) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Document:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal: str, **more: Any) -> Document:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **more}


def external_id(value: str) -> Document:
    return {"StringEquals": {"sts:ExternalId": value}}


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """Call and answer the error's code and status."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@dataclass(slots=True)
class World:
    """A vendor's and a customer's account at one endpoint, fresh for each test."""

    url: str
    vendor: str = field(default_factory=_account)
    customer: str = field(default_factory=_account)

    def client(self, service: str, keys: Keys, *, region: str = REGION, **config: Any) -> Any:
        config.setdefault("retries", {"total_max_attempts": 1, "mode": "standard"})
        return cast(Any, _session).client(
            service,
            endpoint_url=self.url,
            region_name=region,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            config=Config(**config),
        )

    def root(self, account: str) -> Keys:
        return Keys(account, "test")

    def make_user(self, name: str = "worker", *statements: Document) -> Keys:
        """Make a vendor's user; without statements it may assume any role."""
        iam = self.client("iam", self.root(self.vendor))
        iam.create_user(UserName=name)
        document = policy(*(statements or (allow("sts:AssumeRole"),)))
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def user_arn(self, name: str = "worker") -> str:
        return f"arn:aws:iam::{self.vendor}:user/{name}"

    def make_role(self, *trusts: Document, name: str = "delivery", account: str = "", **more: Any) -> str:
        iam = self.client("iam", self.root(account or self.customer))
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(*trusts), **more)
        return str(made["Role"]["Arn"])

    def grant(self, role: str, *statements: Document, account: str = "") -> None:
        iam = self.client("iam", self.root(account or self.customer))
        iam.put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=policy(*statements))

    def assume(self, keys: Keys, role_arn: str, **more: Any) -> Keys:
        arguments = {"RoleArn": role_arn, "RoleSessionName": "dst-1"} | more
        made = self.client("sts", keys).assume_role(**arguments)["Credentials"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def make_bucket(self, *, account: str = "", region: str = REGION) -> str:
        name = f"bucket-{secrets.token_hex(8)}"
        s3 = self.client("s3", self.root(account or self.customer), region=region)
        place = {} if region == "us-east-1" else {"LocationConstraint": region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        return name

    def make_session(self, *statements: Document) -> Keys:
        """Make user, role and session in one go; the role in the customer's account has the statements."""
        keys = self.make_user()
        arn = self.make_role(trust(self.user_arn()))
        if statements:
            self.grant("delivery", *statements)
        return self.assume(keys, arn)
