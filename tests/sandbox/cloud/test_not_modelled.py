"""What the local AWS does not model is answered 501, in a sentence, and leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.cloud.world import World, allow, policy, trust

Call = Callable[[Any, str], Any]


def check_not_modelled(call: Callable[[], Any]) -> None:
    with pytest.raises(ClientError) as caught:
        call()
    response: Any = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "the local AWS does not model" in str(response["Error"])


S3_CALLS: dict[str, Call] = {
    "kms twice": lambda s3, b: s3.put_object(Bucket=b, Key="a", ServerSideEncryption="aws:kms:dsse"),
    "kms context": lambda s3, b: s3.put_object(
        Bucket=b, Key="a", ServerSideEncryption="aws:kms", SSEKMSEncryptionContext="e30="
    ),
    "kms twice by default": lambda s3, b: s3.put_bucket_encryption(
        Bucket=b,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}]
        },
    ),
    "tags": lambda s3, b: s3.put_object(Bucket=b, Key="a", Tagging="a=b"),
    "object lock": lambda s3, b: s3.put_object(Bucket=b, Key="a", ObjectLockMode="GOVERNANCE"),
    "grants": lambda s3, b: s3.put_object(Bucket=b, Key="a", GrantRead="id=1"),
    "customer key": lambda s3, b: s3.put_object(
        Bucket=b, Key="a", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32
    ),
    "put if match": lambda s3, b: s3.put_object(Bucket=b, Key="a", IfMatch="x"),
    "put if none match an etag": lambda s3, b: s3.put_object(Bucket=b, Key="a", IfNoneMatch='"x"'),
    "delete if match": lambda s3, b: s3.delete_object(Bucket=b, Key="a", IfMatch="x"),
    "checksum xxhash": lambda s3, b: s3.put_object(Bucket=b, Key="a", ChecksumXXHASH64="AAAAAAAAAAA="),
    "checksum of the whole in parts": lambda s3, b: s3.create_multipart_upload(
        Bucket=b, Key="a", ChecksumAlgorithm="CRC64NVME"
    ),
    "copy": lambda s3, b: s3.copy_object(Bucket=b, Key="a", CopySource=f"{b}/b"),
    "version": lambda s3, b: s3.get_object(Bucket=b, Key="a", VersionId="1"),
    "acl": lambda s3, b: s3.get_object_acl(Bucket=b, Key="a"),
    "delete objects": lambda s3, b: s3.delete_objects(Bucket=b, Delete={"Objects": [{"Key": "a"}]}),
    "list v1": lambda s3, b: s3.list_objects(Bucket=b),
    "list buckets": lambda s3, b: s3.list_buckets(),
    "versioning": lambda s3, b: s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={"Status": "Enabled"}),
    "public access": lambda s3, b: s3.get_public_access_block(Bucket=b),
}


@pytest.mark.parametrize("name", sorted(S3_CALLS))
def test_s3_call_outside_the_table_answers_501(world: World, name: str) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    check_not_modelled(lambda: S3_CALLS[name](s3, bucket))
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_create_bucket_with_object_lock_answers_501(world: World) -> None:
    s3 = world.client("s3", world.root(world.customer), region="us-east-1")
    check_not_modelled(lambda: s3.create_bucket(Bucket="locked-bucket", ObjectLockEnabledForBucket=True))


@pytest.mark.parametrize(
    "more",
    [
        {"SerialNumber": "arn:aws:iam::111111111111:mfa/x", "TokenCode": "123456"},
        {"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]},
        {"TransitiveTagKeys": ["team"]},
        {"Policy": policy(allow("s3:*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}))},
    ],
)
def test_assume_role_parameter_that_is_not_evaluated_answers_501(world: World, more: dict[str, Any]) -> None:
    keys = world.make_user()
    arn = world.make_role(trust(world.user_arn()))
    check_not_modelled(lambda: world.assume(keys, arn, **more))


def test_other_sts_and_iam_actions_answer_501(world: World) -> None:
    root = world.root(world.vendor)
    sts, iam = world.client("sts", root), world.client("iam", root)
    check_not_modelled(sts.get_session_token)
    check_not_modelled(lambda: iam.create_group(GroupName="g"))
    check_not_modelled(lambda: iam.create_policy(PolicyName="p", PolicyDocument=policy(allow("s3:*"))))
    check_not_modelled(lambda: iam.create_user(UserName="u", PermissionsBoundary="arn:aws:iam::aws:policy/x"))
    check_not_modelled(iam.create_access_key)
    assert iam.list_users()["Users"] == []


def test_other_service_answers_501(world: World) -> None:
    check_not_modelled(world.client("sqs", world.root(world.vendor)).list_queues)


KMS_CALLS: dict[str, Call] = {
    "use without S3": lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"1"),
    "grants": lambda kms, key: kms.list_grants(KeyId=key),
    "tags": lambda kms, key: kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}]),
    "tags of a new key": lambda kms, key: kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}]),
    "key pairs": lambda kms, key: kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"),
    "keys of several regions": lambda kms, key: kms.create_key(MultiRegion=True),
    "imported keys": lambda kms, key: kms.create_key(Origin="EXTERNAL"),
    "paging": lambda kms, key: kms.list_keys(Limit=1),
}


@pytest.mark.parametrize("name", sorted(KMS_CALLS))
def test_kms_call_outside_the_table_answers_501(world: World, name: str) -> None:
    kms = world.client("kms", world.root(world.customer))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    check_not_modelled(lambda: KMS_CALLS[name](kms, key))
    assert len(kms.list_keys()["Keys"]) == 1


def test_policies_with_unknown_conditions_cannot_be_stored(world: World) -> None:
    root, bucket = world.root(world.customer), world.make_bucket()
    world.make_user()
    arn = world.make_role(trust(world.user_arn()))
    iam, s3 = world.client("iam", root), world.client("s3", root)
    odd: dict[str, Any] = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "a"}}}
    check_not_modelled(lambda: world.grant("delivery", allow("s3:*", **odd)))
    check_not_modelled(lambda: world.make_role(trust(arn, **odd), name="other"))
    check_not_modelled(
        lambda: iam.update_assume_role_policy(RoleName="delivery", PolicyDocument=policy(trust(arn, **odd)))
    )
    statement = allow("s3:*", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": arn}, **odd)
    check_not_modelled(lambda: s3.put_bucket_policy(Bucket=bucket, Policy=policy(statement)))
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["delivery"]
    assert iam.list_role_policies(RoleName="delivery")["PolicyNames"] == []


@pytest.mark.parametrize(
    "resource", ["arn:aws:s3:::another-bucket/*", "*", "arn:aws:s3:::BUCKETx/*", "arn:aws:iam::1:role/x"]
)
def test_bucket_policy_about_something_else_is_malformed(world: World, resource: str) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    statement = allow("s3:*", resource.replace("BUCKET", bucket), Principal="*")
    with pytest.raises(ClientError) as caught:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": statement}))
    assert caught.value.response["Error"]["Code"] == "MalformedPolicy"
