"""Whose fault it is, code by code, against a list of its own: a new code must be put on one side by hand."""

from __future__ import annotations

import datetime as dt
import inspect
import re
from pathlib import Path

import botocore.exceptions
import pytest

from apps.destinations.advice import TABLE, Row, find_advice
from apps.destinations.connectors.s3 import failures
from apps.destinations.connectors.s3.failures import own_failure
from apps.destinations.services import page_if_ours
from apps.outbound.failures import FaultOwner
from apps.syncs.states import owner_of

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
APPS = Path(inspect.getfile(failures)).parents[3]
# What AWS answers, or our own code, when only the customer can repair it: their role, trust, bucket, key or account.
CUSTOMERS = frozenset(
    [
        "AccessDenied",
        "AccessDeniedException",
        "ValidationError",
        "NoSuchBucket",
        "NoSuchKey",
        "PermanentRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "InvalidArgument",
        "InvalidRequest",
        "InvalidEncryptionAlgorithmError",
        "NotImplemented",
        "InvalidBucketName",
        "AllAccessDisabled",
        "AccountProblem",
        "NotSignedUp",
        "InvalidSecurity",
        "EncryptionMismatch",
        "PreconditionFailed",
        "KeyTooLongError",
        "KMS.NotFoundException",
        "KMS.DisabledException",
        "KMS.KMSInvalidStateException",
        "KMS.InvalidStateException",
    ]
)
# Words of AWS that turn the same code into a fault of ours.
OUR_WORDS = re.compile(
    "session policy|VPC endpoint|DurationSeconds|identity-based policy.no session policy|RoleSession"
)


def is_ours(row: Row, code: str) -> bool:
    if row.stage == "our_identity" or not row.codes:
        return row.stage == "our_identity"
    if row.stage == "assume_role" and code.startswith("AccessDenied") and row.pattern:
        return True  # of our own role's policies: only an identity that may not even ask is told so much
    return code not in CUSTOMERS or OUR_WORDS.search(row.pattern) is not None


@pytest.mark.parametrize(("row", "code"), [(row, code) for row in TABLE for code in sorted(row.codes) or ["Whatever"]])
def test_code_of_the_table_is_on_its_side(row: Row, code: str) -> None:
    assert row.advice.owner == (FaultOwner.US if is_ours(row, code) else FaultOwner.CUSTOMER)
    if row.advice.owner == FaultOwner.CUSTOMER:
        assert row.advice.permanent, "what only the customer can repair is not tried for ever"


def test_every_exception_of_the_library_is_ours_to_repair_and_tried_again() -> None:
    classes = [each for each in vars(botocore.exceptions).values() if inspect.isclass(each)]
    names = {each.__name__ for each in classes if issubclass(each, botocore.exceptions.BotoCoreError)}
    assert len(names) > 50
    # Has the name of an answer of STS; of a request of ours, ParamValidationError says the same.
    for name in names - {"ValidationError"}:
        for stage in ("our_identity", "assume_role", "put_object"):
            assert find_advice(stage=stage, code=name).owner == FaultOwner.US, name


@pytest.mark.parametrize(
    "code",
    sorted({*failures.SESSION_IS_OVER, *failures.REDIRECTS, *failures._WAIT_SECONDS, *failures._BODILESS.values()}),
)
def test_code_that_the_connector_knows_has_advice_of_its_own(code: str) -> None:
    row = next(row for row in TABLE if row.matches("put_object", code, ""))
    assert code in row.codes
    assert row.advice.owner == (FaultOwner.CUSTOMER if code in CUSTOMERS else FaultOwner.US)


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 500, 501, 503, None])
def test_unknown_refusal_is_the_customers_and_unknown_failure_is_ours(status: int | None) -> None:
    owner = find_advice(stage="put_object", code="SomethingNew", status=status).owner
    assert owner == (FaultOwner.CUSTOMER if status is not None and status < 500 else FaultOwner.US)


@pytest.mark.django_db
def test_only_faults_of_ours_page_the_operator() -> None:
    for row in TABLE:
        for code in row.codes:
            stage = row.stage or "put_object"
            error = own_failure(code, stage=stage, text=row.pattern.split("|")[0].replace(".*", " "))
            now = NOW + dt.timedelta(days=TABLE.index(row))
            assert not page_if_ours(error, attempts=3, now=now) or error.owner == FaultOwner.US, code
            assert error.owner != FaultOwner.SOURCE


# -- syncs ------------------------------------------------------------------------------------------------
OURS_IN_SYNCS = {"worker-crashed", "refused-address", "bad-header", "bad-request"}
CUSTOMERS_IN_SYNCS = {"re-authorize", "not-active"}
SOURCES = {
    "unreadable-capability", "not-a-patient", "another-patient", "foreign-next-link", "looping-next-link",
    "unreadable-page", "bad-next-link", "bad-encoding", "too-large", "timeout", "protocol", "dns", "tls", "connection",
    "bad-configuration", "bad-token-answer", "refresh-in-progress",
}  # fmt: skip


def test_every_code_that_a_sync_can_end_with_is_on_one_side() -> None:
    files = [*(APPS / "syncs").rglob("*.py"), APPS / "outbound" / "http.py", *(APPS / "authorizations").glob("*.py")]
    files += (APPS / "authorizations" / "services").glob("*tokens.py")
    pattern = re.compile(r'(?:code=|_?fault\([^)]*?, )"([a-z]+(?:-[a-z]+)*)"')
    found = {code for file in files for code in pattern.findall(file.read_text())}
    assert found >= {"worker-crashed", "timeout", "not-a-patient", "re-authorize"}
    assert found <= OURS_IN_SYNCS | CUSTOMERS_IN_SYNCS | SOURCES, found - OURS_IN_SYNCS - CUSTOMERS_IN_SYNCS - SOURCES
    for codes, owner in ((OURS_IN_SYNCS, "us"), (CUSTOMERS_IN_SYNCS, "customer"), (SOURCES, "source")):
        assert {owner_of(code).value for code in codes} == {owner}
    assert owner_of("http-503") == FaultOwner.SOURCE
    assert owner_of("invalid_client") == FaultOwner.US
