"""What is stored is what was sent: checksums, encryption, type, names.

Source: S3 API, "Error responses"; S3 User Guide, "Checking object integrity", "Setting default server-side
encryption behavior", "Controlling ownership of objects".
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest

from tests.sandbox.cloud.world import World

BODY = b'{"resourceType":"Patient"}\n'
DAMAGED = ("BadDigest", 400)


def base64_of(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


SHA256 = base64_of(hashlib.sha256(BODY).digest())
CRC32 = base64_of(zlib.crc32(BODY).to_bytes(4, "big"))
MD5 = base64_of(hashlib.md5(BODY).digest())


class TestChecksums:
    @pytest.mark.parametrize(
        ("wrong", "refusal"),
        [
            ({"ChecksumSHA256": base64_of(hashlib.sha256(b"other").digest())}, DAMAGED),
            ({"ChecksumSHA1": base64_of(hashlib.sha1(b"other").digest())}, DAMAGED),
            ({"ChecksumCRC32": "AAAAAA=="}, DAMAGED),
            ({"ContentMD5": base64_of(hashlib.md5(b"other").digest())}, DAMAGED),
            ({"ContentMD5": "bm9uc2Vuc2U="}, ("InvalidDigest", 400)),
        ],
        ids=lambda value: "=".join(next(iter(value.items()))) if isinstance(value, dict) else value[0],
    )
    def test_wrong_checksum_is_refused_and_nothing_stored(
        self, world: World, wrong: dict[str, str], refusal: tuple[str, int]
    ) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        world.refused(s3.put_object, refusal, Bucket=bucket, Key="a", Body=BODY, **wrong)
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    @pytest.mark.parametrize("right", [{"ChecksumSHA256": SHA256}, {"ChecksumCRC32": CRC32}, {"ContentMD5": MD5}])
    def test_right_checksum_is_taken(self, world: World, right: dict[str, str]) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        s3.put_object(Bucket=bucket, Key="a", Body=BODY, **right)
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == BODY

    def test_wrong_checksum_of_a_part_is_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        upload = {"Bucket": bucket, "Key": "a"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        world.refused(s3.upload_part, DAMAGED, **upload, PartNumber=1, Body=BODY, ChecksumCRC32="AAAAAA==")
        s3.abort_multipart_upload(**upload)

    def test_completion_with_the_wrong_checksum_of_a_part_is_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        upload = {"Bucket": bucket, "Key": "a"}
        upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
        sent = s3.upload_part(**upload, PartNumber=1, Body=BODY, ChecksumAlgorithm="SHA256")
        part = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": SHA256}
        wrong = {**part, "ChecksumSHA256": base64_of(bytes(32))}
        done: Any = s3.complete_multipart_upload
        codes = [("InvalidPart", 400), DAMAGED]
        world.refused(done, *codes, **upload, MultipartUpload={"Parts": [wrong]})
        assert done(**upload, MultipartUpload={"Parts": [part]})


class TestHead:
    def test_head_shows_encryption_type_and_checksum(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        put = s3.put_object(
            Bucket=bucket,
            Key="a",
            Body=BODY,
            ContentType="application/fhir+ndjson",
            ServerSideEncryption="AES256",
            ChecksumAlgorithm="SHA256",
        )
        head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
        assert head["ServerSideEncryption"] == put["ServerSideEncryption"] == "AES256"
        assert head["ContentType"] == "application/fhir+ndjson"
        assert head["ContentLength"] == len(BODY)
        assert head["ChecksumSHA256"] == put["ChecksumSHA256"] == SHA256
        assert head["ETag"] == put["ETag"]

    def test_checksum_of_an_upload_in_parts_is_one_of_its_parts(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        upload = {"Bucket": bucket, "Key": "a"}
        upload["UploadId"] = s3.create_multipart_upload(**upload, ChecksumAlgorithm="SHA256")["UploadId"]
        sent = s3.upload_part(**upload, PartNumber=1, Body=BODY, ChecksumAlgorithm="SHA256")
        part = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": SHA256}
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [part]})
        of_parts = base64_of(hashlib.sha256(hashlib.sha256(BODY).digest()).digest())
        head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
        assert (head["ChecksumSHA256"], head["ChecksumType"]) == (f"{of_parts}-1", "COMPOSITE")
        s3.put_object(Bucket=bucket, Key="b", Body=BODY, ChecksumAlgorithm="SHA256")
        head = s3.head_object(Bucket=bucket, Key="b", ChecksumMode="ENABLED")
        assert (head["ChecksumSHA256"], head["ChecksumType"]) == (SHA256, "FULL_OBJECT")

    def test_encryption_is_aes256_when_none_was_asked_for(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        assert s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ServerSideEncryption"] == "AES256"
        assert s3.head_object(Bucket=bucket, Key="a")["ServerSideEncryption"] == "AES256"

    def test_metadata_comes_back(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        s3.put_object(Bucket=bucket, Key="a", Body=b"1", Metadata={"sync-job": "1  2"})
        assert s3.head_object(Bucket=bucket, Key="a")["Metadata"]["sync-job"].split() == ["1", "2"]


class TestRefusedHeaders:
    def test_unknown_encryption_is_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        codes = [("InvalidEncryptionAlgorithmError", 400), ("InvalidArgument", 400)]
        world.refused(s3.put_object, *codes, Bucket=bucket, Key="a", ServerSideEncryption="ROT13")

    def test_key_for_encryption_without_kms_is_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        more = {"ServerSideEncryption": "AES256", "SSEKMSKeyId": f"arn:aws:kms:eu-central-1:{world.customer}:key/1"}
        world.refused(s3.put_object, ("InvalidArgument", 400), Bucket=bucket, Key="a", **more)

    def test_acl_is_refused_unless_it_gives_the_owner_everything(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        s3.put_object(Bucket=bucket, Key="a", ACL="bucket-owner-full-control")
        refusal = ("AccessControlListNotSupported", 400)
        world.refused(s3.put_object, refusal, Bucket=bucket, Key="b", ACL="bucket-owner-read")


def test_keys_with_spaces_plus_and_letters_of_other_scripts_come_back(world: World) -> None:
    bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
    keys = sorted(["a b+c/ü%20~.ndjson", "x//y", "p=1&q=2", "日本/'()*!"])
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == keys
