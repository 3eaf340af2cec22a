"""OperationOutcome: the one way in which the FHIR surface says no.

Owns the issue codes and their HTTP statuses; refuses to know views. Source: FHIR R4 OperationOutcome and the
documented error codes of the Records API.
"""

from __future__ import annotations

from typing import Any

import msgspec

from .codec import CodecError, decode, encode

STATUS_BY_CODE: dict[str, int] = {
    "invalid": 400,
    "login": 401,
    "forbidden": 403,
    "not-found": 404,
    "not-supported": 404,
    "processing": 422,
    "throttled": 429,
    "transient": 429,
    "exception": 500,
}


class FhirError(Exception):
    """A refusal with its issue code; `text` is a sentence for the developer, without patient data."""

    def __init__(
        self,
        code: str,
        text: str,
        *,
        status: int | None = None,
        diagnostics: str = "",
        retry_after_seconds: int | None = None,
        outcome: bytes = b"",
    ) -> None:
        """Units: retry_after_seconds whole seconds, for Retry-After. Raises: KeyError for an unknown code.

        Shape: outcome is an OperationOutcome of somebody else, which is passed on in the place of ours.
        """
        super().__init__(text)
        self.code = code
        self.status = STATUS_BY_CODE[code] if status is None else status
        self.text = text
        self.diagnostics = diagnostics
        self.retry_after_seconds = retry_after_seconds
        self.outcome = outcome

    def body(self) -> bytes:
        """Write the OperationOutcome of this refusal."""
        return self.outcome or operation_outcome(code=self.code, text=self.text, diagnostics=self.diagnostics)


def as_outcome(text: str) -> bytes:
    """Return a text that is a whole OperationOutcome as it is sent on; nothing for any other."""
    try:
        found = decode(text.encode())
    except (CodecError, UnicodeEncodeError):
        return b""
    return encode(found) if found.get("resourceType") == "OperationOutcome" and found.get("issue") else b""


def operation_outcome(
    *, code: str, text: str, severity: str = "error", diagnostics: str = "", outcome_id: str = ""
) -> bytes:
    """Write an OperationOutcome with one issue.

    Shape: {resourceType, id?, issue: [{severity, code, details: {text}, diagnostics?}]}
    """
    issue: dict[str, Any] = {"severity": severity, "code": code, "details": {"text": text}}
    if diagnostics:
        issue["diagnostics"] = diagnostics
    outcome: dict[str, Any] = {"resourceType": "OperationOutcome"}
    if outcome_id:
        outcome["id"] = outcome_id
    return msgspec.json.encode(outcome | {"issue": [issue]})
