"""What becomes of a session: chained, tagged with a source identity, or left without its role."""

from __future__ import annotations

from typing import Any

from tests.sandbox.cloud.world import DENIED, Keys, World, allow, trust, verdict

SET_IDENTITY = {"Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}


def assume(world: World, keys: Keys, arn: str, **more: Any) -> tuple[str, int]:
    return verdict(world.client("sts", keys).assume_role, RoleArn=arn, RoleSessionName="next", **more)


def test_source_identity_stays_in_the_chain_and_cannot_be_changed(world: World) -> None:
    keys = world.make_user("worker", allow(["sts:AssumeRole", "sts:SetSourceIdentity"]))
    first = world.make_role(trust(world.user_arn()) | SET_IDENTITY, name="first")
    world.grant("first", allow(["sts:AssumeRole", "sts:SetSourceIdentity"]))
    strict = world.make_role(trust(first), name="strict")
    kept = world.make_role(
        trust(first) | SET_IDENTITY | {"Condition": {"StringEquals": {"aws:SourceIdentity": "alice"}}}, name="kept"
    )
    plain, known = world.assume(keys, first), world.assume(keys, first, SourceIdentity="alice")
    assert assume(world, plain, strict) == ("", 200)
    assert assume(world, plain, kept) == DENIED
    assert assume(world, known, strict) == DENIED
    assert assume(world, known, kept, SourceIdentity="bob") == DENIED
    answer = world.client("sts", known).assume_role(RoleArn=kept, RoleSessionName="next")
    assert answer["SourceIdentity"] == "alice"


def test_session_of_a_role_that_was_made_anew_may_nothing(world: World) -> None:
    bucket, session = world.make_bucket(), world.make_session(allow("s3:*"))
    s3, iam = world.client("s3", session), world.client("iam", world.root(world.customer))
    assert s3.list_objects_v2(Bucket=bucket)
    iam.delete_role_policy(RoleName="delivery", PolicyName="own")
    iam.delete_role(RoleName="delivery")
    assert verdict(s3.list_objects_v2, Bucket=bucket) == DENIED
    world.make_role(trust(world.user_arn()))
    world.grant("delivery", allow("s3:*"))
    assert verdict(s3.list_objects_v2, Bucket=bucket) == DENIED
