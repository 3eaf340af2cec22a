"""What may happen to a delivery while its set-up is right, breaks or is broken; and the rows that can only break later.

The table of set-ups is that of `broken_set_ups`: every row of it meets every mishap (`test_aws_mishaps`).
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from apps.destinations.selectors import policies_for
from apps.sandbox.cloud.storehouse import Storehouse

from . import world
from .broken_set_ups import ASSUME, BROKEN, WITHOUT, WRITE, WRONG, Broken, repaired
from .customer import Customer, clear_faults, fault

STAGES = {ASSUME: "assume_role", WRITE: "put_object", "region": "put_object"}
SKEW_SECONDS = 20 * 60.0
HOLD_SECONDS = 0.08


def control(cloud_url: str, method: str, path: str, body: object = None) -> Any:
    """Use a control path of the local AWS."""
    data = json.dumps(body or {}).encode()
    request = urllib.request.Request(f"{cloud_url}/_fake/{path}", data=data, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.loads(answer.read())


def end_sessions(cloud_url: str) -> None:
    """End all sessions: the customer's that writes, and ours that it was assumed with."""
    control(cloud_url, "POST", "expire")


@dataclass(frozen=True, kw_only=True)
class Mishap:
    """Something that happens to one attempt of one row.

    `codes` are those that the attempt may then fail with, by our fault; none where the attempt must get over it.
    `reaches_write`: it happens at the write alone, so that what is refused before never meets it.
    """

    name: str
    happens: Callable[[str], None]
    ends: Callable[[str], None] = clear_faults
    codes: frozenset[str] = frozenset()
    reaches_write: bool = False
    is_early: bool = False  # before the set-up breaks, else while it is broken


def _lose_answer(cloud_url: str) -> None:
    """Store the object and tell nobody: the library's further tries get no answer either."""
    fault(cloud_url, service="s3", method="PUT", lost=True, count=4)


def _overload(cloud_url: str) -> None:
    fault(cloud_url, status=503, code="SlowDown", count=4)


def _keep_busy(cloud_url: str) -> None:
    fault(cloud_url, status=503, code="SlowDown")
    fault(cloud_url, status=500, code="InternalError")


def _refuse_us(cloud_url: str) -> None:
    end_sessions(cloud_url)
    fault(cloud_url, service="sts", status=403, code="InvalidClientTokenId", count=4)


MISHAPS = (
    Mishap(
        name="answer lost and not found again", happens=_lose_answer,
        codes=frozenset({"ConnectionClosedError"}), reaches_write=True, is_early=True,
    ),
    Mishap(name="burst that outlasts all tries", happens=_overload, codes=frozenset({"SlowDown"})),
    Mishap(
        name="clock 20 minutes off",
        happens=lambda url: control(url, "POST", "clock", {"offset_seconds": SKEW_SECONDS}),
        ends=lambda url: control(url, "DELETE", "clock"),
        codes=frozenset({"RequestTimeTooSkewed", "SignatureDoesNotMatch"}),
    ),
    Mishap(
        name="our own key refused", happens=_refuse_us,
        codes=frozenset({"InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException"}),
    ),
    Mishap(
        name="conflict",
        happens=lambda url: fault(url, service="s3", method="PUT", status=409, code="ConditionalRequestConflict"),
        codes=frozenset({"ConditionalRequestConflict"}), reaches_write=True,
    ),
    Mishap(name="busy for two answers", happens=_keep_busy),
    Mishap(name="every session over", happens=end_sessions),
    Mishap(name="answer lost", happens=lambda url: fault(url, lost=True)),
)  # fmt: skip
IN_MID_UPLOAD = "sessions and permission lost in mid-upload"


def calm(cloud_url: str) -> None:
    """End whatever a mishap has begun."""
    clear_faults(cloud_url)
    control(cloud_url, "DELETE", "clock")


# -- set-ups that are right when they are tested and cannot be built broken --------------------------


def _schedule_deletion(c: Customer) -> None:
    c.aws("kms").schedule_key_deletion(KeyId=c.destination.kms_key_arn, PendingWindowInDays=7)


def _keep_key(c: Customer) -> None:
    c.aws("kms").cancel_key_deletion(KeyId=c.destination.kms_key_arn)
    c.aws("kms").enable_key(KeyId=c.destination.kms_key_arn)


def _delete_role(c: Customer) -> None:
    with suppress(ClientError):
        c.aws("iam").delete_role_policy(RoleName=c.role, PolicyName="write")
    c.aws("iam").delete_role(RoleName=c.role)


def _make_role(c: Customer) -> None:
    shown = policies_for(c.destination, external_id=c.external_id)
    c.aws("iam").create_role(RoleName=c.role, AssumeRolePolicyDocument=shown["trust_policy"])
    c.paste("role_policy", shown["role_policy"])


LATER = (
    Broken(
        name="key waits for its deletion", with_key=True, breaks=_schedule_deletion,
        step=WRITE, code="KMS.KMSInvalidStateException", says="Enable the key", mend=_keep_key,
    ),
    Broken(
        name="role deleted", breaks=_delete_role,
        step=ASSUME, code="AccessDenied", says="the role exists", where="trust_policy", mend=_make_role,
    ),
    Broken(
        name="role without its policy", breaks=lambda c: c.aws("iam").delete_role_policy(
            RoleName=c.role, PolicyName="write"
        ),
        step=WRITE, code="AccessDenied", says="Allow s3:PutObject", where="role_policy",
    ),
)  # fmt: skip
SET_UPS = (*BROKEN, *LATER)
COMBINATIONS = len(SET_UPS) * (len(MISHAPS) + 1)


def is_fault_of_the_cloud(row: Broken) -> bool:
    """Say whether the row breaks by answers that were asked of the local AWS: they are used up one by one."""
    return row.mend is repaired


def still_delivers(row: Broken) -> bool:
    """Say whether a delivery gets through all the same: the storage is too open, not too closed."""
    return row.step in (WITHOUT, WRONG)


@cache
def _client(cloud_url: str, service: str, account: str, region: str) -> Any:
    return world.aws(service, cloud_url, account, region_name=region)


class PatientCustomer(Customer):
    """A customer who goes through all of it, and keeps the clients: making one takes longer than to use it."""

    def aws(self, service: str, region: str = "us-east-1") -> Any:
        account = self.bucket_account if service == "s3" else world.CUSTOMER_ACCOUNT
        return _client(self.cloud_url, service, account, region)


def break_set_up(row: Broken, c: Customer) -> set[str]:
    """Break it; a bucket that must go is emptied first, as its owner would have to: return what was thrown away."""
    gone = set[str]()
    for _ in range(3):
        try:
            row.breaks(c)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketNotEmpty":
                raise
            gone |= empty(c)
        else:
            return gone
    raise AssertionError(f"{row.name} could not be broken")


def empty(c: Customer) -> set[str]:
    s3 = c.aws("s3", c.destination.region)
    keys = {each["Key"] for each in s3.list_objects_v2(Bucket=c.bucket).get("Contents", [])}
    for key in keys:
        s3.delete_object(Bucket=c.bucket, Key=key)
    return keys


def stored(c: Customer) -> dict[str, bytes]:
    """Return what was delivered to the bucket: its list over HTTP, its bytes from under it, whoever may read them."""
    objects = Storehouse()  # of this process
    found = {key: objects.find_object(c.bucket, key) for key in c.delivered()}
    return {key: each.value for key, each in found.items() if each is not None}


def in_flight(cloud_url: str, key: str) -> bool:
    """Say whether a write of `key` was let in and has no answer yet."""
    entries = control(cloud_url, "GET", "log")
    return any(e["path"].endswith(key) and e["caller_arn"] and not e["status"] for e in entries)
