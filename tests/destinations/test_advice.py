"""The table of answers: every line can be reached, names known facts and says who acts."""

from __future__ import annotations

from string import Formatter

import pytest

from apps.destinations.advice import FACTS, TABLE, Advice, Retry, Row, Snippet, find_advice
from apps.destinations.advice.our_side import OUR_BUG, OUR_CLOCK, OUR_CREDENTIALS, OUR_NETWORK, OUR_SESSION_POLICY
from apps.outbound.failures import FaultOwner

PUT, ASSUME, OURS = "put_object", "assume_role", "our_identity"


@pytest.mark.parametrize("row", TABLE)
def test_row_names_only_known_facts(row: Row) -> None:
    used = {name for text in (row.advice.message, row.advice.advice) for _, name, *_ in Formatter().parse(text)}
    assert used - {None} <= FACTS


# A text of AWS's for each pattern that is not one by itself.
TEXTS = {
    r"kms:(GenerateDataKey|Decrypt)": "kms:GenerateDataKey on resource",
    r"(service|resource) control policy": "service control policy",
}


@pytest.mark.parametrize("row", TABLE)
def test_row_is_reached_by_each_of_its_codes(row: Row) -> None:
    text = row.pattern
    for pattern, example in TEXTS.items():
        text = text.replace(pattern, example)
    text = text.replace(".*", " ").split("|")[0]
    for code in row.codes or {"Whatever"}:
        assert find_advice(stage=row.stage or PUT, code=code, text=text) is row.advice


@pytest.mark.parametrize("row", TABLE)
def test_row_that_is_not_the_customers_gives_them_nothing_to_paste(row: Row) -> None:
    if row.advice.owner == FaultOwner.US:
        assert (row.advice.snippets, dict(row.advice.fix)) == ((), {})


@pytest.mark.parametrize("advice", [OUR_BUG, OUR_CLOCK, OUR_CREDENTIALS, OUR_NETWORK, OUR_SESSION_POLICY])
def test_fault_of_ours_says_so_and_leaves_nothing_to_do(advice: Advice) -> None:
    assert "on our side" in advice.message
    assert advice.advice.startswith("Nothing to do for you")
    assert "Operator:" in advice.advice


DENIED = "User: arn:aws:sts::222222222222:assumed-role/r/s is not authorized to perform: "


PUT_DENIED, KEY_DENIED = DENIED + "s3:PutObject ", DENIED + "kms:GenerateDataKey "


@pytest.mark.parametrize(
    ("stage", "code", "text", "status", "owner", "retry", "snippets"),
    [
        (ASSUME, "AccessDenied", "", 403, "customer", "never", "trust"),
        (ASSUME, "AccessDenied", "because no identity-based policy allows", 403, "us", "later", ""),
        (ASSUME, "ValidationError", "", 400, "customer", "never", ""),
        (ASSUME, "ValidationError", "The requested DurationSeconds exceeds the 1 hour", 400, "us", "never", ""),
        (ASSUME, "PackedPolicyTooLarge", "", 400, "us", "never", ""),
        (ASSUME, "ExpiredTokenException", "", 403, "us", "later", ""),
        (ASSUME, "SignatureDoesNotMatch", "", 403, "us", "later", ""),
        (ASSUME, "Throttling", "", 400, "us", "later", ""),
        (OURS, "AccessDenied", "", 403, "us", "later", ""),
        (PUT, "AccessDenied", "", 403, "customer", "never", "role bucket"),
        (PUT, "AccessDenied", PUT_DENIED + "because no identity-based policy", 403, "customer", "never", "role"),
        (PUT, "AccessDenied", PUT_DENIED + "because no resource-based policy", 403, "customer", "never", "bucket"),
        (PUT, "AccessDenied", PUT_DENIED + "with an explicit deny in a resource-based policy", 403, "customer",
         "never", "bucket_exemption"),
        (PUT, "AccessDenied", PUT_DENIED + "with an explicit deny in an identity-based policy", 403, "customer",
         "never", "role"),
        (PUT, "AccessDenied", PUT_DENIED + "with an explicit deny in a service control policy", 403, "customer",
         "never", ""),
        (PUT, "AccessDenied", PUT_DENIED + "because no session policy allows", 403, "us", "never", ""),
        (PUT, "AccessDenied", PUT_DENIED + "because no VPC endpoint policy allows", 403, "us", "later", ""),
        (PUT, "AccessDenied", KEY_DENIED, 403, "customer", "never", "role key"),
        (PUT, "AccessDenied", KEY_DENIED + "because no identity-based policy", 403, "customer", "never", "role"),
        (PUT, "AccessDenied", KEY_DENIED + "because no resource-based policy", 403, "customer", "never", "key"),
        (PUT, "AccessDenied", KEY_DENIED + "with an explicit deny in a resource-based policy", 403, "customer",
         "never", "key_exemption"),
        (PUT, "NoSuchBucket", "", 404, "customer", "never", ""),
        (PUT, "PermanentRedirect", "", 301, "customer", "never", ""),
        (PUT, "ExpiredToken", "", 400, "us", "once", ""),
        (PUT, "RequestTimeTooSkewed", "", 403, "us", "later", ""),
        (PUT, "SlowDown", "", 503, "us", "later", ""),
        (PUT, "ConditionalRequestConflict", "", 409, "us", "later", ""),
        (PUT, "BadDigest", "", 400, "us", "later", ""),
        (PUT, "ReadTimeoutError", "", None, "us", "later", ""),
        (PUT, "NewCodeOfAws", "", 400, "customer", "never", ""),
        (PUT, "NewCodeOfAws", "", 502, "us", "later", ""),
        (PUT, "NewException", "", None, "us", "later", ""),
    ],
)  # fmt: skip
def test_answer_says_who_acts_and_whether_to_try_again(
    stage: str, code: str, text: str, status: int | None, owner: str, retry: str, snippets: str
) -> None:
    advice = find_advice(stage=stage, code=code, text=text, status=status)
    assert (advice.owner, advice.retry) == (FaultOwner(owner), Retry(retry))
    assert advice.snippets == tuple(Snippet(each) for each in snippets.split())
    assert advice.permanent == (retry == "never")


@pytest.mark.parametrize("snippet", Snippet)
def test_snippet_belongs_in_one_policy(snippet: Snippet) -> None:
    assert snippet.where.value == snippet.value.partition("_")[0] + "_policy"


def test_filled_advice_has_no_braces_left() -> None:
    advice = find_advice(stage=ASSUME, code="AccessDenied").filled({"role_arn": "arn:aws:iam::1:role/{x}"})
    assert "arn:aws:iam::1:role/{x}" in advice.message
    assert "(unknown)" in advice.advice
