"""How long a session lasts, what it may carry and what narrows it.

Source: STS API, "AssumeRole"; IAM User Guide, "Roles terms and concepts" (role chaining), "Session policies".
"""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.cloud.world import World, allow, policy, trust

INVALID = ("ValidationError", 400)
TAGS = [{"Key": "team", "Value": "a"}]


class TestLength:
    def test_chained_session_longer_than_an_hour_is_refused(self, world: World) -> None:
        keys = world.make_user()
        ours = world.make_role(trust(world.user_arn()), account=world.vendor, MaxSessionDuration=43200)
        world.grant("delivery", allow("sts:AssumeRole"), account=world.vendor)
        theirs = world.make_role(trust(ours), MaxSessionDuration=43200)
        chained = world.assume(keys, ours, DurationSeconds=43200)
        assert world.assume(chained, theirs, DurationSeconds=3600)
        world.refused_assume(chained, theirs, INVALID, DurationSeconds=3601)

    def test_session_longer_than_the_roles_maximum_is_refused(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn()), MaxSessionDuration=7200)
        assert world.assume(keys, arn, DurationSeconds=7200)
        world.refused_assume(keys, arn, INVALID, DurationSeconds=7201)

    def test_session_lasts_as_long_as_was_asked_for(self, world: World) -> None:
        keys, sts = world.make_user(), None
        arn = world.make_role(trust(world.user_arn()))
        assert world.assume(keys, arn)
        sts, started = world.client("sts", keys), datetime.now(UTC)
        made = sts.assume_role(RoleArn=arn, RoleSessionName="dst-1", DurationSeconds=900)
        left = made["Credentials"]["Expiration"] - started
        assert timedelta(seconds=890) < left < timedelta(seconds=960)

    def test_expired_session_is_refused(self, world: World) -> None:
        session, bucket = world.make_session(allow("s3:*")), world.make_bucket()
        s3 = world.client("s3", session)
        assert world.allowed(s3.list_objects_v2, Bucket=bucket)
        urllib.request.urlopen(f"{world.url}/_fake/expire", data=b"", timeout=10).close()
        world.refused(s3.list_objects_v2, ("ExpiredToken", 400), Bucket=bucket)
        world.refused(world.client("sts", session).get_caller_identity, ("ExpiredTokenException", 403))


class TestParameters:
    @pytest.mark.parametrize(
        "odd",
        [
            {"RoleArn": "arn:aws:iam::1:role/delivery"},
            {"RoleArn": "delivery"},
            {"RoleSessionName": "a b"},
            {"RoleSessionName": "x"},
            {"ExternalId": "a b"},
            {"ExternalId": "x" * 1225},
            {"DurationSeconds": 899},
            {"DurationSeconds": 43201},
            {"Policy": policy(allow("s3:*", "arn:aws:s3:::" + "x" * 2048))},
        ],
        ids=lambda odd: " ".join(f"{name}={str(value)[:30]}" for name, value in odd.items()),
    )
    def test_parameter_outside_the_limits_is_a_validation_error(self, world: World, odd: dict[str, Any]) -> None:
        keys = world.make_user()
        arguments = {"RoleArn": world.make_role(trust(world.user_arn())), "RoleSessionName": "dst-1"} | odd
        world.refused(world.client("sts", keys, parameter_validation=False).assume_role, INVALID, **arguments)

    def test_malformed_session_policy_is_refused(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn()))
        world.refused_assume(keys, arn, ("MalformedPolicyDocument", 400), Policy="{}")

    def test_root_may_not_assume_a_role(self, world: World) -> None:
        world.refused_assume(world.root(world.vendor), world.make_role(trust(world.vendor)))

    @pytest.mark.parametrize(
        ("action", "carried"),
        [
            pytest.param("sts:TagSession", {"Tags": TAGS}, id="session tags"),
            pytest.param("sts:SetSourceIdentity", {"SourceIdentity": "alice"}, id="source identity"),
        ],
    )
    def test_what_a_session_carries_needs_its_own_action_on_both_sides(
        self, world: World, action: str, carried: dict[str, Any]
    ) -> None:
        both = ["sts:AssumeRole", action]
        able, unable = world.make_user("able", allow(both)), world.make_user("unable")
        plain = world.make_role(trust(world.vendor), name="plain")
        open_to_it = world.make_role({**trust(world.vendor), "Action": both}, name="open")
        assert world.assume(able, open_to_it, **carried)
        assert world.assume(able, plain)
        world.refused_assume(able, plain, **carried)
        assert world.assume(unable, open_to_it)
        world.refused_assume(unable, open_to_it, **carried)

    def test_source_identity_is_handed_on_to_chained_sessions(self, world: World) -> None:
        both = ["sts:AssumeRole", "sts:SetSourceIdentity"]
        keys = world.make_user("worker", allow(both))
        ours = world.make_role({**trust(world.vendor), "Action": both}, account=world.vendor)
        world.grant("delivery", allow(both), account=world.vendor)
        plain = world.make_role(trust(ours), name="plain")
        open_to_it = world.make_role({**trust(ours), "Action": both}, name="open")
        named, unnamed = world.assume(keys, ours, SourceIdentity="alice"), world.assume(keys, ours)
        assert world.assume(named, open_to_it)
        assert world.assume(unnamed, plain)
        world.refused_assume(named, plain)


class TestNarrowing:
    def test_session_policy_narrows_the_role(self, world: World) -> None:
        keys, bucket = world.make_user(), world.make_bucket()
        arn = world.make_role(trust(world.user_arn()))
        world.grant("delivery", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
        narrow = policy(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/flexpa/*"))
        s3 = world.client("s3", world.assume(keys, arn, Policy=narrow))
        world.allowed(s3.put_object, Bucket=bucket, Key="flexpa/a", Body=b"1")
        world.refused(s3.put_object, Bucket=bucket, Key="other/a", Body=b"1")

    def test_session_policy_never_widens_the_role(self, world: World) -> None:
        keys, bucket = world.make_user(), world.make_bucket()
        arn = world.make_role(trust(world.user_arn()))
        world.grant("delivery", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/flexpa/*"))
        s3 = world.client("s3", world.assume(keys, arn, Policy=policy(allow("s3:*"))))
        world.allowed(s3.put_object, Bucket=bucket, Key="flexpa/a", Body=b"1")
        world.refused(s3.put_object, Bucket=bucket, Key="a", Body=b"1")

    def test_permission_revoked_in_mid_session_is_gone(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.iam().delete_role_policy(RoleName=world.named("delivery"), PolicyName="own")
        world.refused(s3.put_object, Bucket=bucket, Key="b", Body=b"1")

    def test_permission_denied_in_mid_session_is_gone(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.grant("delivery", allow("s3:PutObject"), {**allow("s3:PutObject"), "Effect": "Deny"})
        world.refused(s3.put_object, Bucket=bucket, Key="b", Body=b"1")

    def test_session_of_a_role_that_was_made_again_may_nothing(self, world: World) -> None:
        bucket, role, iam = world.make_bucket(), world.named("delivery"), world.iam()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        iam.delete_role_policy(RoleName=role, PolicyName="own")
        iam.delete_role(RoleName=role)
        world.make_role(trust(world.user_arn()))
        world.grant("delivery", allow("s3:PutObject"))
        gone = [("InvalidAccessKeyId", 403), ("InvalidToken", 400), ("AccessDenied", 403)]
        world.refused(s3.put_object, *gone, Bucket=bucket, Key="b", Body=b"1")
