"""Requests to the Link API as clients send them, and what every answer must have."""

from __future__ import annotations

import base64
import uuid
from typing import Any

from django.http import HttpResponse
from django.test import Client

SUPPORTED = [
    "AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "Coverage", "Device",
    "DiagnosticReport", "DocumentReference", "Encounter", "ExplanationOfBenefit", "Goal", "Immunization",
    "Location", "Medication", "MedicationDispense", "MedicationRequest", "Observation", "Organization",
    "Patient", "Practitioner", "PractitionerRole", "Procedure", "Provenance",
]  # fmt: skip


def basic(public: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{public}:{secret}".encode()).decode()


def post(client: Client, path: str, body: Any, *, as_json: bool = True, authorization: str = "") -> HttpResponse:
    headers = {"Authorization": authorization} if authorization else {}
    if as_json:
        return client.post(path, body, content_type="application/json", headers=headers)  # type: ignore[return-value]
    return client.post(path, body, headers=headers)  # type: ignore[return-value]


def read(response: Any, status: int = 200) -> dict[str, Any]:
    """Return the JSON of an answer after looking at what every answer must have."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"
    assert uuid.UUID(response["X-Request-Id"]).version == 4
    assert not [name for name in response.headers if name.lower().startswith("access-control-")]
    found: dict[str, Any] = response.json()
    return found


def refused(response: Any, status: int, error: str) -> str:
    """Check the shape of a refusal (C39); return its message."""
    body = read(response, status)
    assert body.keys() == {"statusCode", "error", "message", "error_description"}
    assert (body["statusCode"], body["error"]) == (status, error)
    assert body["error_description"].startswith(body["message"])
    assert body["message"]
    return str(body["error_description"])
