"""KMS and what S3 makes of it: names, states, policies and the order in which they are asked.

The conformance probe asks the everyday cases; here are those that need several accounts, or that no role can see.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.cloud.world import ALLOWED, DENIED, REGION, Document, World, allow, deny, policy, verdict

PUT = ["s3:PutObject", "kms:GenerateDataKey"]


def kms_of(world: World, account: str = "") -> Any:
    return world.client("kms", world.root(account or world.customer))


def told(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Message"])


def encrypted(bucket: str, key: str, **more: Any) -> dict[str, Any]:
    put = {"Bucket": bucket, "Key": "a", "Body": b"1", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    return put | more


def named(arn: str) -> Document:
    return {"Principal": {"AWS": arn}}


def when(key: str, value: str) -> Document:
    return {"Condition": {"StringEquals": {key: value}}}


class TestKeyPolicy:
    def test_policy_that_names_the_role_needs_no_permission_of_its_own(self, world: World) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow("s3:PutObject"))
        key = world.make_key(allow("kms:GenerateDataKey", **named(world.role_arn())))
        assert world.client("s3", session).put_object(**encrypted(bucket, key))

    def test_policy_that_names_nobody_stops_the_accounts_root_too(self, world: World) -> None:
        bucket, key = world.make_bucket(), world.make_key(deny("kms:ReEncryptTo", **named("*")))
        s3 = world.client("s3", world.root(world.customer))
        assert verdict(s3.put_object, **encrypted(bucket, key)) == DENIED
        assert "no resource-based policy allows the kms:GenerateDataKey action" in told(
            s3.put_object, **encrypted(bucket, key)
        )

    def test_session_policy_narrows_the_use_of_a_key(self, world: World) -> None:
        bucket, key = world.make_bucket(), world.make_key()
        narrow = world.client("s3", world.make_session(allow(PUT), Policy=policy(allow("s3:*"))))
        assert "no session policy allows the kms:GenerateDataKey action" in told(
            narrow.put_object, **encrypted(bucket, key)
        )

    @pytest.mark.parametrize("speaker", ["identity", "key"])
    def test_explicit_deny_wins(self, world: World, speaker: str) -> None:
        bucket = world.make_bucket()
        own = [deny("kms:*")] if speaker == "identity" else []
        session = world.make_session(allow("*"), *own)
        everybody = allow("kms:*", **named("*"))
        denied = [deny("kms:GenerateDataKey", **named(world.role_arn()))] if speaker == "key" else []
        key = world.make_key(everybody, *denied)
        assert "explicit deny" in told(world.client("s3", session).put_object, **encrypted(bucket, key))

    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("kms:ViaService", f"s3.{REGION}.amazonaws.com", ALLOWED),
            ("kms:ViaService", "s3.us-east-1.amazonaws.com", DENIED),
            ("kms:CallerAccount", "{customer}", ALLOWED),
            ("kms:CallerAccount", "111111111111", DENIED),
            ("kms:EncryptionContext:aws:s3:arn", "arn:aws:s3:::{bucket}/a", ALLOWED),
            ("kms:EncryptionContext:aws:s3:arn", "arn:aws:s3:::{bucket}", DENIED),
            ("kms:EncryptionContext:other", "x", DENIED),
            ("kms:EncryptionContextKeys", "aws:s3:arn", ALLOWED),
            ("aws:SourceIp", "127.0.0.1", DENIED),
            ("aws:ViaAWSService", "true", ALLOWED),
        ],
    )
    def test_conditions_of_a_key_policy(self, world: World, key: str, value: str, expected: Any) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow(PUT))
        condition = when(key, value.format(customer=world.customer, bucket=bucket))
        arn = world.make_key(allow("kms:GenerateDataKey", **named("*"), **condition))
        assert verdict(world.client("s3", session).put_object, **encrypted(bucket, arn)) == expected

    def test_bucket_key_makes_the_bucket_the_encryption_context(self, world: World) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow([*PUT, "s3:GetObject", "kms:Decrypt"]))
        context = when("kms:EncryptionContext:aws:s3:arn", f"arn:aws:s3:::{bucket}")
        key = world.make_key(allow(["kms:GenerateDataKey", "kms:Decrypt"], **named("*"), **context))
        s3 = world.client("s3", session)
        assert verdict(s3.put_object, **encrypted(bucket, key)) == DENIED
        assert s3.put_object(**encrypted(bucket, key, BucketKeyEnabled=True))["BucketKeyEnabled"] is True
        assert s3.get_object(Bucket=bucket, Key="a")["BucketKeyEnabled"] is True

    def test_policy_that_locks_its_author_out_is_refused_unless_it_is_meant(self, world: World) -> None:
        key, kms = world.make_key(), kms_of(world)
        world.make_session()
        document = policy(allow("kms:*", **named(world.role_arn())))
        put = {"KeyId": key, "Policy": document}
        assert verdict(kms.put_key_policy, **put) == ("MalformedPolicyDocumentException", 400)
        kms.put_key_policy(**put, BypassPolicyLockoutSafetyCheck=True)
        assert verdict(kms.get_key_policy, KeyId=key) == ("AccessDeniedException", 400)

    @pytest.mark.parametrize("text", ["{", '{"Statement": []}', '{"Version": "2012-10-17", "Extra": 1}'])
    def test_garbled_policy_and_unknown_principal_are_malformed(self, world: World, text: str) -> None:
        kms, root = kms_of(world), named(f"arn:aws:iam::{world.customer}:root")
        stranger = policy(allow("kms:*", **root), allow("kms:*", **named(world.role_arn("nobody"))))
        for document in (text, stranger):
            assert verdict(kms.create_key, Policy=document) == ("MalformedPolicyDocumentException", 400)


class TestOtherAccounts:
    def test_key_of_another_account_needs_both_policies(self, world: World) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow("s3:PutObject"))
        closed, s3 = world.make_key(account=world.vendor), world.client("s3", session)
        opened = world.make_key(allow("kms:GenerateDataKey", **named(world.role_arn())), account=world.vendor)
        assert verdict(s3.put_object, **encrypted(bucket, opened)) == DENIED
        world.grant("delivery", allow(PUT))
        assert s3.put_object(**encrypted(bucket, opened))
        assert verdict(s3.put_object, **encrypted(bucket, closed)) == DENIED

    def test_missing_key_of_another_account_reads_like_a_closed_one(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.make_session(allow(PUT)))
        closed = world.make_key(account=world.vendor)
        missing = closed[:-12] + "0" * 12
        texts = [told(s3.put_object, **encrypted(bucket, key)).replace(key, "") for key in (closed, missing)]
        assert texts[0] == texts[1]

    def test_key_of_another_account_cannot_be_managed(self, world: World) -> None:
        key = world.make_key(allow("kms:*", **named("*")), account=world.vendor)
        kms = kms_of(world)
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
        assert verdict(kms.disable_key, KeyId=key) == ("AccessDeniedException", 400)
        assert verdict(kms.disable_key, KeyId=key.rpartition("/")[2]) == ("NotFoundException", 400)


class TestNamesAndStates:
    def test_aliases_and_ids_are_looked_for_in_the_callers_account(self, world: World) -> None:
        bucket, key, kms = world.make_bucket(), world.make_key(), kms_of(world)
        kms.create_alias(AliasName="alias/here", TargetKeyId=key)
        s3 = world.client("s3", world.root(world.customer))
        for name in ("alias/here", key, key.rpartition("/")[2], f"{key.rpartition(':')[0]}:alias/here"):
            assert s3.put_object(**encrypted(bucket, name))["SSEKMSKeyId"] == key
        everybody = allow("s3:*", f"arn:aws:s3:::{bucket}/*", Principal="*")
        world.set_bucket_policy(bucket, everybody)
        stranger = world.client("s3", world.root(world.vendor))
        assert verdict(stranger.put_object, **encrypted(bucket, "alias/here")) == ("KMS.NotFoundException", 400)

    def test_alias_moves_and_goes(self, world: World) -> None:
        one, two, kms = world.make_key(), world.make_key(), kms_of(world)
        root = named(f"arn:aws:iam::{world.customer}:root")
        for key in (one, two):
            kms.put_key_policy(KeyId=key, Policy=policy(allow("kms:*", **root)))
        kms.create_alias(AliasName="alias/here", TargetKeyId=one)
        kms.update_alias(AliasName="alias/here", TargetKeyId=two)
        assert kms.describe_key(KeyId="alias/here")["KeyMetadata"]["Arn"] == two
        kms.delete_alias(AliasName="alias/here")
        assert verdict(kms.describe_key, KeyId="alias/here") == ("NotFoundException", 400)
        assert verdict(kms.create_alias, AliasName="alias/aws/x", TargetKeyId=one) == ("ValidationException", 400)

    def test_alias_needs_the_keys_consent(self, world: World) -> None:
        key, kms = world.make_key(), kms_of(world)
        root = named(f"arn:aws:iam::{world.customer}:root")
        kms.put_key_policy(KeyId=key, Policy=policy(allow(["kms:Put*", "kms:Schedule*"], **root)))
        assert verdict(kms.create_alias, AliasName="alias/x", TargetKeyId=key) == ("AccessDeniedException", 400)

    @pytest.mark.parametrize("name", ["nonsense", "arn:aws:kms:us-east-1:1:key/x", "alias/none"])
    def test_name_that_means_no_key_is_not_found(self, world: World, name: str) -> None:
        s3 = world.client("s3", world.root(world.customer))
        put = encrypted(world.make_bucket(), name)
        assert verdict(s3.put_object, **put) == ("KMS.NotFoundException", 400)

    @pytest.mark.parametrize("owner", ["customer", "vendor"])
    def test_key_of_another_region_is_not_found_whoever_owns_it(self, world: World, owner: str) -> None:
        bucket = world.make_bucket()
        key = world.make_key(account=getattr(world, owner), region="us-west-2")
        put = world.client("s3", world.root(world.customer)).put_object
        assert verdict(put, **encrypted(bucket, key)) == ("KMS.NotFoundException", 400)

    def test_states_follow_the_table(self, world: World) -> None:
        bucket, key, kms = world.make_bucket(), world.make_key(), kms_of(world)
        put = world.client("s3", world.root(world.customer)).put_object
        assert verdict(kms.cancel_key_deletion, KeyId=key) == ("KMSInvalidStateException", 409)
        kms.disable_key(KeyId=key)
        assert verdict(put, **encrypted(bucket, key)) == ("KMS.DisabledException", 400)
        kms.enable_key(KeyId=key)
        assert verdict(put, **encrypted(bucket, key)) == ALLOWED
        short = verdict(kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=6)
        assert short == ("ValidationException", 400)
        assert kms.schedule_key_deletion(KeyId=key)["KeyState"] == "PendingDeletion"
        assert verdict(put, **encrypted(bucket, key)) == ("KMS.KMSInvalidStateException", 400)
        assert verdict(kms.enable_key, KeyId=key) == ("KMSInvalidStateException", 409)
        assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == key
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"

    def test_state_is_not_told_to_who_may_not_use_the_key(self, world: World) -> None:
        bucket, key = world.make_bucket(), world.make_key()
        kms_of(world).disable_key(KeyId=key)
        s3 = world.client("s3", world.make_session(allow("s3:*")))
        assert verdict(s3.put_object, **encrypted(bucket, key)) == DENIED

    def test_managed_key_is_used_without_a_permission_and_changed_by_nobody(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.make_session(allow("s3:PutObject")))
        put = {"Bucket": bucket, "Key": "a", "ServerSideEncryption": "aws:kms"}
        key = s3.put_object(**put)["SSEKMSKeyId"]
        assert s3.put_object(**put)["SSEKMSKeyId"] == key
        assert kms_of(world).describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"] == key
        assert verdict(kms_of(world).disable_key, KeyId=key) == ("AccessDeniedException", 400)

    def test_control_plane_asks_identity_and_key_policy(self, world: World) -> None:
        key = world.make_key()
        kms = world.client("kms", world.make_session(allow(["kms:CreateKey", "kms:DescribeKey"])))
        assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyUsage"] == "ENCRYPT_DECRYPT"
        assert verdict(kms.list_keys) == ("AccessDeniedException", 400)
        assert verdict(kms.disable_key, KeyId=key) == ("AccessDeniedException", 400)
        assert verdict(kms.create_alias, AliasName="alias/x", TargetKeyId=key) == ("AccessDeniedException", 400)


def test_bucket_policy_may_demand_one_key_by_its_header(world: World) -> None:
    bucket, key, other = world.make_bucket(), world.make_key(), world.make_key()
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    statement = deny("s3:PutObject", f"arn:aws:s3:::{bucket}/*", Principal="*")
    world.set_bucket_policy(bucket, statement | {"Condition": {"StringNotEquals": {header: key}}})
    put = world.client("s3", world.make_session(allow(PUT))).put_object
    assert verdict(put, **encrypted(bucket, key)) == ALLOWED
    assert verdict(put, **encrypted(bucket, other)) == DENIED
    assert verdict(put, Bucket=bucket, Key="a") == DENIED


def test_call_that_is_not_json_is_refused(world: World) -> None:
    kms = kms_of(world)
    kms.meta.events.register("before-call.kms", lambda params, **_: params.update(body=b"[]"), unique_id="x")
    assert verdict(kms.list_keys) == ("SerializationException", 400)
