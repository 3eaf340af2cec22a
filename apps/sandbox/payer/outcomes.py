"""The ways in which the FHIR side says no. Source: FHIR R4 OperationOutcome, "Issue type" codes."""

from __future__ import annotations

import json


class Refusal(Exception):
    """A request that is answered with an OperationOutcome; the message is for a person."""

    def __init__(self, message: str, *, status: int, code: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def operation_outcome(message: str, *, code: str, severity: str = "error") -> bytes:
    """Write an OperationOutcome of one issue."""
    issue = {"severity": severity, "code": code, "details": {"text": message}, "diagnostics": message}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
