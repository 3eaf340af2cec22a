"""Policy documents: read once, strictly, into statements.

Owns the grammar of trust, identity, session, bucket and key policies; refuses elements that it does not know and
principals that AWS would refuse. Source: IAM User Guide, "Grammar of the IAM JSON policy language".

The branches, each of which a test must be able to break:
G1  an unknown element or Effect is malformed; G2 NotPrincipal and G3 an unknown kind of principal are 501.
G4  exactly one of Action and NotAction; G5 of Resource and NotResource, G6 but a trust policy has neither.
G7  Principal stands in trust and resource policies and only there.
G8  an account number means the account's root; G9 services and federations are nobody who calls here.
G10 a principal is a whole ARN without wildcards, or "*"; G11 a policy variable is 501, never a literal.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from apps.sandbox.cloud.conditions import Condition, parse_conditions
from apps.sandbox.cloud.errors import AwsError, NotModelledError

ELEMENTS = {"Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
PRINCIPAL_ARN = re.compile(
    r"arn:aws:(iam::\d{12}:(root|(user|role)/[\w+=,.@/-]+)|sts::\d{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+)"
)


class PolicyKind(StrEnum):
    """Where a policy hangs: on a role's trust, on an identity or session, or on a bucket or key."""

    TRUST = "trust"
    IDENTITY = "identity"
    RESOURCE = "resource"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; an element that its kind of policy does not have is None."""

    is_deny: bool
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    principals: frozenset[str] | None
    conditions: tuple[Condition, ...]


Policy = tuple[Statement, ...]


def _malformed(message: str) -> AwsError:
    return AwsError(400, "MalformedPolicyDocument", message)


def _strings(statement: dict[str, Any], name: str) -> tuple[str, ...] | None:
    if name not in statement:
        return None
    value = statement[name]
    listed = value if isinstance(value, list) else [value]
    if not listed or not all(isinstance(item, str) for item in listed):
        raise _malformed(f"{name} must be one or more strings.")
    if any("${" in item for item in listed):
        raise NotModelledError("policy variables")  # G11
    return tuple(listed)


def _principals(value: Any) -> frozenset[str]:
    """Read a Principal element; an account becomes its root ARN; services and federations match no caller."""
    if value == "*":
        return frozenset("*")
    if not isinstance(value, dict) or not value:
        raise _malformed("Invalid principal in policy.")
    found = set()
    for kind in value:
        listed = _strings(value, kind) or ()
        if kind in ("Service", "Federated"):
            continue  # G9
        if kind != "AWS":
            raise NotModelledError(f"principals of kind {kind}")  # G3
        for item in listed:
            name = f"arn:aws:iam::{item}:root" if re.fullmatch(r"\d{12}", item) else item  # G8
            if name != "*" and not PRINCIPAL_ARN.fullmatch(name):
                raise _malformed("Invalid principal in policy.")  # G10
            found.add(name)
    return frozenset(found)


def _check_actions(actions: tuple[str, ...], kind: PolicyKind) -> None:
    for action in actions:
        if not re.fullmatch(r"\*|[A-Za-z0-9-]+:[\w*?-]+", action):
            raise _malformed("Actions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if kind is PolicyKind.TRUST and not action.lower().startswith("sts:"):
            raise _malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def _parse_statement(value: Any, kind: PolicyKind) -> Statement:
    if not isinstance(value, dict):
        raise _malformed("Syntax errors in policy.")
    if "NotPrincipal" in value:
        raise NotModelledError("NotPrincipal")  # G2
    if set(value) - ELEMENTS or value.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Syntax errors in policy.")  # G1
    if ("Action" in value) == ("NotAction" in value):
        raise _malformed("A statement needs either Action or NotAction.")  # G4
    if ("Principal" in value) != (kind is not PolicyKind.IDENTITY):
        raise _malformed("Principal belongs in trust and resource policies, and only there.")  # G7
    if kind is PolicyKind.TRUST and {"Resource", "NotResource"} & set(value):
        raise _malformed("Has prohibited field Resource.")  # G6
    if kind is not PolicyKind.TRUST and ("Resource" in value) == ("NotResource" in value):
        raise _malformed("A statement needs either Resource or NotResource.")  # G5
    actions, not_actions = _strings(value, "Action"), _strings(value, "NotAction")
    resources, not_resources = _strings(value, "Resource"), _strings(value, "NotResource")
    _check_actions(actions or not_actions or (), kind)
    for resource in resources or not_resources or ():
        if resource != "*" and not resource.startswith("arn:"):
            raise _malformed('Resources must be in ARN format or "*".')
    return Statement(
        is_deny=value["Effect"] == "Deny",
        actions=actions,
        not_actions=not_actions,
        resources=resources,
        not_resources=not_resources,
        principals=_principals(value["Principal"]) if "Principal" in value else None,
        conditions=parse_conditions(value["Condition"]) if "Condition" in value else (),
    )


@lru_cache(maxsize=2048)
def parse_policy(text: str, kind: PolicyKind) -> Policy:
    """Read a policy document.

    Shape: {"Version": "2012-10-17", "Statement": [{…}] | {…}}.
    Raises: AwsError("MalformedPolicyDocument"); NotModelledError for what is valid but not evaluated here.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _malformed("Syntax errors in policy.") from error
    if not isinstance(document, dict) or set(document) - {"Version", "Id", "Statement"}:
        raise _malformed("Syntax errors in policy.")
    if document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise _malformed("Syntax errors in policy.")
    statements = document.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if not listed:
        raise _malformed("Syntax errors in policy.")
    return tuple(_parse_statement(statement, kind) for statement in listed)


ALLOW_EVERYTHING: Policy = parse_policy(
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}', PolicyKind.IDENTITY
)
