"""What AWS documents, asked through boto3 only: nothing here knows who answers.

Source of the expected values: IAM User Guide (external IDs, policy evaluation, chaining), STS and S3 API.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.cloud.world import Keys, World, allow, external_id, policy, trust

ID = "6f1c2d0e-9a53-4c55-8d0a-3f0b7f6a1c11"


def refusal(call: Callable[..., Any], **arguments: Any) -> tuple[str, int]:
    """Call and answer the error's code and status."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def refused_assume(world: World, keys: Keys, role_arn: str, **more: Any) -> tuple[str, int]:
    return refusal(world.assume, keys=keys, role_arn=role_arn, **more)


DENIED = ("AccessDenied", 403)


class TestTrust:
    def test_right_external_id_gets_a_session_of_the_role(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn(), Condition=external_id(ID)))
        session = world.assume(keys, arn, ExternalId=ID)
        identity = world.client("sts", session).get_caller_identity()
        assert identity["Arn"] == f"arn:aws:sts::{world.customer}:assumed-role/delivery/dst-1"
        assert identity["Account"] == world.customer

    @pytest.mark.parametrize("given", [{}, {"ExternalId": "wrong-id"}, {"ExternalId": ID.upper()}])
    def test_missing_wrong_or_differently_cased_external_id_is_refused(
        self, world: World, given: dict[str, str]
    ) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn(), Condition=external_id(ID)))
        assert refused_assume(world, keys, arn, **given) == DENIED

    def test_untrusted_principal_is_refused(self, world: World) -> None:
        world.make_user("worker")
        other = world.make_user("other")
        assert refused_assume(world, other, world.make_role(trust(world.user_arn()))) == DENIED

    def test_trusted_name_that_only_starts_with_ours_is_refused(self, world: World) -> None:
        keys = world.make_user("worker")
        world.make_user("worker2")
        assert refused_assume(world, keys, world.make_role(trust(world.user_arn("worker2")))) == DENIED

    def test_role_that_trusts_another_role_of_ours_is_refused(self, world: World) -> None:
        keys = world.make_user()
        arns = {}
        for name in ("delivery", "delivery2"):
            arns[name] = world.make_role(trust(world.user_arn()), name=name, account=world.vendor)
            world.grant(name, allow("sts:AssumeRole"), account=world.vendor)
        theirs = world.make_role(trust(arns["delivery2"]))
        right, wrong = world.assume(keys, arns["delivery2"]), world.assume(keys, arns["delivery"])
        assert world.assume(right, theirs)
        assert refused_assume(world, wrong, theirs) == DENIED

    def test_account_as_principal_works_and_still_needs_the_id(self, world: World) -> None:
        keys = world.make_user()
        root = f"arn:aws:iam::{world.vendor}:root"
        arn = world.make_role(trust(root, Condition=external_id(ID)))
        assert world.assume(keys, arn, ExternalId=ID)
        assert refused_assume(world, keys, arn) == DENIED

    def test_explicit_deny_in_trust_policy_wins(self, world: World) -> None:
        keys = world.make_user()
        deny = {**trust(world.user_arn()), "Effect": "Deny"}
        assert refused_assume(world, keys, world.make_role(trust(world.user_arn()), deny)) == DENIED

    def test_trust_policy_with_only_a_deny_lets_nobody_in(self, world: World) -> None:
        keys = world.make_user()
        deny = {**trust("*"), "Effect": "Deny", "Condition": external_id("other")}
        assert refused_assume(world, keys, world.make_role(deny), ExternalId=ID) == DENIED

    def test_string_like_condition_is_evaluated(self, world: World) -> None:
        keys = world.make_user()
        condition = {"StringLike": {"sts:ExternalId": "6f1c2d0e-*"}}
        arn = world.make_role(trust(world.user_arn(), Condition=condition))
        assert world.assume(keys, arn, ExternalId=ID)
        assert refused_assume(world, keys, arn, ExternalId=f"x{ID}") == DENIED

    def test_ip_address_condition_is_evaluated(self, world: World) -> None:
        keys = world.make_user()
        near = trust(world.user_arn(), Condition={"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})
        far = trust(world.user_arn(), Condition={"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}})
        assert world.assume(keys, world.make_role(near, name="near"))
        assert refused_assume(world, keys, world.make_role(far, name="far")) == DENIED

    def test_role_that_does_not_exist_is_refused_in_the_same_words(self, world: World) -> None:
        keys = world.make_user()
        here = world.make_role(trust(world.user_arn(), Condition=external_id(ID)))
        texts = []
        for arn in (here, here.replace("delivery", "nowhere0")):
            with pytest.raises(ClientError) as caught:
                world.assume(keys, arn)
            texts.append(str(caught.value).replace(arn, "ROLE"))
        assert texts[0] == texts[1]

    def test_caller_without_assume_role_in_its_own_policy_is_refused(self, world: World) -> None:
        keys = world.make_user("worker", allow("s3:GetObject"))
        assert refused_assume(world, keys, world.make_role(trust(world.user_arn()))) == DENIED

    def test_trust_in_a_principal_that_does_not_exist_cannot_be_made(self, world: World) -> None:
        iam = world.client("iam", world.root(world.customer))
        document = policy(trust(world.user_arn("nobody")))
        answer = refusal(iam.create_role, RoleName="delivery", AssumeRolePolicyDocument=document)
        assert answer == ("MalformedPolicyDocument", 400)

    def test_changed_trust_policy_counts_at_once(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn()))
        assert world.assume(keys, arn)
        world.client("iam", world.root(world.customer)).update_assume_role_policy(
            RoleName="delivery", PolicyDocument=policy(trust(world.user_arn(), Condition=external_id(ID)))
        )
        assert refused_assume(world, keys, arn) == DENIED


class TestSessions:
    def test_chained_session_longer_than_an_hour_is_refused(self, world: World) -> None:
        keys = world.make_user()
        ours = world.make_role(trust(world.user_arn()), account=world.vendor, MaxSessionDuration=43200)
        world.grant("delivery", allow("sts:AssumeRole"), account=world.vendor)
        theirs = world.make_role(trust(ours), MaxSessionDuration=43200)
        chained = world.assume(keys, ours, DurationSeconds=43200)
        assert refused_assume(world, chained, theirs, DurationSeconds=3601) == ("ValidationError", 400)
        assert world.assume(chained, theirs, DurationSeconds=3600)

    def test_session_longer_than_the_role_allows_is_refused(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn()))
        assert refused_assume(world, keys, arn, DurationSeconds=3601) == ("ValidationError", 400)

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
    )
    def test_parameter_outside_the_limits_is_a_validation_error(
        self, world: World, odd: dict[str, Any]
    ) -> None:
        keys = world.make_user()
        arguments = {"RoleArn": world.make_role(trust(world.user_arn())), "RoleSessionName": "dst-1"} | odd
        sts = world.client("sts", keys, parameter_validation=False)
        assert refusal(sts.assume_role, **arguments) == ("ValidationError", 400)

    def test_malformed_session_policy_is_refused(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn()))
        assert refused_assume(world, keys, arn, Policy="{}") == ("MalformedPolicyDocument", 400)

    def test_root_may_not_assume_a_role(self, world: World) -> None:
        arn = world.make_role(trust(world.vendor))
        assert refused_assume(world, world.root(world.vendor), arn) == DENIED

    def test_session_length_is_what_was_asked_for(self, world: World) -> None:
        keys, started = world.make_user(), datetime.now(UTC)
        arn = world.make_role(trust(world.user_arn()))
        made = world.client("sts", keys).assume_role(
            RoleArn=arn, RoleSessionName="dst-1", DurationSeconds=900
        )
        left = made["Credentials"]["Expiration"] - started
        assert timedelta(seconds=898) < left < timedelta(seconds=930)

    def test_session_tags_need_tag_session_in_the_trust_policy(self, world: World) -> None:
        both = ["sts:AssumeRole", "sts:TagSession"]
        keys = world.make_user("worker", allow(both))
        plain = world.make_role(trust(world.user_arn()), name="plain")
        tagged = world.make_role({**trust(world.user_arn()), "Action": both}, name="tagged")
        tags = [{"Key": "team", "Value": "a"}]
        assert refused_assume(world, keys, plain, Tags=tags) == DENIED
        assert world.assume(keys, tagged, Tags=tags)

    def test_source_identity_needs_set_source_identity_in_the_trust_policy(self, world: World) -> None:
        both = ["sts:AssumeRole", "sts:SetSourceIdentity"]
        keys = world.make_user("worker", allow(both))
        plain = world.make_role(trust(world.user_arn()), name="plain")
        named = world.make_role({**trust(world.user_arn()), "Action": both}, name="named")
        assert refused_assume(world, keys, plain, SourceIdentity="alice") == DENIED
        assert world.assume(keys, named, SourceIdentity="alice")

    def test_session_policy_narrows_the_role(self, world: World) -> None:
        keys, bucket = world.make_user(), world.make_bucket()
        arn = world.make_role(trust(world.user_arn()))
        world.grant("delivery", allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
        narrow = policy(allow("s3:PutObject", f"arn:aws:s3:::{bucket}/flexpa/*"))
        s3 = world.client("s3", world.assume(keys, arn, Policy=narrow))
        assert s3.put_object(Bucket=bucket, Key="flexpa/a", Body=b"1")
        assert refusal(s3.put_object, Bucket=bucket, Key="other/a", Body=b"1") == DENIED

    def test_session_policy_never_widens_the_role(self, world: World) -> None:
        keys, bucket = world.make_user(), world.make_bucket()
        arn = world.make_role(trust(world.user_arn()))
        s3 = world.client("s3", world.assume(keys, arn, Policy=policy(allow("s3:*"))))
        assert refusal(s3.put_object, Bucket=bucket, Key="a", Body=b"1") == DENIED

    def test_permission_revoked_in_mid_session_is_gone(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        assert s3.put_object(Bucket=bucket, Key="a", Body=b"1")
        iam = world.client("iam", world.root(world.customer))
        iam.delete_role_policy(RoleName="delivery", PolicyName="own")
        assert refusal(s3.put_object, Bucket=bucket, Key="b", Body=b"1") == DENIED


class TestSignatures:
    def test_unknown_access_key_is_refused(self, world: World) -> None:
        keys = Keys("AKIAIOSFODNN7EXAMPLE", "x")
        s3, bucket = world.client("s3", keys), world.make_bucket()
        assert refusal(world.client("sts", keys).get_caller_identity) == ("InvalidClientTokenId", 403)
        assert refusal(s3.put_object, Bucket=bucket, Key="a") == ("InvalidAccessKeyId", 403)

    def test_wrong_secret_is_refused(self, world: World) -> None:
        keys, bucket = Keys(world.make_user().access_key, "wrong"), world.make_bucket()
        assert refusal(world.client("sts", keys).get_caller_identity) == ("SignatureDoesNotMatch", 403)
        call = world.client("s3", keys).put_object
        assert refusal(call, Bucket=bucket, Key="a") == ("SignatureDoesNotMatch", 403)

    @pytest.mark.parametrize("token", [None, "garbled"])
    def test_missing_or_garbled_session_token_is_refused(self, world: World, token: str | None) -> None:
        session, bucket = world.make_session(allow("s3:*")), world.make_bucket()
        keys = Keys(session.access_key, session.secret, token)
        assert refusal(world.client("sts", keys).get_caller_identity) == ("InvalidClientTokenId", 403)
        call = world.client("s3", keys).put_object
        assert refusal(call, Bucket=bucket, Key="a") == ("InvalidToken", 400)

    def test_inactive_and_deleted_keys_are_refused(self, world: World) -> None:
        keys = world.make_user()
        iam = world.client("iam", world.root(world.vendor))
        iam.update_access_key(UserName="worker", AccessKeyId=keys.access_key, Status="Inactive")
        call = world.client("sts", keys).get_caller_identity
        assert refusal(call) == ("InvalidClientTokenId", 403)
        iam.delete_access_key(UserName="worker", AccessKeyId=keys.access_key)
        assert refusal(call) == ("InvalidClientTokenId", 403)

    @pytest.mark.parametrize("minutes", [-20, 20])
    def test_clock_that_is_twenty_minutes_off_is_refused(
        self, world: World, minutes: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket = world.make_bucket()

        def shifted(remove_tzinfo: bool = True) -> datetime:
            return datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=minutes)

        monkeypatch.setattr(botocore.auth, "get_current_datetime", shifted)
        root = world.root(world.customer)
        call = world.client("s3", root).put_object
        assert refusal(call, Bucket=bucket, Key="a") == ("RequestTimeTooSkewed", 403)
        assert refusal(world.client("sts", root).get_caller_identity) == ("SignatureDoesNotMatch", 403)


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
        assert (
            refusal(world.client("s3", world.root(world.customer)).list_objects_v2, Bucket=bucket) == DENIED
        )

    def test_other_accounts_bucket_opens_with_a_policy_and_an_own_permission(self, world: World) -> None:
        bucket = world.make_bucket(account=world.vendor)
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        role = f"arn:aws:iam::{world.customer}:role/delivery"
        statement = allow("s3:*", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": role})
        world.client("s3", world.root(world.vendor)).put_bucket_policy(
            Bucket=bucket, Policy=policy(statement)
        )
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
