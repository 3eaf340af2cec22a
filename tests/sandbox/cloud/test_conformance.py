"""What AWS documents about roles and sessions, asked through boto3 only: nothing here knows who answers.

Source of the expected values: IAM User Guide, "How to use an external ID", "Roles terms"; STS API.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.cloud.world import DENIED, Keys, World, allow, external_id, policy, refusal, trust

ID = "6f1c2d0e-9a53-4c55-8d0a-3f0b7f6a1c11"


def refused_assume(world: World, keys: Keys, role_arn: str, **more: Any) -> tuple[str, int]:
    return refusal(world.assume, keys=keys, role_arn=role_arn, **more)


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
    def test_parameter_outside_the_limits_is_a_validation_error(self, world: World, odd: dict[str, Any]) -> None:
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
        made = world.client("sts", keys).assume_role(RoleArn=arn, RoleSessionName="dst-1", DurationSeconds=900)
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
