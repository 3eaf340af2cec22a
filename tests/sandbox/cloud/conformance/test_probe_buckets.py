"""Bucket policies, buckets of other accounts, and the expected owner.

Source: IAM User Guide, "Cross-account policy evaluation logic"; S3 User Guide, "Verifying bucket ownership with
bucket owner condition", "Examples of Amazon S3 bucket policies".
"""

from __future__ import annotations

import pytest

from tests.sandbox.cloud.world import Document, World, allow, deny

HEADER = "s3:x-amz-server-side-encryption"


def arn(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}/*"


class TestUnencryptedPuts:
    @pytest.mark.parametrize(
        "condition",
        [{"StringNotEquals": {HEADER: "AES256"}}, {"Null": {HEADER: "true"}}],
        ids=["other than AES256", "without the header"],
    )
    def test_bucket_policy_that_denies_unencrypted_puts_lets_the_right_one_pass(
        self, world: World, condition: Document
    ) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow("s3:PutObject"))
        world.set_bucket_policy(bucket, deny("s3:PutObject", arn(bucket), Principal="*", Condition=condition))
        put = world.client("s3", session).put_object
        world.allowed(put, Bucket=bucket, Key="a", Body=b"1", ServerSideEncryption="AES256")
        world.refused(put, Bucket=bucket, Key="a", Body=b"1")

    def test_bucket_policy_may_demand_conditional_writes(self, world: World) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow("s3:PutObject"))
        unless = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
        world.set_bucket_policy(bucket, deny("s3:PutObject", arn(bucket), Principal="*", Condition=unless))
        s3 = world.client("s3", session)
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1", IfNoneMatch="*")
        world.refused(s3.put_object, Bucket=bucket, Key="b", Body=b"1")
        upload = {"Bucket": bucket, "Key": "c"}
        upload["UploadId"] = world.allowed(s3.create_multipart_upload, **upload)["UploadId"]
        tag = world.allowed(s3.upload_part, **upload, PartNumber=1, Body=b"1")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
        world.refused(s3.complete_multipart_upload, **upload, MultipartUpload=parts)
        world.allowed(s3.complete_multipart_upload, **upload, MultipartUpload=parts, IfNoneMatch="*")


class TestSameAccount:
    def test_bucket_policy_that_names_the_role_is_enough(self, world: World) -> None:
        bucket, session = world.make_bucket(), world.make_session()
        put = world.client("s3", session).put_object
        world.refused(put, Bucket=bucket, Key="a", Body=b"1")
        world.set_bucket_policy(bucket, allow("s3:PutObject", arn(bucket), Principal={"AWS": world.role_arn()}))
        world.allowed(put, Bucket=bucket, Key="a", Body=b"1")

    def test_bucket_policy_that_names_the_account_is_not_enough(self, world: World) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow("s3:GetObject"))
        s3 = world.client("s3", session)
        world.set_bucket_policy(bucket, allow("s3:*", arn(bucket), Principal={"AWS": world.customer}))
        world.client("s3", world.root(world.customer)).put_object(Bucket=bucket, Key="a", Body=b"1")
        world.allowed(s3.get_object, Bucket=bucket, Key="a")
        world.refused(s3.put_object, Bucket=bucket, Key="a", Body=b"1")

    def test_policy_of_a_bucket_may_only_speak_of_that_bucket(self, world: World) -> None:
        bucket, other = world.make_bucket(), world.make_bucket()
        put = world.client("s3", world.root(world.customer)).put_bucket_policy
        no = {"Version": "2012-10-17", "Statement": [deny("s3:PutObject", arn(other), Principal="*")]}
        world.refused(put, ("MalformedPolicy", 400), Bucket=bucket, Policy=str(no).replace("'", '"'))


class TestOtherAccount:
    def test_bucket_without_a_bucket_policy_is_closed(self, world: World) -> None:
        bucket, own = world.make_bucket(account=world.vendor), world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:*")))
        world.allowed(s3.put_object, Bucket=own, Key="a", Body=b"1")
        world.refused(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.refused(world.client("s3", world.root(world.customer)).list_objects_v2, Bucket=bucket)

    @pytest.mark.parametrize("named", ["role", "account"])
    def test_bucket_opens_with_a_bucket_policy_for_what_the_role_has_too(self, world: World, named: str) -> None:
        bucket = world.make_bucket(account=world.vendor)
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        principal = {"AWS": {"role": world.role_arn(), "account": world.customer}[named]}
        world.set_bucket_policy(bucket, allow("s3:*", arn(bucket), Principal=principal), account=world.vendor)
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.refused(s3.get_object, Bucket=bucket, Key="a")

    def test_bucket_policy_for_another_action_does_not_open_it(self, world: World) -> None:
        bucket = world.make_bucket(account=world.vendor)
        s3 = world.client("s3", world.make_session(allow("s3:*")))
        only = allow("s3:PutObject", arn(bucket), Principal={"AWS": world.role_arn()})
        world.set_bucket_policy(bucket, only, account=world.vendor)
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.refused(s3.get_object, Bucket=bucket, Key="a")


class TestExpectedOwner:
    def test_wrong_expected_bucket_owner_is_refused(self, world: World) -> None:
        bucket = world.make_bucket()
        put = world.client("s3", world.make_session(allow("s3:PutObject"))).put_object
        world.allowed(put, Bucket=bucket, Key="a", Body=b"1", ExpectedBucketOwner=world.customer)
        world.refused(put, Bucket=bucket, Key="b", Body=b"1", ExpectedBucketOwner=world.vendor)

    def test_wrong_expected_bucket_owner_is_refused_on_reads_and_uploads_too(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        wrong = {"Bucket": bucket, "ExpectedBucketOwner": world.vendor}
        world.refused(s3.get_object, **wrong, Key="a")
        world.refused(s3.list_objects_v2, **wrong)
        world.refused(s3.create_multipart_upload, **wrong, Key="b")

    def test_wrong_expected_bucket_owner_of_the_callers_own_account_is_refused(self, world: World) -> None:
        """A bucket that was deleted and taken by another account, which would let us write into it."""
        bucket = world.make_bucket(account=world.vendor)
        put = world.client("s3", world.make_session(allow("s3:PutObject"))).put_object
        opened = allow("s3:PutObject", arn(bucket), Principal={"AWS": world.role_arn()})
        world.set_bucket_policy(bucket, opened, account=world.vendor)
        world.allowed(put, Bucket=bucket, Key="a", Body=b"1", ExpectedBucketOwner=world.vendor)
        world.refused(put, Bucket=bucket, Key="b", Body=b"1", ExpectedBucketOwner=world.customer)
