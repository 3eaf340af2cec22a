"""The policies: as the destination guide prints them, never wider."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from apps.destinations import policies

from .pasted import PastedRole, read_cli, read_cloudformation, read_terraform

OURS = "arn:aws:iam::919310032435:role/flexpa-customer-data-delivery"
ROLE = "arn:aws:iam::222222222222:role/r"
KEY = "arn:aws:kms:us-east-1:222222222222:key/11111111-2222-3333-4444-555555555555"


def test_trust_policy_is_the_one_of_the_guide() -> None:
    assert policies.trust_policy(OURS, "id-1") == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": OURS},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "id-1"}},
            }
        ],
    }


def test_trust_policy_without_an_id_prints_the_placeholder() -> None:
    assert "<your external ID>" in policies.render(policies.trust_policy(OURS))


def test_role_policy_grants_put_below_the_prefix_only() -> None:
    statements = policies.role_policy("clinic", "flexpa/")["Statement"]
    assert statements == [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::clinic/flexpa/*"}]


def test_role_policy_with_a_key_grants_what_the_guide_says() -> None:
    statements = policies.role_policy("clinic", "flexpa/", KEY)["Statement"]
    assert isinstance(statements, list)
    assert statements[1] == {
        "Effect": "Allow",
        "Action": ["kms:GenerateDataKey", "kms:DescribeKey"],
        "Resource": KEY,
    }


def test_session_policy_with_a_key_grants_only_what_a_put_needs() -> None:
    statements = policies.session_policy("clinic", "flexpa/", KEY)["Statement"]
    assert isinstance(statements, list)
    assert [statement["Action"] for statement in statements] == ["s3:PutObject", "kms:GenerateDataKey"]


def test_session_policy_of_the_longest_names_fits() -> None:
    assert len(policies.compact(policies.session_policy("b" * 63, "p" * 200 + "/", KEY))) <= 2048


def test_session_policy_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="prefix is too long"):
        policies.session_policy("clinic", "p" * 2000 + "/")


@pytest.mark.parametrize("prefix", ["*", "a?/", "${aws:username}/"])
def test_wildcards_never_reach_a_policy(prefix: str) -> None:
    with pytest.raises(ValueError, match="wildcards"):
        policies.role_policy("clinic", prefix)
    with pytest.raises(ValueError, match="wildcards"):
        policies.session_policy("clinic", prefix)


def test_rendered_policies_are_json() -> None:
    policy = policies.trust_policy(OURS)
    assert json.loads(policies.render(policy)) == policy == json.loads(policies.compact(policy))
    assert policies.key_policy_statement("arn:aws:iam::222222222222:role/r")["Principal"] == {
        "AWS": "arn:aws:iam::222222222222:role/r"
    }


def test_bucket_of_another_account_lets_the_role_write_below_the_prefix_only() -> None:
    statement = policies.bucket_policy_statement("clinic", "flexpa/", "arn:aws:iam::222222222222:role/r")
    assert statement == {
        "Sid": "AllowRecordDelivery",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222222222222:role/r"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::clinic/flexpa/*",
    }


def test_exemption_names_one_role() -> None:
    role = "arn:aws:iam::222222222222:role/r"
    assert policies.exemption(role) == {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": role}}}


# -- the other formats -----------------------------------------------------------------------------------
NAMES = st.text("abz09-.", min_size=3, max_size=20)
PREFIXES = st.text("aZ9!_.'()=/-", min_size=1, max_size=30)
# What IAM lets stand in a path: every printable sign of ASCII.
PATHS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=20)


@given(bucket=NAMES, prefix=PREFIXES, path=PATHS, key=st.sampled_from(["", KEY]))
@example(bucket="b", prefix="p/", path="${aws:username}/%{if}", key="")
@example(bucket="b", prefix="o'clock/", path="'; rm -rf /; '", key=KEY)
@example(bucket="b", prefix="p/", path='"\\"${', key="")
def test_every_format_describes_the_same_role_to_the_letter(bucket: str, prefix: str, path: str, key: str) -> None:
    role_arn = f"arn:aws:iam::222222222222:role/{path}{'/' if path else ''}writer"
    setup = policies.PolicySetup(
        principal_arn=OURS, bucket=bucket, prefix=prefix, kms_key_arn=key, role_arn=role_arn, external_id="id-1"
    )
    whole = f"/{path}/" if path else "/"
    wanted = PastedRole(
        "writer", whole, policies.trust_policy(OURS, "id-1"), policies.role_policy(bucket, prefix, key or None)
    )
    assert read_cli(policies.aws_cli(setup)) == wanted
    assert read_terraform(policies.terraform(setup), "id-1") == wanted
    assert read_cloudformation(policies.cloudformation(setup), "id-1") == wanted


def test_terraform_and_cloudformation_name_the_external_id_in_the_command_only() -> None:
    setup = policies.PolicySetup(principal_arn=OURS, bucket="clinic", prefix="flexpa/", external_id="id-77")
    for text in (policies.terraform(setup), policies.cloudformation(setup)):
        lines = [line for line in text.splitlines() if "id-77" in line]
        assert [line[0] for line in lines] == ["#"]


def test_role_that_is_not_made_yet_gets_a_name_and_leaves_its_arn_open() -> None:
    setup = policies.PolicySetup(principal_arn=OURS, bucket="clinic", prefix="flexpa/", kms_key_arn=KEY)
    assert (setup.role_name, setup.role_path) == ("record-relay-writer", "/")
    assert setup.key_statement == policies.key_policy_statement("<ARN of your role>")


@pytest.mark.parametrize(
    ("owner", "role", "needed"),
    [("", ROLE, False), ("222222222222", ROLE, False), ("333333333333", ROLE, True), ("333333333333", "", True)],
)
def test_bucket_statement_is_shown_when_another_account_owns_the_bucket(owner: str, role: str, needed: bool) -> None:
    setup = policies.PolicySetup(
        principal_arn=OURS, bucket="clinic", prefix="flexpa/", bucket_owner=owner, role_arn=role
    )
    assert (setup.bucket_statement is not None) is needed


def test_trust_policy_names_both_external_ids_while_one_replaces_the_other() -> None:
    statements = policies.trust_policy(OURS, ("old", "new"))["Statement"]
    assert isinstance(statements, list)
    assert statements[0]["Condition"] == {"StringEquals": {"sts:ExternalId": ("old", "new")}}
