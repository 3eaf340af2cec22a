"""What AWS documents about buckets and objects, asked through boto3 only: nothing here knows who answers.

Source of the expected values: S3 API, "Error responses"; S3 User Guide, "conditional writes"; IAM User Guide.
"""

from __future__ import annotations

import base64
import hashlib

from tests.sandbox.cloud.world import DENIED, World, allow, policy, refusal, trust


class TestPermissions:
    def test_put_outside_the_prefix_is_refused(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/flexpa/*")))
        assert s3.put_object(Bucket=bucket, Key="flexpa/a", Body=b"1")
        for key in ("a", "Flexpa/a", "flexpa", "xflexpa/a"):
            assert refusal(s3.put_object, Bucket=bucket, Key=key, Body=b"1") == DENIED

    def test_get_head_list_and_delete_need_their_own_permission(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        assert refusal(s3.get_object, Bucket=bucket, Key="a") == DENIED
        assert refusal(s3.head_object, Bucket=bucket, Key="a") == ("403", 403)
        assert refusal(s3.list_objects_v2, Bucket=bucket) == DENIED
        assert refusal(s3.delete_object, Bucket=bucket, Key="a") == DENIED
        assert refusal(s3.head_bucket, Bucket=bucket) == ("403", 403)

    def test_multipart_outside_the_prefix_is_refused(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/flexpa/*")))
        assert refusal(s3.create_multipart_upload, Bucket=bucket, Key="a") == DENIED
        upload = s3.create_multipart_upload(Bucket=bucket, Key="flexpa/a")["UploadId"]
        assert refusal(s3.abort_multipart_upload, Bucket=bucket, Key="flexpa/a", UploadId=upload) == DENIED

    def test_iam_call_needs_permission_on_that_role_path_included(self, world: World) -> None:
        role = {"account": world.vendor, "Path": "/team/"}
        arn = f"arn:aws:iam::{world.vendor}:role/team/delivery"
        keys = world.make_user("worker", allow(["iam:GetRole", "iam:DeleteRole"], arn))
        assert world.make_role(trust(world.user_arn()), **role) == arn
        world.make_role(trust(world.user_arn()), name="other", account=world.vendor)
        iam = world.client("iam", keys)
        assert iam.get_role(RoleName="delivery")["Role"]["Arn"] == arn
        assert refusal(iam.get_role, RoleName="other") == DENIED
        assert refusal(iam.list_roles) == DENIED
        assert refusal(iam.create_user, UserName="mine") == DENIED
        iam.delete_role(RoleName="delivery")

    def test_missing_object_is_hidden_from_who_may_not_list(self, world: World) -> None:
        bucket = world.make_bucket()
        blind = world.client("s3", world.make_session(allow("s3:GetObject")))
        assert refusal(blind.get_object, Bucket=bucket, Key="a") == DENIED
        world.grant("delivery", allow(["s3:GetObject", "s3:ListBucket"]))
        assert refusal(blind.get_object, Bucket=bucket, Key="a") == ("NoSuchKey", 404)

    def test_missing_bucket_is_not_found(self, world: World) -> None:
        s3 = world.client("s3", world.root(world.customer))
        assert refusal(s3.put_object, Bucket="no-such-bucket-at-all", Key="a") == ("NoSuchBucket", 404)

    def test_bucket_policy_that_denies_unencrypted_puts_looks_at_the_header(self, world: World) -> None:
        bucket, root = world.make_bucket(), world.client("s3", world.root(world.customer))
        deny = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
            "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}},
        }
        root.put_bucket_policy(Bucket=bucket, Policy=policy(deny))
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        assert refusal(s3.put_object, Bucket=bucket, Key="a", Body=b"1") == DENIED
        assert s3.put_object(Bucket=bucket, Key="a", Body=b"1", ServerSideEncryption="AES256")

    def test_other_accounts_bucket_is_closed_without_a_bucket_policy(self, world: World) -> None:
        bucket = world.make_bucket(account=world.vendor)
        s3 = world.client("s3", world.make_session(allow("s3:*")))
        assert refusal(s3.put_object, Bucket=bucket, Key="a", Body=b"1") == DENIED
        assert refusal(world.client("s3", world.root(world.customer)).list_objects_v2, Bucket=bucket) == DENIED

    def test_other_accounts_bucket_opens_with_a_policy_and_an_own_permission(self, world: World) -> None:
        bucket = world.make_bucket(account=world.vendor)
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        role = f"arn:aws:iam::{world.customer}:role/delivery"
        statement = allow("s3:*", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": role})
        world.client("s3", world.root(world.vendor)).put_bucket_policy(Bucket=bucket, Policy=policy(statement))
        assert s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        assert refusal(s3.get_object, Bucket=bucket, Key="a") == DENIED

    def test_wrong_expected_bucket_owner_is_refused(self, world: World) -> None:
        bucket = world.make_bucket()
        put = world.client("s3", world.make_session(allow("s3:PutObject"))).put_object
        assert put(Bucket=bucket, Key="a", Body=b"1", ExpectedBucketOwner=world.customer)
        answer = refusal(put, Bucket=bucket, Key="b", Body=b"1", ExpectedBucketOwner=world.vendor)
        assert answer == DENIED


class TestObjects:
    def test_wrong_region_is_told_and_botocore_follows_it(self, world: World) -> None:
        bucket = world.make_bucket(region="us-west-2")
        s3 = world.client("s3", world.root(world.customer), region="eu-central-1")
        seen = []
        s3.meta.events.register("needs-retry.s3", lambda response, **_: seen.append(response), unique_id="x")
        assert s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        codes = [answer[1].get("Error", {}).get("Code") for answer in seen]
        assert codes == ["AuthorizationHeaderMalformed", None]
        assert seen[0][1]["Error"]["Region"] == "us-west-2"
        assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "us-west-2"

    def test_head_in_the_wrong_region_is_followed_too(self, world: World) -> None:
        bucket = world.make_bucket(region="us-west-2")
        s3 = world.client("s3", world.root(world.customer), region="eu-central-1")
        assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-west-2"

    def test_put_with_if_none_match_never_overwrites(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        s3.put_object(Bucket=bucket, Key="a", Body=b"first", IfNoneMatch="*")
        second = {"Bucket": bucket, "Key": "a", "Body": b"second", "IfNoneMatch": "*"}
        assert refusal(s3.put_object, **second) == ("PreconditionFailed", 412)
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"first"

    def test_multipart_upload_works_and_its_completion_never_overwrites(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        for expected in ("stored", "refused"):
            upload = {"Bucket": bucket, "Key": "a"}
            upload["UploadId"] = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
            part = s3.upload_part(**upload, PartNumber=1, Body=expected.encode())
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            done = {**upload, "MultipartUpload": parts, "IfNoneMatch": "*"}
            if expected == "stored":
                assert s3.complete_multipart_upload(**done)["ETag"]
            else:
                assert refusal(s3.complete_multipart_upload, **done) == ("PreconditionFailed", 412)
                s3.abort_multipart_upload(**upload)
        assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"stored"

    def test_upload_cannot_be_finished_under_another_key(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
        other = {"Bucket": bucket, "Key": "b", "UploadId": upload, "PartNumber": 1, "Body": b"1"}
        assert refusal(s3.upload_part, **other) == ("NoSuchUpload", 404)

    def test_completion_with_wrong_part_checksum_is_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        upload = {"Bucket": bucket, "Key": "a"}
        upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
        sent = s3.upload_part(**upload, PartNumber=1, Body=b"part", ChecksumAlgorithm="SHA256")
        part = {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]}
        wrong = {**part, "ChecksumSHA256": base64.b64encode(bytes(32)).decode()}
        done = s3.complete_multipart_upload
        answer = refusal(done, **upload, MultipartUpload={"Parts": [wrong]})
        assert answer == ("InvalidPart", 400)
        assert done(**upload, MultipartUpload={"Parts": [part]})

    def test_wrong_checksums_are_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
        put = {"Bucket": bucket, "Key": "a", "Body": b"body"}
        assert refusal(s3.put_object, **put, ChecksumSHA256=wrong) == ("BadDigest", 400)
        assert refusal(s3.put_object, **put, ChecksumCRC32="AAAAAA==") == ("BadDigest", 400)
        assert refusal(s3.put_object, **put, ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==") == ("BadDigest", 400)
        assert refusal(s3.put_object, **put, ContentMD5="bm9uc2Vuc2U=") == ("InvalidDigest", 400)
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0

    def test_head_shows_encryption_type_and_checksum(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        put = s3.put_object(
            Bucket=bucket,
            Key="a",
            Body=b"{}\n",
            ContentType="application/fhir+ndjson",
            ServerSideEncryption="AES256",
            ChecksumAlgorithm="SHA256",
        )
        head = s3.head_object(Bucket=bucket, Key="a", ChecksumMode="ENABLED")
        assert head["ServerSideEncryption"] == put["ServerSideEncryption"] == "AES256"
        assert head["ContentType"] == "application/fhir+ndjson"
        assert head["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"{}\n").digest()).decode()

    def test_encryption_is_aes256_when_none_was_asked_for(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        assert s3.put_object(Bucket=bucket, Key="a", Body=b"1")["ServerSideEncryption"] == "AES256"
        assert s3.head_object(Bucket=bucket, Key="a")["ServerSideEncryption"] == "AES256"

    def test_unknown_encryption_and_acl_are_refused(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        put = {"Bucket": bucket, "Key": "a", "Body": b"1"}
        answer = refusal(s3.put_object, **put, ServerSideEncryption="ROT13")
        assert answer == ("InvalidEncryptionAlgorithmError", 400)
        answer = refusal(s3.put_object, **put, ACL="public-read")
        assert answer == ("AccessControlListNotSupported", 400)

    def test_keys_with_spaces_plus_and_letters_of_other_scripts_come_back(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        keys = sorted(["a b+c/ü%20~.ndjson", "x//y", "p=1&q=2", "日本/'()*!"])
        for key in keys:
            s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
            assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
        assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == keys

    def test_metadata_comes_back(self, world: World) -> None:
        bucket, s3 = world.make_bucket(), world.client("s3", world.root(world.customer))
        s3.put_object(Bucket=bucket, Key="a", Body=b"1", Metadata={"sync-job": "1  2"})
        assert s3.head_object(Bucket=bucket, Key="a")["Metadata"]["sync-job"].split() == ["1", "2"]
