"""What a session may do with objects: actions, prefixes, and explicit denies wherever they stand.

Source: IAM User Guide, "Policy evaluation logic"; S3 User Guide, "How Amazon S3 authorizes a request".
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.cloud.world import DENIED, FORBIDDEN, Document, World, allow, deny, policy, trust


def arn(bucket: str, key: str = "*") -> str:
    return f"arn:aws:s3:::{bucket}/{key}"


def statement(effect: str, bucket: str, **parts: Any) -> Document:
    return {"Effect": effect, "Action": "s3:PutObject", "Resource": arn(bucket), **parts}


class TestPrefix:
    @pytest.mark.parametrize("key", ["a", "Flexpa/a", "flexpa", "xflexpa/a"])
    def test_put_outside_the_prefix_is_refused(self, world: World, key: str) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", arn(bucket, "flexpa/*"))))
        world.allowed(s3.put_object, Bucket=bucket, Key="flexpa/a", Body=b"1")
        world.refused(s3.put_object, Bucket=bucket, Key=key, Body=b"1")

    def test_put_into_a_bucket_that_the_policy_does_not_name_is_refused(self, world: World) -> None:
        bucket, other = world.make_bucket(), world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", arn(bucket))))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.refused(s3.put_object, Bucket=other, Key="a", Body=b"1")

    def test_question_mark_stands_for_exactly_one_character(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", arn(bucket, "a?"))))
        world.allowed(s3.put_object, Bucket=bucket, Key="ab", Body=b"1")
        for key in ("a", "abc"):
            world.refused(s3.put_object, Bucket=bucket, Key=key, Body=b"1")

    def test_multipart_outside_the_prefix_is_refused(self, world: World) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", arn(bucket, "flexpa/*"))))
        upload = world.allowed(s3.create_multipart_upload, Bucket=bucket, Key="flexpa/a")["UploadId"]
        world.refused(s3.create_multipart_upload, Bucket=bucket, Key="a")
        mine = {"Bucket": bucket, "Key": "flexpa/a", "UploadId": upload}
        world.refused(s3.abort_multipart_upload, **mine)
        world.client("s3", world.root(world.customer)).abort_multipart_upload(**mine)

    def test_part_and_completion_outside_the_prefix_are_refused(self, world: World) -> None:
        bucket, root = world.make_bucket(), world.client("s3", world.root(world.customer))
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", arn(bucket, "flexpa/*"))))
        for key in ("flexpa/a", "a"):
            upload = {"Bucket": bucket, "Key": key}
            upload["UploadId"] = root.create_multipart_upload(**upload)["UploadId"]
            tag = root.upload_part(**upload, PartNumber=1, Body=b"1")["ETag"]
            part = {"PartNumber": 2, "Body": b"2"}
            done = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}}
            if key == "a":
                world.refused(s3.upload_part, **upload, **part)
                world.refused(s3.complete_multipart_upload, **upload, **done)
                root.abort_multipart_upload(**upload)
            else:
                world.allowed(s3.upload_part, **upload, **part)
                world.allowed(s3.complete_multipart_upload, **upload, **done)


class TestActions:
    @pytest.mark.parametrize(
        ("call", "more", "refusal"),
        [
            ("get_object", {"Key": "a"}, DENIED),
            ("head_object", {"Key": "a"}, FORBIDDEN),
            ("list_objects_v2", {}, DENIED),
            ("delete_object", {"Key": "a"}, DENIED),
            ("head_bucket", {}, FORBIDDEN),
            ("get_bucket_policy", {}, DENIED),
            ("get_bucket_location", {}, DENIED),
        ],
    )
    def test_what_was_not_granted_is_refused(
        self, world: World, call: str, more: dict[str, str], refusal: tuple[str, int]
    ) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow("s3:PutObject")))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.refused(getattr(s3, call), refusal, Bucket=bucket, **more)

    @pytest.mark.parametrize("action", ["S3:putobject", "s3:Put*", "s3:P?tObject", "*"])
    def test_action_is_matched_whatever_its_case_and_with_wildcards(self, world: World, action: str) -> None:
        bucket = world.make_bucket()
        s3 = world.client("s3", world.make_session(allow(action)))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")

    def test_not_action_grants_everything_but_the_named(self, world: World) -> None:
        bucket = world.make_bucket()
        but = {"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"}
        s3 = world.client("s3", world.make_session(but))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1")
        world.refused(s3.get_object, Bucket=bucket, Key="a")

    def test_not_resource_grants_everywhere_but_there(self, world: World) -> None:
        bucket = world.make_bucket()
        but = {"Effect": "Allow", "Action": "s3:PutObject", "NotResource": arn(bucket, "closed/*")}
        s3 = world.client("s3", world.make_session(but))
        world.allowed(s3.put_object, Bucket=bucket, Key="open/a", Body=b"1")
        world.refused(s3.put_object, Bucket=bucket, Key="closed/a", Body=b"1")

    def test_condition_on_a_grant_is_evaluated(self, world: World) -> None:
        bucket = world.make_bucket()
        only = {"StringEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
        s3 = world.client("s3", world.make_session(allow("s3:PutObject", Condition=only)))
        world.allowed(s3.put_object, Bucket=bucket, Key="a", Body=b"1", ServerSideEncryption="AES256")
        world.refused(s3.put_object, Bucket=bucket, Key="a", Body=b"1")

    def test_missing_object_is_hidden_from_who_may_not_list(self, world: World) -> None:
        bucket = world.make_bucket()
        blind = world.client("s3", world.make_session(allow("s3:GetObject")))
        world.refused(blind.get_object, Bucket=bucket, Key="a")
        world.grant("delivery", allow(["s3:GetObject", "s3:ListBucket"]))
        world.refused(blind.get_object, ("NoSuchKey", 404), Bucket=bucket, Key="a")

    def test_missing_bucket_is_not_found(self, world: World) -> None:
        s3, missing = world.client("s3", world.root(world.customer)), f"{world.make_bucket()}-gone"
        world.refused(s3.put_object, ("NoSuchBucket", 404), Bucket=missing, Key="a")

    def test_iam_call_needs_permission_on_that_role_path_included(self, world: World) -> None:
        path = f"arn:aws:iam::{world.vendor}:role/team/{world.named('delivery')}"
        keys = world.make_user("worker", allow("iam:GetRole", path))
        assert world.make_role(trust(world.user_arn()), account=world.vendor, Path="/team/") == path
        world.make_role(trust(world.user_arn()), name="other", account=world.vendor)
        iam = world.client("iam", keys)
        assert world.allowed(iam.get_role, RoleName=world.named("delivery"))["Role"]["Arn"] == path
        world.refused(iam.get_role, RoleName=world.named("other"))
        world.refused(iam.list_roles)
        world.refused(iam.create_user, UserName=world.named("mine"))


class TestExplicitDeny:
    """Each: everything else allows, one layer denies `closed/*`, and the rest stays open."""

    def check(self, world: World, s3: Any, bucket: str) -> None:
        world.allowed(s3.put_object, Bucket=bucket, Key="open/a", Body=b"1")
        world.refused(s3.put_object, Bucket=bucket, Key="closed/a", Body=b"1")

    def test_in_the_identity_policy_wins(self, world: World) -> None:
        bucket = world.make_bucket()
        session = world.make_session(allow("s3:*"), deny("s3:PutObject", arn(bucket, "closed/*")))
        self.check(world, world.client("s3", session), bucket)

    def test_in_the_session_policy_wins(self, world: World) -> None:
        bucket = world.make_bucket()
        narrow = policy(allow("s3:*"), deny("s3:PutObject", arn(bucket, "closed/*")))
        self.check(world, world.client("s3", world.make_session(allow("s3:*"), Policy=narrow)), bucket)

    @pytest.mark.parametrize("principal", ["*", "role", "account"])
    def test_in_the_bucket_policy_wins(self, world: World, principal: str) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow("s3:*"))
        names = {"*": "*", "role": world.role_arn(), "account": world.customer}
        no = deny("s3:PutObject", arn(bucket, "closed/*"), Principal={"AWS": names[principal]})
        world.set_bucket_policy(bucket, no)
        self.check(world, world.client("s3", session), bucket)

    def test_in_the_bucket_policy_against_somebody_else_does_not_count(self, world: World) -> None:
        bucket, session = world.make_bucket(), world.make_session(allow("s3:*"))
        other = world.make_role(trust(world.user_arn()), name="other")
        world.set_bucket_policy(bucket, statement("Deny", bucket, Principal={"AWS": other}))
        world.allowed(world.client("s3", session).put_object, Bucket=bucket, Key="a", Body=b"1")
