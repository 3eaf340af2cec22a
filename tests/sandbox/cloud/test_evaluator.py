"""The decision against a tiny reference that reads the raw documents and shares no code with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.sandbox.cloud.evaluator import Question, Standing, judge, judge_key, may_assume
from apps.sandbox.cloud.policies import Policy, PolicyKind, parse_policy

OURS, THEIRS = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{OURS}:role/delivery"
SESSION = f"arn:aws:sts::{OURS}:assumed-role/delivery/dst"
Document = dict[str, Any]


# --- the reference: raw JSON, one question at a time -------------------------------------------------------


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def ref_condition(block: Document, context: Mapping[str, str]) -> bool:
    for operator, keys in block.items():
        for key, wanted in keys.items():
            values = [str(item) for item in as_list(wanted)]
            has = key.lower() in context
            found = context.get(key.lower(), "")
            match operator:
                case "Null":
                    ok = ("true" in values and not has) or ("false" in values and has)
                case "StringEquals":
                    ok = has and found in values
                case "StringNotEquals":
                    ok = not has or found not in values
                case "StringEqualsIfExists":
                    ok = not has or found in values
                case "StringLike":
                    ok = has and any(fnmatchcase(found, value) for value in values)
                case "StringNotLike":
                    ok = not has or not any(fnmatchcase(found, value) for value in values)
                case "NumericLessThan":
                    ok = has and found.isdigit() and any(int(found) < int(value) for value in values)
                case _:
                    raise AssertionError(operator)
            if not ok:
                return False
    return True


def ref_speaks(statement: Document, question: Question) -> bool:
    actions = as_list(statement.get("Action", statement.get("NotAction")))
    named = any(fnmatchcase(question.action.lower(), action.lower()) for action in actions)
    if named == ("NotAction" in statement):
        return False
    for element in {"Resource", "NotResource"} & set(statement):
        fits = any(fnmatchcase(question.resource, item) for item in as_list(statement[element]))
        if fits == (element == "NotResource"):
            return False
    if "Principal" in statement and not ref_names(statement["Principal"]):
        return False
    return ref_condition(statement.get("Condition", {}), question.context)


def ref_names(principal: Any) -> str:
    """Answer "self", "account" or "" for how a Principal names our session."""
    if principal == "*":
        return "self"
    names = as_list(principal.get("AWS", []))
    if set(names) & {"*", ROLE, SESSION}:
        return "self"
    return "account" if set(names) & {OURS, f"arn:aws:iam::{OURS}:root"} else ""


def ref_judge(question: Question, identity: Document, session: Document | None, bucket: Document) -> bool:
    spoken = {"identity": [], "session": [], "bucket": []}  # type: dict[str, list[Document]]
    for name, document in (("identity", identity), ("session", session), ("bucket", bucket)):
        spoken[name] = [s for s in (document or {}).get("Statement", []) if ref_speaks(s, question)]
    if any(s["Effect"] == "Deny" for found in spoken.values() for s in found):
        return False
    if session is not None and not spoken["session"]:
        return False
    if question.account == question.resource_account:
        return bool(spoken["identity"]) or any(ref_names(s["Principal"]) == "self" for s in spoken["bucket"])
    return bool(spoken["identity"]) and bool(spoken["bucket"])


def ref_judge_key(question: Question, identity: Document, session: Document | None, key: Document) -> bool:
    documents = {"identity": identity, "key": key} | ({} if session is None else {"session": session})
    spoken = {
        name: [s for s in document["Statement"] if ref_speaks(s, question)] for name, document in documents.items()
    }
    if any(s["Effect"] == "Deny" for found in spoken.values() for s in found):
        return False
    if not spoken["key"] or not spoken.get("session", [True]):
        return False
    names_self = any(ref_names(s["Principal"]) == "self" for s in spoken["key"])
    return bool(spoken["identity"]) or (names_self and question.account == question.resource_account)


def ref_assume(question: Question, identity: Document, session: Document | None, trust: Document) -> bool:
    documents = [identity, trust] + ([session] if session is not None else [])
    spoken = [[s for s in document["Statement"] if ref_speaks(s, question)] for document in documents]
    return all(spoken) and all(s["Effect"] == "Allow" for found in spoken for s in found)


# --- random policies and questions -------------------------------------------------------------------------

ACTIONS = ["s3:PutObject", "s3:GetObject", "sts:AssumeRole", "sts:TagSession"]
PATTERNS = ["s3:PutObject", "S3:putobject", "s3:*", "s3:?etObject", "*", "s3:Get*", "sts:AssumeRole", "sts:*"]
RESOURCES = ["arn:aws:s3:::b/flexpa/a", "arn:aws:s3:::b/a", "arn:aws:s3:::b"]
RESOURCE_PATTERNS = [
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/flexpa/*",
    "arn:aws:s3:::b/?",
    "arn:aws:s3:::B/*",
]
PRINCIPALS = [
    "*", ROLE, SESSION, OURS, f"arn:aws:iam::{OURS}:root", f"{ROLE}2", ROLE[:-1], THEIRS, f"{SESSION}x",
    f"arn:aws:iam::{THEIRS}:role/delivery",
]  # fmt: skip
VALUES = ["abc", "ABC", "abcd", "5", "12", ""]
WANTED = ["abc", "a*", "?bc", "*", "5", "ABC"]
KEYS = ["sts:ExternalId", "s3:prefix", "aws:userid"]


def one_or_more(items: list[str]) -> st.SearchStrategy[Any]:
    return st.sampled_from(items) | st.lists(st.sampled_from(items), min_size=1, max_size=3)


def conditions() -> st.SearchStrategy[Document]:
    texts = [
        "StringEquals", "StringNotEquals", "StringEqualsIfExists", "StringLike", "StringNotLike",
    ]  # fmt: skip
    by_text = st.tuples(st.sampled_from(texts), st.sampled_from(KEYS), one_or_more(WANTED))
    by_number = st.tuples(st.just("NumericLessThan"), st.sampled_from(KEYS), one_or_more(["6", "12", "100"]))
    by_null = st.tuples(st.just("Null"), st.sampled_from(KEYS), one_or_more(["true", "false"]))
    several = st.lists(by_text | by_number | by_null, max_size=2)
    return several.map(lambda made: {operator: {key: value} for operator, key, value in made})


@st.composite
def statements(draw: st.DrawFn, kind: PolicyKind) -> Document:
    made: Document = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"]))}
    patterns = [p for p in PATTERNS if p.startswith("sts:")] if kind is PolicyKind.TRUST else PATTERNS
    made[draw(st.sampled_from(["Action", "Action", "Action", "NotAction"]))] = draw(one_or_more(patterns))
    if kind is not PolicyKind.TRUST:
        name = draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"]))
        made[name] = draw(one_or_more(RESOURCE_PATTERNS))
    if kind is not PolicyKind.IDENTITY:
        made["Principal"] = draw(st.just("*") | one_or_more(PRINCIPALS).map(lambda names: {"AWS": names}))
    if block := draw(conditions()):
        made["Condition"] = block
    return made


def documents(kind: PolicyKind) -> st.SearchStrategy[Document]:
    several = st.lists(statements(kind), min_size=1, max_size=3)
    return several.map(lambda made: {"Version": "2012-10-17", "Statement": made})


@st.composite
def questions(draw: st.DrawFn, actions: list[str]) -> Question:
    context = draw(st.dictionaries(st.sampled_from([key.lower() for key in KEYS]), st.sampled_from(VALUES)))
    return Question(
        action=draw(st.sampled_from(actions)),
        resource=draw(st.sampled_from(RESOURCES)),
        context=context,
        principals=frozenset((ROLE, SESSION)),
        account=OURS,
        resource_account=draw(st.sampled_from([OURS, THEIRS])),
    )


def read(document: Document | None, kind: PolicyKind) -> Policy | None:
    return None if document is None else parse_policy(json.dumps(document), kind)


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    question=questions(ACTIONS[:2]),
    identity=documents(PolicyKind.IDENTITY),
    session=st.none() | documents(PolicyKind.IDENTITY),
    bucket=st.none() | documents(PolicyKind.RESOURCE),
)
def test_judge_agrees_with_the_reference(
    question: Question, identity: Document, session: Document | None, bucket: Document | None
) -> None:
    own = read(identity, PolicyKind.IDENTITY)
    standing = Standing(identity=[own] if own else [], session=read(session, PolicyKind.IDENTITY))
    found = judge(question, standing, read(bucket, PolicyKind.RESOURCE)).allowed
    assert found == ref_judge(question, identity, session, bucket or {})


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    question=questions(ACTIONS[:2]),
    identity=documents(PolicyKind.IDENTITY),
    session=st.none() | documents(PolicyKind.IDENTITY),
    key=documents(PolicyKind.RESOURCE),
)
def test_judge_key_agrees_with_the_reference(
    question: Question, identity: Document, session: Document | None, key: Document
) -> None:
    own, keys_own = read(identity, PolicyKind.IDENTITY), read(key, PolicyKind.RESOURCE)
    standing = Standing(identity=[own] if own else [], session=read(session, PolicyKind.IDENTITY))
    assert keys_own is not None
    assert judge_key(question, standing, keys_own).allowed == ref_judge_key(question, identity, session, key)


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    question=questions(ACTIONS[2:]),
    identity=documents(PolicyKind.IDENTITY),
    session=st.none() | documents(PolicyKind.IDENTITY),
    trust=documents(PolicyKind.TRUST),
)
def test_may_assume_agrees_with_the_reference(
    question: Question, identity: Document, session: Document | None, trust: Document
) -> None:
    own, trusted = read(identity, PolicyKind.IDENTITY), read(trust, PolicyKind.TRUST)
    standing = Standing(identity=[own] if own else [], session=read(session, PolicyKind.IDENTITY))
    assert trusted is not None
    assert may_assume(question, standing, trusted) == ref_assume(question, identity, session, trust)


# --- reasons, in AWS's words -------------------------------------------------------------------------------


def ask(*, resource_account: str = OURS) -> Question:
    return Question(
        action="s3:PutObject",
        resource="arn:aws:s3:::b/a",
        context={},
        principals=frozenset((ROLE, SESSION)),
        account=OURS,
        resource_account=resource_account,
    )


def identity_policy(effect: str) -> Policy:
    document = {"Statement": {"Effect": effect, "Action": "s3:*", "Resource": "*"}}
    return parse_policy(json.dumps(document), PolicyKind.IDENTITY)


@pytest.mark.parametrize(
    ("standing", "reason"),
    [
        (Standing(identity=[]), "because no identity-based policy allows the s3:PutObject action"),
        (Standing(identity=[identity_policy("Deny")]), "with an explicit deny in an identity-based policy"),
        (
            Standing(identity=[identity_policy("Allow")], session=identity_policy("Deny")),
            "with an explicit deny in a session policy",
        ),
        (
            Standing(identity=[identity_policy("Allow")], session=()),
            "because no session policy allows the s3:PutObject action",
        ),
    ],
)
def test_refusal_names_the_kind_of_policy(standing: Standing, reason: str) -> None:
    assert judge(ask(), standing).because == reason


def test_other_account_without_resource_policy_is_refused() -> None:
    verdict = judge(ask(resource_account=THEIRS), Standing(identity=[identity_policy("Allow")]))
    assert verdict.because == "because no resource-based policy allows the s3:PutObject action"


def test_no_policy_at_all_lets_nobody_assume() -> None:
    question = ask()
    trust = parse_policy(
        json.dumps({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "sts:*"}}), PolicyKind.TRUST
    )
    assert not may_assume(question, Standing(identity=[]), trust)
