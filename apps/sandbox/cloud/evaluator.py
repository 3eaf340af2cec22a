"""The decision: may this caller do this action on this resource, now.

Owns the order in which policies speak; refuses to fetch anything, so it can be asked thousands of times.
Source: IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic"; KMS Developer Guide,
"Key policies", "Determining access to AWS KMS keys", "Allowing users in other accounts to use a KMS key".

The branches, each of which a test must be able to break:
A1  `Action` must name the action, letters compared without case; A2 `NotAction` must not.
A3  `Resource` must name the resource, letters compared with case; A4 `NotResource` must not.
A5  every condition must hold (what that means: conditions.py).
P1  a statement without Principal (identity, session) speaks about everybody it hangs on.
P2  a Principal names the caller by session, role or user ARN, P3 by its account, P4 by "*"; whole names only.
D1  an explicit Deny wins, in the identity's, D2 the session's, D3 the resource's policy.
S1  a session policy, where there is one, must allow as well.
J1  same account: the identity's policy allows, or J2 the resource's policy names the caller itself;
J3  a resource's policy that names only the account does not suffice within that account.
X1  other account: the identity's policy must allow, X2 and the resource's policy too.
K1  a key: its policy must name the caller or its account, whatever the identity's policy says;
K2  same account: naming the caller itself suffices; K3 naming the account leaves it to the identity's policy;
K4  other account: the identity's policy must allow too.
T1  AssumeRole: trust, T2 identity and T3 session policy must all allow; T4 a Deny in any of them wins.

Stricter than AWS, on purpose: T2 also for a caller of the same account whom the trust policy names itself;
S1 also for a resource's policy that names the session's own ARN.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The statements that speak about one question, by the policy they stand in; `session` None = no policy."""

    identity: Sequence[Statement]
    session: Sequence[Statement] | None
    resource: Sequence[Statement]


def _principal_applies(statement: Statement, question: Question) -> bool:
    if statement.principals is None:
        return True  # P1
    named = question.principals | {"*", f"arn:aws:iam::{question.account}:root"}  # P2, P4, P3
    return not named.isdisjoint(statement.principals)


def _is_direct(statement: Statement, question: Question) -> bool:
    """Say whether the statement names the caller itself (or everybody), not just its account."""
    return statement.principals is not None and not statement.principals.isdisjoint(question.principals | {"*"})


def applies(statement: Statement, question: Question) -> bool:
    """Say whether a statement speaks about this question at all."""
    action, resource = question.action.lower(), question.resource
    if statement.actions is not None and not any(matches(a.lower(), action) for a in statement.actions):
        return False  # A1
    if statement.not_actions is not None and any(matches(a.lower(), action) for a in statement.not_actions):
        return False  # A2
    if statement.resources is not None and not any(matches(r, resource) for r in statement.resources):
        return False  # A3
    if statement.not_resources is not None and any(matches(r, resource) for r in statement.not_resources):
        return False  # A4
    return _principal_applies(statement, question) and all(
        holds(condition, question.context)
        for condition in statement.conditions  # A5
    )


def _speaking(policies: Sequence[Policy], question: Question) -> list[Statement]:
    return [statement for policy in policies for statement in policy if applies(statement, question)]


def _hear(question: Question, standing: Standing, resource_policy: Policy | None) -> Heard:
    return Heard(
        identity=_speaking(standing.identity, question),
        session=None if standing.session is None else _speaking([standing.session], question),
        resource=_speaking([resource_policy] if resource_policy else [], question),
    )


def _no(kind: str, question: Question) -> Verdict:
    return Verdict(False, f"because no {kind} policy allows the {question.action} action")


def _find_veto(question: Question, heard: Heard) -> Verdict | None:
    """Find what refuses before anything can allow: a Deny, or a session policy that does not allow."""
    spoken = (
        ("an identity-based", heard.identity),  # D1
        ("a session", heard.session or ()),  # D2
        ("a resource-based", heard.resource),  # D3
    )
    for kind, statements in spoken:
        if any(statement.is_deny for statement in statements):
            return Verdict(False, f"with an explicit deny in {kind} policy")
    if heard.session is not None and not heard.session:
        return _no("session", question)  # S1
    return None


def judge(question: Question, standing: Standing, resource_policy: Policy | None = None) -> Verdict:
    """Decide an ordinary request; without a resource policy another account's resource is refused."""
    heard = _hear(question, standing, resource_policy)
    if veto := _find_veto(question, heard):
        return veto
    if question.account == question.resource_account:
        if heard.identity or any(_is_direct(statement, question) for statement in heard.resource):  # J1, J2, J3
            return Verdict(True)
        return _no("identity-based", question)
    if not heard.identity:
        return _no("identity-based", question)  # X1
    if not heard.resource:
        return _no("resource-based", question)  # X2
    return Verdict(True)


def judge_key(question: Question, standing: Standing, key_policy: Policy) -> Verdict:
    """Decide the use of a KMS key: nobody, the account's root included, gets past the key's own policy."""
    heard = _hear(question, standing, key_policy)
    if veto := _find_veto(question, heard):
        return veto
    if not heard.resource:
        return _no("resource-based", question)  # K1
    is_own = question.account == question.resource_account
    if is_own and any(_is_direct(statement, question) for statement in heard.resource):
        return Verdict(True)  # K2
    if not heard.identity:
        return _no("identity-based", question)  # K3, K4
    return Verdict(True)


def may_assume(question: Question, standing: Standing, trust: Policy) -> bool:
    """Decide an AssumeRole action: nobody denies it, and trust, identity and session policy all allow it."""
    heard = [_speaking([trust], question), _speaking(standing.identity, question)]  # T1, T2
    if standing.session is not None:
        heard.append(_speaking([standing.session], question))  # T3
    return all(heard) and not any(statement.is_deny for statements in heard for statement in statements)  # T4
