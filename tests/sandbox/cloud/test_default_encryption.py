"""A bucket's default encryption, and what a write's own headers make of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.cloud.test_kms import encrypted, told
from tests.sandbox.cloud.world import World, allow, verdict


class TestDefaultEncryption:
    def rule(self, algorithm: str, key: str = "", bucket_key: bool | None = None) -> dict[str, Any]:
        default = {"SSEAlgorithm": algorithm} | ({"KMSMasterKeyID": key} if key else {})
        rule: dict[str, Any] = {"ApplyServerSideEncryptionByDefault": default}
        return {"Rules": [rule | ({} if bucket_key is None else {"BucketKeyEnabled": bucket_key})]}

    def test_default_is_used_without_a_header_and_the_header_wins(self, world: World) -> None:
        bucket, key, other = world.make_bucket(), world.make_key(), world.make_key()
        s3 = world.client("s3", world.root(world.customer))
        rule = self.rule("aws:kms", key, True)
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rule)
        assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"] == rule
        put = {"Bucket": bucket, "Key": "a", "Body": b"1"}
        made = s3.put_object(**put)
        assert (made["SSEKMSKeyId"], made["BucketKeyEnabled"]) == (key, True)
        made = s3.put_object(**put, ServerSideEncryption="aws:kms", SSEKMSKeyId=other, BucketKeyEnabled=False)
        assert (made["SSEKMSKeyId"], made.get("BucketKeyEnabled", False)) == (other, False)
        made = s3.put_object(**put, ServerSideEncryption="AES256")
        assert (made["ServerSideEncryption"], made.get("SSEKMSKeyId")) == ("AES256", None)
        s3.delete_bucket_encryption(Bucket=bucket)
        assert s3.put_object(**put)["ServerSideEncryption"] == "AES256"

    def test_default_needs_the_callers_own_right_to_the_key(self, world: World) -> None:
        bucket, key = world.make_bucket(), world.make_key()
        root, s3 = world.client("s3", world.root(world.customer)), world.client("s3", world.make_session(allow("s3:*")))
        root.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=self.rule("aws:kms", key))
        assert "kms:GenerateDataKey" in told(s3.put_object, Bucket=bucket, Key="a")

    def test_upload_in_parts_keeps_key_and_bucket_key(self, world: World) -> None:
        bucket, key = world.make_bucket(), world.make_key()
        s3 = world.client("s3", world.root(world.customer))
        wanted = encrypted(bucket, key, BucketKeyEnabled=True)
        del wanted["Body"]
        upload = {"Bucket": bucket, "Key": "a", "UploadId": s3.create_multipart_upload(**wanted)["UploadId"]}
        part = s3.upload_part(**upload, PartNumber=1, Body=b"1")
        done = s3.complete_multipart_upload(
            **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        )
        for answer in (part, done, s3.head_object(Bucket=bucket, Key="a")):
            assert (answer["SSEKMSKeyId"], answer["BucketKeyEnabled"]) == (key, True)

    @pytest.mark.parametrize(
        ("more", "code"),
        [
            ({"SSEKMSKeyId": "k"}, "InvalidArgument"),
            ({"ServerSideEncryption": "AES256", "SSEKMSKeyId": "k"}, "InvalidArgument"),
            ({"BucketKeyEnabled": True}, "InvalidArgument"),
        ],
    )
    def test_headers_that_contradict_each_other_are_refused(self, world: World, more: Any, code: str) -> None:
        put = world.client("s3", world.root(world.customer)).put_object
        assert verdict(put, Bucket=world.make_bucket(), Key="a", **more) == (code, 400)

    def test_default_that_contradicts_itself_is_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        put = s3.put_bucket_encryption
        for rule, code in ((self.rule("AES256", "k"), "InvalidArgument"), (self.rule("ROT13"), "MalformedXML")):
            assert verdict(put, Bucket=bucket, ServerSideEncryptionConfiguration=rule) == (code, 400)
