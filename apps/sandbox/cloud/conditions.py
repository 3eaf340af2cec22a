"""Conditions of policy statements: operators, the keys that are modelled, and absent keys.

Owns the answer to "does this condition hold for this request". Refuses operators, keys and policy variables
that it does not know (501), so that no condition is ever skipped.
Source: IAM User Guide, "Condition operators", "Single-valued vs. multivalued context keys"; KMS Developer Guide,
"AWS KMS condition keys".

The branches, each of which a test must be able to break:
C1  an absent key fails a positive operator, C2 passes a negated one, C3 passes every …IfExists,
C4  passes ForAllValues, and fails ForAnyValue even when it is negated.
C5  Null: "true" holds when the key is absent, "false" when it is there.
C6  a positive operator needs one of its values to fit; C7 a negated one needs all of them not to.
C8  String operators compare letters as they are, …IgnoreCase does not; C9 Like knows * and ?, Equals does not.
C10 Arn operators compare part by part (wildcards.py); C11 numbers, dates and addresses by value, not by text.
C12 an unknown operator, C13 key or C14 policy variable is 501.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from ipaddress import ip_address, ip_network
from typing import Any

from apps.sandbox.cloud.errors import AwsError, NotModelledError
from apps.sandbox.cloud.wildcards import arn_matches, matches

KNOWN_KEYS = {
    "aws:currenttime", "aws:epochtime", "aws:principalaccount", "aws:principalarn",
    "aws:principalisawsservice", "aws:principaltype", "aws:requestedregion", "aws:resourceaccount",
    "aws:securetransport", "aws:sourceidentity", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce",
    "aws:useragent", "aws:userid", "aws:username", "aws:viaawsservice", "aws:vpcsourceip",
    "kms:calleraccount", "kms:encryptionalgorithm", "kms:encryptioncontextkeys",
    "kms:grantisforawsresource", "kms:viaservice", "sts:externalid", "sts:rolesessionname",
    "sts:sourceidentity", "s3:authtype", "s3:delimiter", "s3:if-none-match", "s3:max-keys",
    "s3:objectcreationoperation", "s3:prefix", "s3:resourceaccount", "s3:signatureversion",
    "s3:tlsversion", "s3:x-amz-acl", "s3:x-amz-content-sha256", "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-storage-class",
}  # fmt: skip
# Some of them are never there, as at AWS for requests like ours: no private network (aws:SourceVpc…), no grants
# (kms:GrantIsForAWSResource), no customer keys, no TLS.
# kms:EncryptionContext:<name>, for any name.
KNOWN_FAMILIES = ("kms:encryptioncontext:",)

Test = Callable[[str, str], bool]


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d+(\.\d+)?", text) is not None


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Test:
    return lambda found, wanted: _is_number(found) and compare(Decimal(found), Decimal(wanted))


def _instant(text: str) -> datetime:
    """Read an ISO 8601 date or a number of seconds since 1970."""
    if _is_number(text):
        return datetime.fromtimestamp(float(text), UTC)
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _date(compare: Callable[[datetime, datetime], bool]) -> Test:
    return lambda found, wanted: compare(_instant(found), _instant(wanted))


POSITIVE: dict[str, Test] = {
    "StringEquals": lambda found, wanted: found == wanted,  # C8
    "StringEqualsIgnoreCase": lambda found, wanted: found.lower() == wanted.lower(),
    "StringLike": lambda found, wanted: matches(wanted, found),  # C9
    "ArnEquals": lambda found, wanted: arn_matches(wanted, found),  # C10
    "ArnLike": lambda found, wanted: arn_matches(wanted, found),
    "Bool": lambda found, wanted: found.lower() == wanted.lower(),
    "IpAddress": lambda found, wanted: ip_address(found) in ip_network(wanted, strict=False),  # C11
    "NumericEquals": _numeric(lambda found, wanted: found == wanted),
    "NumericLessThan": _numeric(lambda found, wanted: found < wanted),
    "NumericLessThanEquals": _numeric(lambda found, wanted: found <= wanted),
    "NumericGreaterThan": _numeric(lambda found, wanted: found > wanted),
    "NumericGreaterThanEquals": _numeric(lambda found, wanted: found >= wanted),
    "DateEquals": _date(lambda found, wanted: found == wanted),
    "DateLessThan": _date(lambda found, wanted: found < wanted),
    "DateLessThanEquals": _date(lambda found, wanted: found <= wanted),
    "DateGreaterThan": _date(lambda found, wanted: found > wanted),
    "DateGreaterThanEquals": _date(lambda found, wanted: found >= wanted),
}
# Each negated operator and the positive one that it turns round.
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
_SAMPLES = {"Ip": "127.0.0.1", "Numeric": "1", "Date": "1", "NotIp": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One key of one operator; `quantifier` is "", "ForAnyValue" or "ForAllValues"."""

    operator: str
    quantifier: str
    if_exists: bool
    key: str
    values: tuple[str, ...]


def _malformed(message: str) -> AwsError:
    return AwsError(400, "MalformedPolicyDocument", message)


def _texts(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    if not listed or not all(isinstance(value, str | bool | int | float) for value in listed):
        raise _malformed("A condition needs one or more plain values.")
    texts = tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in listed)
    if any("${" in text for text in texts):
        raise NotModelledError("policy variables")  # C14
    return texts


def _check_values(operator: str, values: tuple[str, ...]) -> None:
    """Refuse a value that its operator cannot compare. Raises: AwsError("MalformedPolicyDocument")."""
    test = POSITIVE[NEGATED.get(operator, operator)]
    sample = next((text for start, text in _SAMPLES.items() if operator.startswith(start)), "")
    try:
        for value in values:
            test(sample, value)
    except (ValueError, InvalidOperation, OverflowError) as error:
        raise _malformed(f"A value of {operator} cannot be read.") from error


def parse_conditions(block: Any) -> tuple[Condition, ...]:
    """Read a Condition element.

    Shape: {"StringEquals": {"sts:ExternalId": "…" | ["…"]}}.
    Raises: NotModelledError for an unknown operator, key or policy variable; AwsError when malformed.
    """
    if not isinstance(block, dict) or not all(isinstance(keys, dict) for keys in block.values()):
        raise _malformed("Syntax errors in policy.")
    parsed = []
    for name, keys in block.items():
        quantifier, _, rest = name.rpartition(":")
        if_exists = rest.endswith("IfExists")
        operator = rest.removesuffix("IfExists")
        if quantifier not in ("", "ForAnyValue", "ForAllValues"):
            raise NotModelledError(f"the condition operator {name}")
        if operator not in POSITIVE and operator not in NEGATED and name != "Null":
            raise NotModelledError(f"the condition operator {name}")  # C12
        for key, values in keys.items():
            if key.lower() not in KNOWN_KEYS and not key.lower().startswith(KNOWN_FAMILIES):
                raise NotModelledError(f"the condition key {key}")  # C13
            texts = _texts(values)
            if name == "Null":
                if not {text.lower() for text in texts} <= {"true", "false"}:
                    raise _malformed("Null compares with true or false.")
            else:
                _check_values(operator, texts)
            parsed.append(Condition(operator, quantifier, if_exists, key.lower(), texts))
    return tuple(parsed)


def holds(condition: Condition, context: Mapping[str, str]) -> bool:
    """Say whether a condition holds; an absent key fails a positive operator and passes a negated one.

    Shape: context has lower-case keys and one value each (no multivalued key is modelled).
    """
    found = context.get(condition.key)
    if condition.operator == "Null":
        return any((value.lower() == "true") == (found is None) for value in condition.values)  # C5
    negated = condition.operator in NEGATED
    if found is None:
        if condition.if_exists or condition.quantifier == "ForAllValues":
            return True  # C3, C4
        return negated and condition.quantifier == ""  # C1, C2, C4
    test = POSITIVE[NEGATED.get(condition.operator, condition.operator)]
    return any(test(found, value) for value in condition.values) != negated  # C6, C7
