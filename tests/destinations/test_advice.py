"""The table of answers: every line can be reached, names known facts and says who acts."""

from __future__ import annotations

from string import Formatter

import pytest

from apps.destinations.advice import FACTS, TABLE, Retry, Row, Snippet, find_advice
from apps.outbound.failures import FaultOwner

PUT, ASSUME, OURS = "put_object", "assume_role", "our_identity"


@pytest.mark.parametrize("row", TABLE)
def test_row_names_only_known_facts(row: Row) -> None:
    used = {name for text in (row.advice.message, row.advice.advice) for _, name, *_ in Formatter().parse(text)}
    assert used - {None} <= FACTS


@pytest.mark.parametrize("row", TABLE)
def test_row_is_reached_by_each_of_its_codes(row: Row) -> None:
    text = {"kms:(GenerateDataKey|Decrypt)": "kms:GenerateDataKey"}.get(row.pattern, row.pattern.split("|")[0])
    for code in row.codes or {"Whatever"}:
        assert find_advice(stage=row.stage or PUT, code=code, text=text) is row.advice


DENIED = "User: arn:aws:sts::222222222222:assumed-role/r/s is not authorized to perform: "


@pytest.mark.parametrize(
    ("stage", "code", "text", "status", "owner", "retry", "snippet"),
    [
        (ASSUME, "AccessDenied", "", 403, "customer", "never", "trust_policy"),
        (ASSUME, "ValidationError", "", 400, "customer", "never", ""),
        (ASSUME, "PackedPolicyTooLarge", "", 400, "us", "never", ""),
        (ASSUME, "ExpiredTokenException", "", 403, "us", "later", ""),
        (ASSUME, "Throttling", "", 400, "us", "later", ""),
        (OURS, "AccessDenied", "", 403, "us", "later", ""),
        (PUT, "AccessDenied", "", 403, "customer", "never", "role_policy"),
        (PUT, "AccessDenied", DENIED + "s3:PutObject: no identity-based policy", 403, "customer",
         "never", "role_policy"),
        (PUT, "AccessDenied", DENIED + "s3:PutObject with an explicit deny in a resource-based policy", 403,
         "customer", "never", ""),
        (PUT, "AccessDenied", DENIED + "s3:PutObject: no session policy allows", 403, "us", "never", ""),
        (PUT, "AccessDenied", DENIED + "kms:GenerateDataKey: no resource-based policy", 403, "customer",
         "never", "key_policy"),
        (PUT, "NoSuchBucket", "", 404, "customer", "never", ""),
        (PUT, "PermanentRedirect", "", 301, "customer", "never", "region"),
        (PUT, "ExpiredToken", "", 400, "us", "once", ""),
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
    stage: str, code: str, text: str, status: int | None, owner: str, retry: str, snippet: str
) -> None:
    advice = find_advice(stage=stage, code=code, text=text, status=status)
    assert (advice.owner, advice.retry, advice.snippet) == (FaultOwner(owner), Retry(retry), Snippet(snippet))
    assert advice.permanent == (retry == "never")


def test_filled_advice_has_no_braces_left() -> None:
    advice = find_advice(stage=ASSUME, code="AccessDenied").filled({"role_arn": "arn:aws:iam::1:role/{x}"})
    assert "arn:aws:iam::1:role/{x}" in advice.message
    assert "(unknown)" in advice.advice
