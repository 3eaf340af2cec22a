"""Two AWS accounts for tests, used through boto3 only: a vendor that delivers and a customer that receives.

Owns what the tests make in them, under names of its own, and the taking away of it again; waits, where it was
given patience, until what it made has spread. Refuses to know whether the accounts are AWS's or the local AWS's.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = "eu-central-1"
OTHER_REGION = "us-east-1"
DENIED = ("AccessDenied", 403)
FORBIDDEN = ("403", 403)  # what DENIED is in answer to a HEAD, which has no body
ALLOWED = ("", 200)
# What an account may always do with its keys; using them is not in it, so it hands no key's use over to IAM.
KEY_MANAGEMENT = [f"kms:{verb}*" for verb in ("Create", "Describe", "Disable", "Enable", "Get", "List", "Put")]
KEY_MANAGEMENT.append("kms:ScheduleKeyDeletion")
_PAUSE_SECONDS = 1.0
_GONE = {"KMSInvalidStateException", "NoSuchBucket", "NoSuchEntity"}  # what says that it is taken away already
Document = dict[str, Any]
Refusal = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials as boto3 takes them."""

    access_key: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


_session = boto3.session.Session()


def _account() -> str:
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def policy(*statements: Document) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Document:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> Document:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(principal: str, **more: Any) -> Document:
    return {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole", **more}


def external_id(value: str) -> Document:
    return {"StringEquals": {"sts:ExternalId": value}}


def verdict(call: Callable[..., Any], **arguments: Any) -> Refusal:
    """Call and answer the error's code and status, or ALLOWED."""
    try:
        call(**arguments)
    except ClientError as error:
        response: Any = error.response
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
    return ALLOWED


@dataclass(slots=True)
class World:
    """A vendor's and a customer's account; fresh ones at the local AWS, given ones at AWS.

    `url` is empty where boto3 finds the endpoint itself. Names are `prefix` + the test's own word. `admins` holds
    each account's administrator; without one it is the seeding identity of the local AWS.
    Units: patience_seconds is how long a verdict may take to become the expected one.
    """

    url: str = ""
    vendor: str = field(default_factory=_account)
    customer: str = field(default_factory=_account)
    prefix: str = ""
    admins: Mapping[str, Callable[[], Keys]] = field(default_factory=dict, repr=False)
    patience_seconds: float = 0
    _undo: list[Callable[[], None]] = field(default_factory=list, repr=False)

    # --- asking -----------------------------------------------------------------------------------------------

    def client(self, service: str, keys: Keys, *, region: str = REGION, **config: Any) -> Any:
        config.setdefault("retries", {"total_max_attempts": 4 if self.patience_seconds else 1, "mode": "standard"})
        return cast(Any, _session).client(
            service,
            endpoint_url=self.url or None,
            region_name=region,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret,
            aws_session_token=keys.token,
            config=Config(**config),
        )

    def root(self, account: str) -> Keys:
        """Answer the keys of whoever may do everything in the account."""
        return self.admins[account]() if account in self.admins else Keys(account, "test")

    def settled(self, ask: Callable[[], Any], is_expected: Callable[[Any], bool]) -> Any:
        """Ask until the answer is the expected one or patience is at its end; answer the last answer."""
        deadline = time.monotonic() + self.patience_seconds
        while True:
            answer = ask()
            if is_expected(answer) or time.monotonic() >= deadline:
                return answer
            time.sleep(_PAUSE_SECONDS)

    def allowed(self, call: Callable[..., Any], **arguments: Any) -> Any:
        """Call, until it is allowed; answer the answer. Raises: ClientError, the last refusal."""

        def attempt() -> Any:
            try:
                return call(**arguments)
            except ClientError as error:
                return error

        answer = self.settled(attempt, lambda found: not isinstance(found, ClientError))
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def refused(self, call: Callable[..., Any], *expected: Refusal, **arguments: Any) -> Refusal:
        """Call, until it is refused with one of the codes (by default DENIED); answer which."""
        wanted = expected or (DENIED,)
        found: Refusal = self.settled(partial(verdict, call, **arguments), lambda answer: answer in wanted)
        assert found in wanted
        return found

    # --- making -----------------------------------------------------------------------------------------------

    def named(self, word: str) -> str:
        return f"{self.prefix}{word}"

    def iam(self, account: str = "") -> Any:
        return self.client("iam", self.root(account or self.customer))

    def make_user(self, name: str = "worker", *statements: Document) -> Keys:
        """Make a vendor's user; without statements it may assume any role."""
        iam, user = self.iam(self.vendor), self.named(name)
        iam.create_user(UserName=user)
        self._undo.append(partial(self._remove_user, user))
        document = policy(*(statements or (allow("sts:AssumeRole"),)))
        iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=document)
        made = iam.create_access_key(UserName=user)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def user_arn(self, name: str = "worker") -> str:
        return f"arn:aws:iam::{self.vendor}:user/{self.named(name)}"

    def role_arn(self, name: str = "delivery", account: str = "") -> str:
        return f"arn:aws:iam::{account or self.customer}:role/{self.named(name)}"

    def make_role(self, *trusts: Document, name: str = "delivery", account: str = "", **more: Any) -> str:
        owner = account or self.customer
        create, document = self.iam(owner).create_role, policy(*trusts)
        made = self.allowed(create, RoleName=self.named(name), AssumeRolePolicyDocument=document, **more)
        self._undo.append(partial(self._remove_role, self.named(name), owner))
        return str(made["Role"]["Arn"])

    def grant(self, role: str, *statements: Document, account: str = "") -> None:
        put = self.iam(account).put_role_policy
        put(RoleName=self.named(role), PolicyName="own", PolicyDocument=policy(*statements))

    def assume(self, keys: Keys, role_arn: str, **more: Any) -> Keys:
        arguments = {"RoleArn": role_arn, "RoleSessionName": "dst-1"} | more
        made = self.allowed(self.client("sts", keys).assume_role, **arguments)["Credentials"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def refused_assume(self, keys: Keys, role_arn: str, *expected: Refusal, **more: Any) -> Refusal:
        arguments = {"RoleArn": role_arn, "RoleSessionName": "dst-1"} | more
        return self.refused(self.client("sts", keys).assume_role, *expected, **arguments)

    def make_bucket(self, *, account: str = "", region: str = REGION) -> str:
        name, owner = self.named(f"bucket-{secrets.token_hex(8)}"), account or self.customer
        s3 = self.client("s3", self.root(owner), region=region)
        place = {} if region == "us-east-1" else {"LocationConstraint": region}
        s3.create_bucket(Bucket=name, **({"CreateBucketConfiguration": place} if place else {}))
        self._undo.append(partial(self._remove_bucket, name, owner, region))
        return name

    def set_bucket_policy(self, bucket: str, *statements: Document, account: str = "") -> None:
        put = self.client("s3", self.root(account or self.customer)).put_bucket_policy
        self.allowed(put, Bucket=bucket, Policy=policy(*statements))

    def make_key(self, *statements: Document, account: str = "", region: str = REGION) -> str:
        """Make a KMS key; without statements its policy hands all use over to IAM, as KMS does by default."""
        owner = account or self.customer
        root = {"AWS": f"arn:aws:iam::{owner}:root"}
        use = statements or (allow("kms:*", Principal=root),)
        document = policy(allow(KEY_MANAGEMENT, Principal=root), *use)
        kms = self.client("kms", self.root(owner), region=region)
        made = self.allowed(kms.create_key, Policy=document, Description=self.named("key"))["KeyMetadata"]
        self._undo.append(partial(kms.schedule_key_deletion, KeyId=made["KeyId"], PendingWindowInDays=7))
        return str(made["Arn"])

    def make_session(self, *statements: Document, **more: Any) -> Keys:
        """Make user, role and session in one go; the role in the customer's account has the statements."""
        keys = self.make_user()
        arn = self.make_role(trust(self.user_arn()))
        if statements:
            self.grant("delivery", *statements)
        return self.assume(keys, arn, **more)

    # --- taking away ------------------------------------------------------------------------------------------

    def clean_up(self) -> None:
        """Take away everything that was made, newest first. Raises: ExceptionGroup of what could not be."""
        failures = []
        for undo in reversed(self._undo):
            try:
                undo()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE:
                    failures.append(error)
        self._undo.clear()
        if failures:
            raise ExceptionGroup(f"left behind, named {self.prefix}…", failures)

    def _remove_user(self, user: str) -> None:
        iam = self.iam(self.vendor)
        for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]:
            iam.delete_user_policy(UserName=user, PolicyName=name)
        iam.delete_user(UserName=user)

    def _remove_role(self, role: str, account: str) -> None:
        iam = self.iam(account)
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        iam.delete_role(RoleName=role)

    def _remove_bucket(self, bucket: str, account: str, region: str) -> None:
        s3 = self.client("s3", self.root(account), region=region)
        s3.delete_bucket_policy(Bucket=bucket)
        for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"])
        self.allowed(s3.delete_bucket, Bucket=bucket)
