"""Who may assume a role: the trust policy, the external ID, and the caller's own permission.

Source: IAM User Guide, "How to use an external ID", "AWS JSON policy elements: Principal", "Policy evaluation logic".
"""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.cloud.world import World, allow, deny, external_id, policy, trust

ID = "6f1c2d0e-9a53-4c55-8d0a-3f0b7f6a1c11"


class TestExternalId:
    def test_right_external_id_gets_a_session_of_the_role(self, world: World) -> None:
        keys = world.make_user()
        session = world.assume(keys, world.make_role(trust(world.user_arn(), Condition=external_id(ID))), ExternalId=ID)
        identity = world.allowed(world.client("sts", session).get_caller_identity)
        role = world.named("delivery")
        assert identity["Arn"] == f"arn:aws:sts::{world.customer}:assumed-role/{role}/dst-1"
        assert identity["Account"] == world.customer

    @pytest.mark.parametrize(
        "given",
        [
            pytest.param({}, id="without"),
            pytest.param({"ExternalId": "wrong-id"}, id="wrong"),
            pytest.param({"ExternalId": ID.upper()}, id="differently cased"),
            pytest.param({"ExternalId": ID + "0"}, id="longer"),
        ],
    )
    def test_assume_with_any_other_external_id_is_refused(self, world: World, given: dict[str, str]) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn(), Condition=external_id(ID)))
        assert world.assume(keys, arn, ExternalId=ID)
        world.refused_assume(keys, arn, **given)

    def test_deny_unless_the_id_equals_also_refuses_a_missing_id(self, world: World) -> None:
        keys = world.make_user()
        unless = {**trust("*"), "Effect": "Deny", "Condition": {"StringNotEquals": {"sts:ExternalId": ID}}}
        arn = world.make_role(trust(world.user_arn()), unless)
        assert world.assume(keys, arn, ExternalId=ID)
        world.refused_assume(keys, arn)
        world.refused_assume(keys, arn, ExternalId="wrong-id")

    def test_string_equals_if_exists_lets_a_missing_id_in_and_refuses_a_wrong_one(self, world: World) -> None:
        keys = world.make_user()
        condition = {"StringEqualsIfExists": {"sts:ExternalId": ID}}
        arn = world.make_role(trust(world.user_arn(), Condition=condition))
        assert world.assume(keys, arn)
        assert world.assume(keys, arn, ExternalId=ID)
        world.refused_assume(keys, arn, ExternalId="wrong-id")

    def test_string_like_condition_is_evaluated(self, world: World) -> None:
        keys = world.make_user()
        condition = {"StringLike": {"sts:ExternalId": "6f1c2d0e-*"}}
        arn = world.make_role(trust(world.user_arn(), Condition=condition))
        assert world.assume(keys, arn, ExternalId=ID)
        world.refused_assume(keys, arn, ExternalId=f"x{ID}")

    def test_ip_address_condition_is_evaluated(self, world: World) -> None:
        keys = world.make_user()
        near = trust(world.user_arn(), Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})
        far = trust(world.user_arn(), Condition={"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}})
        assert world.assume(keys, world.make_role(near, name="near"))
        world.refused_assume(keys, world.make_role(far, name="far"))


class TestPrincipal:
    def test_untrusted_principal_is_refused(self, world: World) -> None:
        trusted, other = world.make_user("worker"), world.make_user("other")
        arn = world.make_role(trust(world.user_arn()))
        assert world.assume(trusted, arn)
        world.refused_assume(other, arn)

    @pytest.mark.parametrize(("trusted", "calling"), [("worker2", "worker"), ("worker", "worker2")])
    def test_arn_of_which_one_merely_starts_with_the_other_is_refused(
        self, world: World, trusted: str, calling: str
    ) -> None:
        keys = {name: world.make_user(name) for name in (trusted, calling)}
        arn = world.make_role(trust(world.user_arn(trusted)))
        assert world.assume(keys[trusted], arn)
        world.refused_assume(keys[calling], arn)

    def test_role_that_trusts_another_role_of_ours_is_refused(self, world: World) -> None:
        keys = world.make_user()
        arns = {}
        for name in ("delivery", "delivery2"):
            arns[name] = world.make_role(trust(world.user_arn()), name=name, account=world.vendor)
            world.grant(name, allow("sts:AssumeRole"), account=world.vendor)
        theirs = world.make_role(trust(arns["delivery2"]))
        right, wrong = world.assume(keys, arns["delivery2"]), world.assume(keys, arns["delivery"])
        assert world.assume(right, theirs)
        world.refused_assume(wrong, theirs)

    def test_session_as_principal_trusts_that_session_alone(self, world: World) -> None:
        keys = world.make_user()
        ours = world.make_role(trust(world.user_arn()), account=world.vendor)
        world.grant("delivery", allow("sts:AssumeRole"), account=world.vendor)
        arn = f"arn:aws:sts::{world.vendor}:assumed-role/{world.named('delivery')}/dst-1"
        theirs = world.make_role(trust(arn))
        right = world.assume(keys, ours)
        wrong = world.assume(keys, ours, RoleSessionName="dst-2")
        assert world.assume(right, theirs)
        world.refused_assume(wrong, theirs)

    @pytest.mark.parametrize("form", ["arn:aws:iam::{}:root", "{}"])
    def test_account_root_principal_works_and_still_needs_the_id(self, world: World, form: str) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(form.format(world.vendor), Condition=external_id(ID)))
        assert world.assume(keys, arn, ExternalId=ID)
        world.refused_assume(keys, arn)

    def test_account_root_principal_of_another_account_lets_nobody_of_ours_in(self, world: World) -> None:
        keys = world.make_user()
        assert world.assume(keys, world.make_role(trust(world.vendor), name="ours"))
        world.refused_assume(keys, world.make_role(trust(world.customer), name="theirs"))

    def test_trust_in_a_principal_that_does_not_exist_cannot_be_made(self, world: World) -> None:
        document = policy(trust(world.user_arn("nobody")))
        create, name = world.iam().create_role, world.named("delivery")
        world.refused(create, ("MalformedPolicyDocument", 400), RoleName=name, AssumeRolePolicyDocument=document)


class TestDecision:
    def test_explicit_deny_in_the_trust_policy_wins(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn()), name="open")
        no = {**trust(world.vendor), "Effect": "Deny"}
        assert world.assume(keys, arn)
        world.refused_assume(keys, world.make_role(trust(world.user_arn()), no))

    def test_trust_policy_with_only_a_deny_lets_nobody_in(self, world: World) -> None:
        keys = world.make_user()
        assert world.assume(keys, world.make_role(trust(world.user_arn()), name="open"))
        no = {**trust("*"), "Effect": "Deny", "Condition": external_id("other")}
        world.refused_assume(keys, world.make_role(no), ExternalId=ID)

    def test_trust_for_another_action_does_not_let_in(self, world: World) -> None:
        keys = world.make_user("worker", allow("sts:*"))
        assert world.assume(keys, world.make_role({**trust(world.user_arn()), "Action": "sts:*"}, name="open"))
        arn = world.make_role({**trust(world.user_arn()), "Action": "sts:TagSession"})
        world.refused_assume(keys, arn)

    def test_role_that_does_not_exist_is_refused_in_the_same_words(self, world: World) -> None:
        keys = world.make_user()
        here = world.make_role(trust(world.user_arn(), Condition=external_id(ID)))
        assert world.assume(keys, here, ExternalId=ID)
        texts = []
        for arn in (here, f"{here}-nowhere"):
            with pytest.raises(ClientError) as caught:
                world.client("sts", keys).assume_role(RoleArn=arn, RoleSessionName="dst-1")
            texts.append(str(caught.value).replace(arn, "ROLE"))
        assert "AccessDenied" in texts[0]
        assert texts[0] == texts[1]

    def test_caller_without_assume_role_in_its_own_policy_is_refused(self, world: World) -> None:
        able, unable = world.make_user("able"), world.make_user("unable", allow("s3:GetObject"))
        arn = world.make_role(trust(world.vendor))
        assert world.assume(able, arn)
        world.refused_assume(unable, arn)

    def test_explicit_deny_in_the_callers_own_policy_wins(self, world: World) -> None:
        arn = world.role_arn("closed")
        keys = world.make_user("worker", allow("sts:AssumeRole"), deny("sts:AssumeRole", arn))
        assert world.assume(keys, world.make_role(trust(world.vendor), name="open"))
        assert world.make_role(trust(world.vendor), name="closed") == arn
        world.refused_assume(keys, arn)

    @pytest.mark.parametrize(
        "narrowed", [[allow("s3:*")], [allow("sts:*"), deny("sts:AssumeRole")]], ids=["does not allow", "denies"]
    )
    def test_session_policy_of_the_caller_narrows_what_it_may_assume(
        self, world: World, narrowed: list[dict[str, str]]
    ) -> None:
        keys = world.make_user()
        ours = world.make_role(trust(world.user_arn()), account=world.vendor)
        world.grant("delivery", allow("sts:AssumeRole"), account=world.vendor)
        theirs = world.make_role(trust(ours))
        assert world.assume(world.assume(keys, ours), theirs)
        world.refused_assume(world.assume(keys, ours, Policy=policy(*narrowed)), theirs)

    def test_changed_trust_policy_counts_for_the_next_session(self, world: World) -> None:
        keys = world.make_user()
        arn = world.make_role(trust(world.user_arn()))
        assert world.assume(keys, arn)
        document = policy(trust(world.user_arn(), Condition=external_id(ID)))
        world.iam().update_assume_role_policy(RoleName=world.named("delivery"), PolicyDocument=document)
        world.refused_assume(keys, arn)
        assert world.assume(keys, arn, ExternalId=ID)
