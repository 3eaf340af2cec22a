"""Every condition operator, asked with one question each.

A session policy allows listing under a condition; the question is always the same listing, so a row says whether
its condition holds for it. A session policy is handed over with the session: nothing has to spread.
Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Single-valued vs. multivalued context keys".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from tests.sandbox.cloud.world import ALLOWED, DENIED, Document, Keys, World, allow, policy, trust, verdict

# What is asked. `aws:username` is absent: a session of a role has none.
ASKED = {"Prefix": "flexpa/a", "MaxKeys": 7}
PREFIX, COUNT, NOW, WHO = "s3:prefix", "s3:max-keys", "aws:CurrentTime", "aws:PrincipalArn"
ABSENT, SERVICE, IP = "aws:username", "aws:PrincipalIsAWSService", "aws:SourceIp"
PAST, FUTURE = "2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"
EVERYWHERE, ELSEWHERE = "0.0.0.0/0", "198.51.100.0/24"

ROWS: list[tuple[str, str, Any, bool]] = [
    ("StringEquals", PREFIX, "flexpa/a", True),
    ("StringEquals", PREFIX, ["x", "flexpa/a"], True),
    ("StringEquals", PREFIX, "Flexpa/a", False),
    ("StringEquals", PREFIX, "flexpa/*", False),
    ("StringEquals", PREFIX, "flexpa", False),
    ("StringEquals", ABSENT, "x", False),
    ("StringNotEquals", PREFIX, "x", True),
    ("StringNotEquals", PREFIX, "flexpa/a", False),
    ("StringNotEquals", PREFIX, ["x", "flexpa/a"], False),
    ("StringNotEquals", ABSENT, "x", True),
    ("StringEqualsIgnoreCase", PREFIX, "FLEXPA/A", True),
    ("StringEqualsIgnoreCase", PREFIX, "FLEXPA/B", False),
    ("StringNotEqualsIgnoreCase", PREFIX, "FLEXPA/B", True),
    ("StringNotEqualsIgnoreCase", PREFIX, "FLEXPA/A", False),
    ("StringLike", PREFIX, "flexpa/*", True),
    ("StringLike", PREFIX, "flexpa/?", True),
    ("StringLike", PREFIX, "flexpa/??", False),
    ("StringLike", PREFIX, "FLEXPA/*", False),
    ("StringLike", PREFIX, "flexpa", False),
    ("StringLike", ABSENT, "*", False),
    ("StringNotLike", PREFIX, "x*", True),
    ("StringNotLike", PREFIX, "flexpa/*", False),
    ("StringNotLike", ABSENT, "*", True),
    ("ArnEquals", WHO, "ROLE", True),
    ("ArnEquals", WHO, "arn:aws:iam::*:role/*", True),
    ("ArnEquals", WHO, "arn:aws:iam::*:user/*", False),
    ("ArnLike", WHO, "arn:aws:iam::*:role/*", True),
    ("ArnLike", WHO, "ROLEx", False),
    ("ArnNotEquals", WHO, "ROLEx", True),
    ("ArnNotEquals", WHO, "ROLE", False),
    ("ArnNotLike", WHO, "arn:aws:iam::*:user/*", True),
    ("ArnNotLike", WHO, "arn:aws:iam::*:role/*", False),
    ("Bool", SERVICE, "false", True),
    ("Bool", SERVICE, False, True),
    ("Bool", SERVICE, "true", False),
    ("Null", ABSENT, "true", True),
    ("Null", ABSENT, "false", False),
    ("Null", PREFIX, "false", True),
    ("Null", PREFIX, "true", False),
    ("IpAddress", IP, EVERYWHERE, True),
    ("IpAddress", IP, [ELSEWHERE, EVERYWHERE], True),
    ("IpAddress", IP, ELSEWHERE, False),
    ("NotIpAddress", IP, ELSEWHERE, True),
    ("NotIpAddress", IP, EVERYWHERE, False),
    ("NumericEquals", COUNT, "7", True),
    ("NumericEquals", COUNT, 8, False),
    ("NumericNotEquals", COUNT, "8", True),
    ("NumericNotEquals", COUNT, "7", False),
    ("NumericLessThan", COUNT, "10", True),
    ("NumericLessThan", COUNT, "7", False),
    ("NumericLessThanEquals", COUNT, "7", True),
    ("NumericLessThanEquals", COUNT, "6", False),
    ("NumericGreaterThan", COUNT, "6", True),
    ("NumericGreaterThan", COUNT, "10", False),
    ("NumericGreaterThan", COUNT, "7", False),
    ("NumericGreaterThanEquals", COUNT, "7", True),
    ("NumericGreaterThanEquals", COUNT, "8", False),
    ("DateEquals", NOW, PAST, False),
    ("DateNotEquals", NOW, PAST, True),
    ("DateLessThan", NOW, FUTURE, True),
    ("DateLessThan", NOW, PAST, False),
    ("DateLessThanEquals", NOW, FUTURE, True),
    ("DateLessThanEquals", NOW, PAST, False),
    ("DateGreaterThan", NOW, PAST, True),
    ("DateGreaterThan", NOW, FUTURE, False),
    ("DateGreaterThanEquals", NOW, PAST, True),
    ("DateGreaterThanEquals", NOW, FUTURE, False),
    ("StringEqualsIfExists", ABSENT, "x", True),
    ("StringEqualsIfExists", PREFIX, "x", False),
    ("StringEqualsIfExists", PREFIX, "flexpa/a", True),
    ("StringLikeIfExists", ABSENT, "x*", True),
    ("StringLikeIfExists", PREFIX, "x*", False),
    ("ForAnyValue:StringEquals", PREFIX, ["x", "flexpa/a"], True),
    ("ForAnyValue:StringEquals", PREFIX, "x", False),
    ("ForAnyValue:StringEquals", ABSENT, "x", False),
    ("ForAnyValue:StringNotEquals", ABSENT, "x", False),
    ("ForAllValues:StringEquals", PREFIX, ["x", "flexpa/a"], True),
    ("ForAllValues:StringEquals", PREFIX, "x", False),
    ("ForAllValues:StringEquals", ABSENT, "x", True),
]


@dataclass(frozen=True, slots=True)
class Bench:
    """A role that may list a bucket, and the user who assumes it under conditions."""

    world: World
    keys: Keys
    role: str
    bucket: str

    def ask(self, condition: Document) -> tuple[str, int]:
        listing = allow("s3:ListBucket", f"arn:aws:s3:::{self.bucket}", Condition=condition)
        session = self.world.assume(self.keys, self.role, Policy=policy(listing))
        return verdict(self.world.client("s3", session).list_objects_v2, Bucket=self.bucket, **ASKED)


@pytest.fixture(scope="module")
def bench(new_world: Callable[[], World]) -> Bench:
    world = new_world()
    keys, bucket = world.make_user(), world.make_bucket()
    made = Bench(world, keys, world.make_role(trust(world.user_arn())), bucket)
    world.grant("delivery", allow("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    session = world.assume(keys, made.role)
    world.allowed(world.client("s3", session).list_objects_v2, Bucket=bucket)
    return made


def check(bench: Bench, condition: Document, *, holds: bool) -> None:
    wanted = ALLOWED if holds else DENIED
    assert bench.world.settled(partial(bench.ask, condition), lambda found: found == wanted) == wanted


def _value(bench: Bench, value: Any) -> Any:
    return value.replace("ROLE", bench.role) if isinstance(value, str) else value


@pytest.mark.parametrize(
    ("operator", "key", "value", "holds"), ROWS, ids=lambda part: part if isinstance(part, str) else str(part)
)
def test_condition_holds_or_not(bench: Bench, operator: str, key: str, value: Any, holds: bool) -> None:
    check(bench, {operator: {key: _value(bench, value)}}, holds=holds)


def test_all_operators_and_all_keys_must_hold(bench: Bench) -> None:
    right, wrong = {PREFIX: "flexpa/a"}, {PREFIX: "x"}
    check(bench, {"StringEquals": right, "NumericEquals": {COUNT: "7"}}, holds=True)
    check(bench, {"StringEquals": right, "NumericEquals": {COUNT: "8"}}, holds=False)
    check(bench, {"StringEquals": wrong, "NumericEquals": {COUNT: "7"}}, holds=False)
    check(bench, {"StringEquals": {**right, "aws:RequestedRegion": "eu-central-1"}}, holds=True)
    check(bench, {"StringEquals": {**right, "aws:RequestedRegion": "us-east-1"}}, holds=False)


def test_key_names_are_compared_whatever_their_case(bench: Bench) -> None:
    check(bench, {"StringEquals": {"S3:Prefix": "flexpa/a"}}, holds=True)
    check(bench, {"StringEquals": {"S3:Prefix": "x"}}, holds=False)


def test_exactly_one_half_of_all_addresses_is_ours(bench: Bench) -> None:
    def ask() -> set[tuple[str, int]]:
        return {bench.ask({"IpAddress": {IP: half}}) for half in ("0.0.0.0/1", "128.0.0.0/1")}

    wanted = {ALLOWED, DENIED}
    assert bench.world.settled(ask, lambda found: found == wanted) == wanted
