"""Refusals: one status a code, and an OperationOutcome that says what happened."""

from __future__ import annotations

import json

import pytest

from apps.fhir.outcomes import FhirError, operation_outcome


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("invalid", 400),
        ("login", 401),
        ("forbidden", 403),
        ("not-found", 404),
        ("not-supported", 404),
        ("processing", 422),
        ("throttled", 429),
        ("transient", 429),
        ("exception", 500),
    ],
)
def test_status_follows_the_issue_code(code: str, status: int) -> None:
    assert FhirError(code, "No.").status == status


def test_unknown_code_is_our_own_mistake() -> None:
    with pytest.raises(KeyError):
        FhirError("no-such-code", "No.")


def test_status_can_be_given() -> None:
    assert FhirError("exception", "Elsewhere.", status=503).status == 503


def test_body_is_an_operation_outcome() -> None:
    error = FhirError("transient", "Still syncing.", diagnostics="job 7", retry_after_seconds=3)
    assert error.retry_after_seconds == 3
    assert str(error) == "Still syncing."
    assert json.loads(error.body()) == {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error",
                "code": "transient",
                "details": {"text": "Still syncing."},
                "diagnostics": "job 7",
            }
        ],
    }


def test_accepted_outcome_has_id_and_no_empty_diagnostics() -> None:
    outcome = operation_outcome(code="informational", text="Accepted", severity="information", outcome_id="accepted")
    assert json.loads(outcome) == {
        "resourceType": "OperationOutcome",
        "id": "accepted",
        "issue": [{"severity": "information", "code": "informational", "details": {"text": "Accepted"}}],
    }
