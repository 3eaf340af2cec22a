"""Each condition operator at its edges, and what happens when the key is absent."""

from __future__ import annotations

from typing import Any

import pytest

from apps.sandbox.cloud.conditions import NEGATED, POSITIVE, holds, parse_conditions
from apps.sandbox.cloud.errors import AwsError, NotModelledError

KEY = "sts:ExternalId"


def check(operator: str, wanted: Any, found: str | None, *, key: str = KEY) -> bool:
    (condition,) = parse_conditions({operator: {key: wanted}})
    return holds(condition, {} if found is None else {key.lower(): found})


@pytest.mark.parametrize(
    ("operator", "wanted", "found", "expected"),
    [
        ("StringEquals", "abc", "abc", True),
        ("StringEquals", "abc", "ABC", False),
        ("StringEquals", "a*", "abc", False),
        ("StringEquals", ["x", "abc"], "abc", True),
        ("StringNotEquals", ["x", "abc"], "abc", False),
        ("StringEqualsIgnoreCase", "ABC", "abc", True),
        ("StringNotEqualsIgnoreCase", "ABC", "abc", False),
        ("StringLike", "a?c*", "abc", True),
        ("StringLike", "a.c", "abc", False),
        ("StringNotLike", "a*", "abc", False),
        ("Bool", True, "true", True),
        ("Bool", "false", "true", False),
        ("IpAddress", "10.0.0.0/8", "10.2.3.4", True),
        ("IpAddress", "10.0.0.0/8", "11.2.3.4", False),
        ("IpAddress", "2001:db8::/32", "10.2.3.4", False),
        ("NotIpAddress", "10.0.0.0/8", "10.2.3.4", False),
        ("NumericEquals", 5, "5", True),
        ("NumericEquals", "5.0", "5", True),
        ("NumericNotEquals", 5, "5", False),
        ("NumericLessThan", 5, "5", False),
        ("NumericLessThanEquals", 5, "5", True),
        ("NumericGreaterThan", 5, "6", True),
        ("NumericGreaterThanEquals", 5, "4", False),
        ("NumericLessThan", 5, "abc", False),
        ("DateLessThan", "2026-01-02T00:00:00Z", "2026-01-01T23:00:00+00:00", True),
        ("DateGreaterThan", "2026-01-02", "2026-01-01T23:00:00+00:00", False),
        ("DateGreaterThanEquals", "1700000000", "2026-01-01T00:00:00Z", True),
        ("DateLessThanEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
        ("DateEquals", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z", True),
        ("DateNotEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", False),
        ("ArnLike", "arn:aws:iam::*:role/del*", "arn:aws:iam::1:role/delivery", True),
        ("ArnLike", "arn:aws:*:role/del*", "arn:aws:iam::1:role/delivery", False),
        ("ArnEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/ab", False),
        ("ArnNotEquals", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/ab", True),
        ("ArnNotLike", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/ab", False),
        ("ForAnyValue:StringEquals", ["a", "b"], "b", True),
        ("ForAllValues:StringEquals", ["a", "b"], "c", False),
        ("Null", "false", "x", True),
        ("Null", "true", "x", False),
    ],
)
def test_operator_compares_as_documented(operator: str, wanted: Any, found: str, expected: bool) -> None:
    assert check(operator, wanted, found) is expected


def sample(operator: str) -> str:
    base = NEGATED.get(operator, operator)
    if base.startswith("Arn"):
        return "arn:aws:iam::1:role/a"
    return {"Ip": "10.0.0.1", "Nu": "1", "Da": "1", "Bo": "true"}.get(base[:2], "a")


@pytest.mark.parametrize("operator", sorted(POSITIVE))
def test_absent_key_fails_a_positive_operator(operator: str) -> None:
    assert check(operator, sample(operator), None) is False
    assert check(f"{operator}IfExists", sample(operator), None) is True
    assert check(f"ForAllValues:{operator}", sample(operator), None) is True
    assert check(f"ForAnyValue:{operator}", sample(operator), None) is False


@pytest.mark.parametrize("operator", sorted(NEGATED))
def test_absent_key_passes_a_negated_operator(operator: str) -> None:
    assert check(operator, sample(operator), None) is True
    assert check(f"ForAnyValue:{operator}", sample(operator), None) is False


def test_null_asks_whether_the_key_is_absent() -> None:
    assert check("Null", "true", None) is True
    assert check("Null", "false", None) is False


@pytest.mark.parametrize("operator", ["StringEqual", "stringequals", "BinaryEquals", "NullIfExists", "Some:Bool"])
def test_unknown_operator_is_not_modelled(operator: str) -> None:
    with pytest.raises(NotModelledError):
        parse_conditions({operator: {KEY: "a"}})


@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "kms:RequestAlias", "aws:PrincipalTag/team", "sts:ExternalID2"])
def test_unknown_key_is_not_modelled(key: str) -> None:
    with pytest.raises(NotModelledError):
        parse_conditions({"StringEquals": {key: "a"}})


def test_policy_variable_is_not_modelled() -> None:
    with pytest.raises(NotModelledError):
        parse_conditions({"StringEquals": {KEY: "${aws:username}"}})


@pytest.mark.parametrize(
    "block",
    [
        [],
        {"StringEquals": "a"},
        {"StringEquals": {KEY: []}},
        {"StringEquals": {KEY: {"a": 1}}},
        {"IpAddress": {"aws:SourceIp": "nowhere"}},
        {"NumericEquals": {"s3:max-keys": "many"}},
        {"DateLessThan": {"aws:CurrentTime": "tomorrow"}},
        {"Null": {KEY: "maybe"}},
    ],
)
def test_malformed_block_is_refused(block: Any) -> None:
    with pytest.raises(AwsError) as caught:
        parse_conditions(block)
    assert caught.value.code == "MalformedPolicyDocument"
