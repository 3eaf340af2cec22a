"""What every answer has, whatever it says: a request id, no CORS; and our own failures in the contract's shape."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from apps.link_api import views
from tests.bad_input.routes import Face, list_routes
from tests.flows.world import Team

pytestmark = pytest.mark.django_db
ORIGIN = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
VALUES = {"ticket": "x", "resource": "fhir", "resource_type": "Patient", "fhir_id": "x", "job_id": "x"}
FACES = (Face.LINK, Face.FHIR, Face.CONSENT, Face.DISCOVERY)
ADDRESSES = [route.path(VALUES) for route in list_routes() if route.face in FACES and "*" not in route.pattern]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_answer_lets_another_sites_script_read_it(client: Client, method: str) -> None:
    """Wire contract 2: there is no CORS on the API. The widget speaks by postMessage instead."""
    assert len(ADDRESSES) > 25
    for address in [*ADDRESSES, "/link/nothing", "/rest/nothing", "/nothing"]:
        answer = client.generic(method, address, headers=ORIGIN)
        found = [name for name in answer.headers if name.lower().startswith("access-control-")]
        assert (found, uuid.UUID(answer["X-Request-Id"]).version) == ([], 4), address


@pytest.mark.parametrize("path", ["/link/introspect", "/oauth/introspect", "/rest/consent"])
def test_what_nobody_expected_is_a_server_error_in_json(path: str, monkeypatch: pytest.MonkeyPatch, team: Team) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a secret")

    monkeypatch.setattr(views, "patient_access", fail)
    monkeypatch.setattr("apps.link_api.consents.patient_access", fail)
    answer = Client(raise_request_exception=False).get(path)
    assert answer.status_code == 500
    assert answer.json() == {
        "statusCode": 500,
        "error": "server_error",
        "message": "An unexpected error occurred. Please try again later.",
        "error_description": "An unexpected error occurred. Please try again later.",
    }
    assert uuid.UUID(answer["X-Request-Id"]).version == 4


def test_a_database_that_is_away_is_told_as_passing(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **kwargs: Any) -> Any:
        raise OperationalError

    monkeypatch.setattr(views, "patient_access", away)
    answer = Client(raise_request_exception=False).get("/link/introspect")
    assert (answer.status_code, answer.json()["error"], answer["Retry-After"]) == (503, "server_error", "5")
