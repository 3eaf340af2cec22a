"""Who may use a key through S3, and which state and place of a key refuse everybody.

Every check lets the same write pass once before or after it is refused: only the changed part can be the reason.
Source: KMS Developer Guide, "Key policies", "Key states", "Policy conditions for AWS KMS"; S3 User Guide, "Using
server-side encryption with AWS KMS keys".
"""

from __future__ import annotations

import uuid

import pytest

from tests.sandbox.cloud.conformance.writer import DATA_KEY, EVERYTHING, S3_ALONE, MakeWriter, Writer
from tests.sandbox.cloud.world import OTHER_REGION, Document, World, allow, deny, policy, trust

MISSING = ("KMS.NotFoundException", 400)


def names(arn: str) -> Document:
    return {"Principal": {"AWS": arn}}


class TestPolicies:
    def test_key_that_the_role_policy_does_not_name_is_refused(self, world: World, writer: MakeWriter) -> None:
        key, other = world.make_key(), world.make_key()
        mine = writer(S3_ALONE, allow(DATA_KEY, key))
        mine.may(key)
        mine.may_not(other)

    def test_role_policy_without_any_kms_action_is_refused(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer(S3_ALONE)
        mine.may_not(key)
        world.grant("delivery", *EVERYTHING)
        mine.may(key)

    def test_role_policy_that_denies_wins(self, world: World, writer: MakeWriter) -> None:
        key, closed = world.make_key(), world.make_key()
        mine = writer(*EVERYTHING, deny(DATA_KEY, closed))
        mine.may(key)
        mine.may_not(closed)

    def test_key_policy_that_denies_wins(self, world: World, writer: MakeWriter) -> None:
        mine = writer()
        use = allow("kms:*", **names(world.customer))
        mine.may(world.make_key(use))
        mine.may_not(world.make_key(use, deny(DATA_KEY, **names(world.role_arn()))))

    def test_key_policy_without_delegation_to_iam_refuses_what_the_role_policy_allows(
        self, world: World, writer: MakeWriter
    ) -> None:
        mine = writer()
        other = world.make_role(trust(world.user_arn()), name="other")
        closed = world.make_key(allow(DATA_KEY, **names(other)))
        mine.may(world.make_key())
        mine.may_not(closed)

    def test_key_policy_that_names_the_role_suffices(self, world: World, writer: MakeWriter) -> None:
        mine = writer(S3_ALONE)
        mine.may(world.make_key(allow(DATA_KEY, **names(world.role_arn()))))
        mine.may_not(world.make_key())

    def test_key_policy_for_another_action_does_not_suffice(self, world: World, writer: MakeWriter) -> None:
        mine = writer(S3_ALONE)
        mine.may(world.make_key(allow(DATA_KEY, **names(world.role_arn()))))
        mine.may_not(world.make_key(allow("kms:Encrypt", **names(world.role_arn()))))

    @pytest.mark.parametrize("narrow", [[], [allow("kms:*"), deny(DATA_KEY)]], ids=["does not allow", "denies"])
    def test_session_policy_narrows_the_use_of_keys(self, world: World, narrow: list[Document]) -> None:
        keys, bucket, key = world.make_user(), world.make_bucket(), world.make_key()
        role = world.make_role(trust(world.user_arn()))
        world.grant("delivery", *EVERYTHING)
        wide = world.assume(keys, role, Policy=policy(S3_ALONE, allow(DATA_KEY, key)))
        Writer(world, wide, bucket).may(key)
        Writer(world, world.assume(keys, role, Policy=policy(S3_ALONE, *narrow)), bucket).may_not(key)

    def test_key_policy_may_demand_the_way_over_s3_of_one_region(self, world: World, writer: MakeWriter) -> None:
        mine = writer()

        def key_via(region: str) -> str:
            via = {"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
            return world.make_key(allow(DATA_KEY, **names(world.customer), Condition=via))

        mine.may(key_via("eu-central-1"))
        mine.may_not(key_via(OTHER_REGION))

    @pytest.mark.parametrize("has_bucket_key", [False, True])
    def test_key_policy_may_demand_an_encryption_context(
        self, world: World, writer: MakeWriter, has_bucket_key: bool
    ) -> None:
        mine = writer()
        own = f"arn:aws:s3:::{mine.bucket}" + ("" if has_bucket_key else "/a")

        def key_for(arn: str) -> str:
            only = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": arn}}
            return world.make_key(allow(DATA_KEY, **names(world.customer), Condition=only))

        mine.may(key_for(own), BucketKeyEnabled=has_bucket_key)
        mine.may_not(key_for(f"{own}x"), BucketKeyEnabled=has_bucket_key)

    def test_bucket_policy_that_denies_other_keys_lets_the_right_one_pass(
        self, world: World, writer: MakeWriter
    ) -> None:
        mine, key, other = writer(), world.make_key(), world.make_key()
        unless = {"StringNotEquals": {"s3:x-amz-server-side-encryption-aws-kms-key-id": key}}
        no = deny("s3:PutObject", f"arn:aws:s3:::{mine.bucket}/*", Principal="*", Condition=unless)
        world.set_bucket_policy(mine.bucket, no)
        mine.may(key)
        mine.may_not(other)
        world.refused(mine.s3.put_object, Bucket=mine.bucket, Key="a", Body=b"1")


class TestOtherAccount:
    def test_key_of_another_account_needs_its_policy_and_the_role_policy(
        self, world: World, writer: MakeWriter
    ) -> None:
        mine = writer(S3_ALONE)
        use = allow(["kms:GenerateDataKey", "kms:Decrypt"], **names(world.role_arn()))
        shared = world.make_key(use, account=world.vendor)
        closed = world.make_key(account=world.vendor)
        mine.may_not(shared)
        world.grant("delivery", *EVERYTHING)
        mine.may(shared)
        mine.may_not(closed)


class TestState:
    def test_disabled_key_is_refused_until_it_is_enabled_again(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        kms = world.client("kms", world.root(world.customer))
        mine.may(key)
        kms.disable_key(KeyId=key)
        mine.may_not(key, ("KMS.DisabledException", 400))
        kms.enable_key(KeyId=key)
        mine.may(key)

    def test_key_that_waits_for_its_deletion_is_refused(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        mine.may(key)
        world.client("kms", world.root(world.customer)).schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        mine.may_not(key, ("KMS.KMSInvalidStateException", 400))

    def test_key_that_does_not_exist_is_not_found(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        mine.may(key)
        mine.may_not(f"{key.rpartition('/')[0]}/{uuid.uuid4()}", MISSING)

    def test_key_of_another_region_than_the_bucket_is_not_found(self, world: World, writer: MakeWriter) -> None:
        key, far, mine = world.make_key(), world.make_key(region=OTHER_REGION), writer()
        mine.may(key)
        mine.may_not(far, MISSING)
