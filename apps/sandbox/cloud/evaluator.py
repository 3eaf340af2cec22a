"""The decision: may this caller do this action on this resource, now.

Owns the order in which policies speak; refuses to fetch anything, so it can be asked thousands of times.
Order: an explicit Deny anywhere wins; the session policy must allow; within one account the identity's or
the resource's policy allows; between accounts both must. For AssumeRole the trust policy and the caller's own
policy must both allow (AWS spares a caller of the same account, whom the trust policy names, the second).
Source: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apps.sandbox.cloud.conditions import holds
from apps.sandbox.cloud.policies import Policy, Statement
from apps.sandbox.cloud.wildcards import matches


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked. `principals` are the ARNs that name the caller (session and role, or user, or root)."""

    action: str
    resource: str
    context: Mapping[str, str]
    principals: frozenset[str]
    account: str
    resource_account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What speaks for the caller: identity policies, and the session policy if one was handed over."""

    identity: Sequence[Policy]
    session: Policy | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and the reason in AWS's words when it is no."""

    allowed: bool
    because: str = ""


def _principal_applies(statement: Statement, question: Question) -> bool:
    if statement.principals is None:
        return True
    named = question.principals | {"*", f"arn:aws:iam::{question.account}:root"}
    return not named.isdisjoint(statement.principals)


def _is_direct(statement: Statement, question: Question) -> bool:
    """Say whether the statement names the caller itself (or everybody), not just its account."""
    return statement.principals is not None and not statement.principals.isdisjoint(question.principals | {"*"})


def applies(statement: Statement, question: Question) -> bool:
    """Say whether a statement speaks about this question at all."""
    action, resource = question.action.lower(), question.resource
    if statement.actions is not None and not any(matches(a.lower(), action) for a in statement.actions):
        return False
    if statement.not_actions is not None and any(matches(a.lower(), action) for a in statement.not_actions):
        return False
    if statement.resources is not None and not any(matches(r, resource) for r in statement.resources):
        return False
    if statement.not_resources is not None and any(matches(r, resource) for r in statement.not_resources):
        return False
    return _principal_applies(statement, question) and all(
        holds(condition, question.context) for condition in statement.conditions
    )


def _speaking(policies: Sequence[Policy], question: Question) -> list[Statement]:
    return [statement for policy in policies for statement in policy if applies(statement, question)]


def judge(question: Question, standing: Standing, resource_policy: Policy | None = None) -> Verdict:
    """Decide an ordinary request; without a resource policy another account's resource is refused."""
    identity = _speaking(standing.identity, question)
    session = None if standing.session is None else _speaking([standing.session], question)
    resource = _speaking([resource_policy] if resource_policy else [], question)
    spoken = (("an identity-based", identity), ("a session", session or []), ("a resource-based", resource))
    for kind, statements in spoken:
        if any(statement.is_deny for statement in statements):
            return Verdict(False, f"with an explicit deny in {kind} policy")
    if session is not None and not session:
        return Verdict(False, f"because no session policy allows the {question.action} action")
    if question.account == question.resource_account:
        if identity or any(_is_direct(statement, question) for statement in resource):
            return Verdict(True)
        return Verdict(False, f"because no identity-based policy allows the {question.action} action")
    if not identity:
        return Verdict(False, f"because no identity-based policy allows the {question.action} action")
    if not resource:
        return Verdict(False, f"because no resource-based policy allows the {question.action} action")
    return Verdict(True)


def may_assume(question: Question, standing: Standing, trust: Policy) -> bool:
    """Decide an AssumeRole action: nobody denies it, and trust, identity and session policy all allow it."""
    heard = [_speaking([trust], question), _speaking(standing.identity, question)]
    if standing.session is not None:
        heard.append(_speaking([standing.session], question))
    return all(heard) and not any(statement.is_deny for statements in heard for statement in statements)
