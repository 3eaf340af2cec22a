"""The grammar of policy documents: what is read, what is malformed, what is not modelled."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.sandbox.cloud.errors import AwsError, NotModelledError
from apps.sandbox.cloud.policies import PolicyKind, parse_policy

IDENTITY: dict[str, Any] = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/*"}
TRUST: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "1" * 12}}


def read(kind: PolicyKind, statement: Any, **more: Any) -> None:
    parse_policy(json.dumps({"Version": "2012-10-17", "Statement": statement, **more}), kind)


def test_account_number_and_root_arn_are_the_same_principal() -> None:
    short = parse_policy(json.dumps({"Statement": TRUST}), PolicyKind.TRUST)
    root = {**TRUST, "Principal": {"AWS": [f"arn:aws:iam::{'1' * 12}:root"]}}
    assert parse_policy(json.dumps({"Statement": [root]}), PolicyKind.TRUST) == short


def test_services_and_federations_match_no_caller() -> None:
    principal = {"Service": "ec2.amazonaws.com", "Federated": "arn:aws:iam::1:saml-provider/x"}
    text = json.dumps({"Statement": {**TRUST, "Principal": principal}})
    assert parse_policy(text, PolicyKind.TRUST)[0].principals == frozenset()


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        (PolicyKind.IDENTITY, {**IDENTITY, "Effect": "allow"}),
        (PolicyKind.IDENTITY, {**IDENTITY, "Ressource": "*"}),
        (PolicyKind.IDENTITY, {**IDENTITY, "Principal": "*"}),
        (PolicyKind.IDENTITY, {**IDENTITY, "NotAction": "s3:*"}),
        (PolicyKind.IDENTITY, {**IDENTITY, "NotResource": "*"}),
        (PolicyKind.IDENTITY, {**IDENTITY, "Action": "PutObject"}),
        (PolicyKind.IDENTITY, {**IDENTITY, "Action": []}),
        (PolicyKind.IDENTITY, {**IDENTITY, "Resource": "b/*"}),
        (PolicyKind.IDENTITY, {**IDENTITY, "Resource": 7}),
        (PolicyKind.IDENTITY, {"Effect": "Allow", "Action": "s3:*"}),
        (PolicyKind.IDENTITY, []),
        (PolicyKind.IDENTITY, "Allow"),
        (PolicyKind.TRUST, {**TRUST, "Resource": "*"}),
        (PolicyKind.TRUST, {**TRUST, "Action": "*"}),
        (PolicyKind.TRUST, {**TRUST, "Action": "s3:PutObject"}),
        (PolicyKind.TRUST, {**TRUST, "Principal": {}}),
        (PolicyKind.TRUST, {**TRUST, "Principal": {"AWS": "arn:aws:iam::111111111111:role/*"}}),
        (PolicyKind.TRUST, {**TRUST, "Principal": {"AWS": "alice"}}),
        (PolicyKind.TRUST, {"Effect": "Allow", "Action": "sts:AssumeRole"}),
    ],
)
def test_malformed_statement_is_refused(kind: PolicyKind, statement: Any) -> None:
    with pytest.raises(AwsError) as caught:
        read(kind, statement)
    assert caught.value.code == "MalformedPolicyDocument"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"Version":"2013-01-01","Statement":[]}', '{"Statements":[]}'])
def test_malformed_document_is_refused(text: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse_policy(text, PolicyKind.IDENTITY)
    assert caught.value.code == "MalformedPolicyDocument"


@pytest.mark.parametrize(
    ("kind", "statement"),
    [
        (PolicyKind.TRUST, {**TRUST, "NotPrincipal": {"AWS": "*"}}),
        (PolicyKind.TRUST, {**TRUST, "Principal": {"CanonicalUser": "abc"}}),
        (PolicyKind.IDENTITY, {**IDENTITY, "Resource": "arn:aws:s3:::${aws:username}/*"}),
    ],
)
def test_what_is_valid_but_not_evaluated_is_not_modelled(kind: PolicyKind, statement: Any) -> None:
    with pytest.raises(NotModelledError):
        read(kind, statement)
