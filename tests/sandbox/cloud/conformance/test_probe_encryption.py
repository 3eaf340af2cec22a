"""How an object is encrypted: the key it asks for or its bucket's default, and what uploads and reads need.

Source: S3 User Guide, "Using server-side encryption with AWS KMS keys", "Multipart upload API and permissions",
"Setting default server-side encryption behavior", "Reducing the cost of SSE-KMS with Amazon S3 Bucket Keys".
"""

from __future__ import annotations

from functools import partial

from tests.sandbox.cloud.conformance.writer import DATA_KEY, DECRYPT, S3_ALONE, MakeWriter, Writer
from tests.sandbox.cloud.world import World, allow, deny


class TestRightKey:
    def test_put_and_head_show_encryption_key_and_bucket_key(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        put = mine.may(key, BucketKeyEnabled=True)
        head = mine.head()
        for shown in (put, head):
            assert (shown["ServerSideEncryption"], shown["SSEKMSKeyId"]) == ("aws:kms", key)
            assert shown["BucketKeyEnabled"] is True

    def test_head_shows_no_bucket_key_where_none_was_asked_for(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        assert not mine.may(key).get("BucketKeyEnabled")
        assert not mine.head().get("BucketKeyEnabled")

    def test_key_is_also_found_by_its_id(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        assert mine.may(key.rpartition("/")[2])["SSEKMSKeyId"] == key

    def test_aws_kms_without_a_key_takes_the_accounts_own(self, world: World, writer: MakeWriter) -> None:
        mine = writer(S3_ALONE)
        put = world.allowed(mine.s3.put_object, Bucket=mine.bucket, Key="a", ServerSideEncryption="aws:kms")
        assert put["ServerSideEncryption"] == mine.head()["ServerSideEncryption"] == "aws:kms"
        assert put["SSEKMSKeyId"].startswith(f"arn:aws:kms:eu-central-1:{world.customer}:key/")

    def test_aes256_needs_no_key(self, world: World, writer: MakeWriter) -> None:
        mine = writer(S3_ALONE)
        world.allowed(mine.s3.put_object, Bucket=mine.bucket, Key="a", ServerSideEncryption="AES256")
        assert "SSEKMSKeyId" not in mine.head()


class TestDecrypt:
    def upload(self, mine: Writer, key: str) -> None:
        """Write by upload in one part; AWS documents that it needs kms:Decrypt, not at which of the steps."""
        begun = mine.s3.create_multipart_upload(**mine.sse(key))
        upload = {"Bucket": mine.bucket, "Key": "a", "UploadId": begun["UploadId"]}
        try:
            tag = mine.s3.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]
            parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
            mine.s3.complete_multipart_upload(**upload, MultipartUpload=parts)
        except Exception:
            root = mine.world.client("s3", mine.world.root(mine.world.customer))
            root.abort_multipart_upload(**upload)
            raise

    def test_multipart_upload_without_kms_decrypt_is_refused(self, world: World, writer: MakeWriter) -> None:
        key = world.make_key()
        mine = writer(S3_ALONE, allow(DATA_KEY, key))
        mine.may(key)
        world.refused(self.upload, mine=mine, key=key)
        world.grant("delivery", S3_ALONE, allow([DATA_KEY, DECRYPT], key))
        world.allowed(self.upload, mine=mine, key=key)
        assert mine.head()["SSEKMSKeyId"] == key

    def test_multipart_upload_without_a_data_key_is_refused(self, world: World, writer: MakeWriter) -> None:
        key = world.make_key()
        mine = writer(S3_ALONE, allow(DECRYPT, key))
        world.refused(self.upload, mine=mine, key=key)

    def test_reading_needs_kms_decrypt(self, world: World, writer: MakeWriter) -> None:
        key = world.make_key()
        mine = writer(S3_ALONE, allow(DATA_KEY, key))
        mine.may(key)
        world.refused(mine.s3.get_object, Bucket=mine.bucket, Key="a")
        world.grant("delivery", S3_ALONE, allow([DATA_KEY, DECRYPT], key))
        assert world.allowed(mine.s3.get_object, Bucket=mine.bucket, Key="a")["SSEKMSKeyId"] == key

    def test_checksum_in_a_head_needs_kms_decrypt_and_the_head_alone_does_not(
        self, world: World, writer: MakeWriter
    ) -> None:
        key = world.make_key()
        mine = writer(S3_ALONE, allow(DATA_KEY, key))
        mine.may(key, ChecksumAlgorithm="SHA256")
        place = {"Bucket": mine.bucket, "Key": "a"}
        assert world.allowed(mine.s3.head_object, **place)["SSEKMSKeyId"] == key
        world.refused(mine.s3.head_object, ("403", 403), **place, ChecksumMode="ENABLED")
        world.grant("delivery", S3_ALONE, allow([DATA_KEY, DECRYPT], key))
        assert world.allowed(mine.s3.head_object, **place, ChecksumMode="ENABLED")["ChecksumSHA256"]


class TestDefault:
    def make_default(self, mine: Writer, key: str) -> None:
        by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        rules = [{"ApplyServerSideEncryptionByDefault": by_default, "BucketKeyEnabled": True}]
        root = mine.world.client("s3", mine.world.root(mine.world.customer))
        root.put_bucket_encryption(Bucket=mine.bucket, ServerSideEncryptionConfiguration={"Rules": rules})

    def test_put_without_a_header_takes_the_buckets_default_key(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        self.make_default(mine, key)
        ask = partial(mine.s3.put_object, Bucket=mine.bucket, Key="a", Body=b"1")
        put = world.settled(ask, lambda shown: shown["ServerSideEncryption"] == "aws:kms")
        for shown in (put, mine.head()):
            assert (shown["ServerSideEncryption"], shown["SSEKMSKeyId"]) == ("aws:kms", key)
            assert shown["BucketKeyEnabled"] is True

    def test_default_key_that_the_writer_may_not_use_is_refused(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer(S3_ALONE)
        world.allowed(mine.s3.put_object, Bucket=mine.bucket, Key="a", Body=b"1")
        self.make_default(mine, key)
        world.refused(mine.s3.put_object, Bucket=mine.bucket, Key="a", Body=b"1")

    def test_header_wins_over_the_default(self, world: World, writer: MakeWriter) -> None:
        key, other, mine = world.make_key(), world.make_key(), writer()
        self.make_default(mine, key)
        world.allowed(mine.s3.put_object, Bucket=mine.bucket, Key="a", Body=b"1", ServerSideEncryption="AES256")
        assert mine.head()["ServerSideEncryption"] == "AES256"
        mine.may(other)
        assert mine.head()["SSEKMSKeyId"] == other

    def test_default_does_not_satisfy_a_deny_on_the_header(self, world: World, writer: MakeWriter) -> None:
        key, mine = world.make_key(), writer()
        self.make_default(mine, key)
        unless = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
        no = deny("s3:PutObject", f"arn:aws:s3:::{mine.bucket}/*", Principal="*", Condition=unless)
        world.set_bucket_policy(mine.bucket, no)
        mine.may(key)
        world.refused(mine.s3.put_object, Bucket=mine.bucket, Key="a", Body=b"1")
