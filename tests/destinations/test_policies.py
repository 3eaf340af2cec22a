"""The policies: as the destination guide prints them, never wider."""

from __future__ import annotations

import json

import pytest

from apps.destinations import policies

OURS = "arn:aws:iam::919310032435:role/flexpa-customer-data-delivery"
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
