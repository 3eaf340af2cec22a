"""Every error is a problem of one shape."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory
from rest_framework.exceptions import Throttled

from apps.applications.problems import problem_details, problem_response

from .conftest import Json, World

SHAPE = {"type", "title", "status", "detail", "code", "request_id"}


def check_problem(answer: Json, status: int, code: str) -> dict[str, object]:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert set(body) - {"errors"} == SHAPE
    assert (body["status"], body["code"], body["type"]) == (status, code, "about:blank")
    assert body["request_id"] == answer["X-Request-Id"]
    assert body["title"]
    assert body["detail"]
    return body


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["nothing", "", "keys/", "keys/1/2/3"])
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_path_that_is_not_there_is_404(path: str, method: str) -> None:
    check_problem(getattr(Client(), method)(f"/api/v1/{path}"), 404, "not_found")


def test_a_method_that_is_not_there_is_405_with_allow(world: World) -> None:
    api = world.care.api()
    answer = api.send("DELETE", "sync-jobs")
    check_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"]
    check_problem(api.send("PUT", f"destinations/{world.care.destination.pk}", {}), 405, "method_not_allowed")
    check_problem(api.get(f"destinations/{world.care.destination.pk}/test"), 405, "method_not_allowed")


def test_another_media_type_is_415(world: World) -> None:
    headers = world.care.api().headers
    answer = Client().post(
        "/api/v1/keys", "kind=secret", content_type="application/x-www-form-urlencoded", headers=headers
    )
    check_problem(answer, 415, "unsupported_media_type")


def test_an_answer_that_we_cannot_give_is_406(world: World) -> None:
    headers = {**world.care.api().headers, "Accept": "application/xml"}
    check_problem(Client().get("/api/v1/keys", headers=headers), 406, "not_acceptable")


@pytest.mark.parametrize(
    "body", ["{", "[" * 100_000, '{"kind": NaN}', "\ufeff{}", '{"kind": "\\ud800"}', "[]", '"x"', "1"]
)
def test_a_body_that_is_no_json_object_is_400(world: World, body: str) -> None:
    headers = world.care.api().headers
    answer = Client().post("/api/v1/keys", body.encode(), content_type="application/json", headers=headers)
    check_problem(answer, 400, answer.json()["code"])
    assert answer.json()["code"] in {"parse_error", "invalid"}


def test_a_body_over_the_limit_is_413(world: World, settings: Json) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    check_problem(world.care.api().post("keys", {"kind": "secret", "note": "n" * 200}), 413, "too_large")


def test_invalid_fields_are_listed(world: World) -> None:
    body = check_problem(world.care.api().post("destinations", {"name": "New"}), 400, "invalid")
    errors = body["errors"]
    assert isinstance(errors, list)
    assert {error["field"] for error in errors} == {"bucket", "region", "role_arn"}
    assert all(error["message"] for error in errors)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "201"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "²"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "WzEsMl0"}, "cursor"),
        ({"cursor": "WyJhIiwiYiJd"}, "cursor"),
        ({"cursor": "bnVsbA"}, "cursor"),
        ({"state": "LOST"}, "state"),
        ({"destination_id": "42"}, "destination_id"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"external_id": "a\x00b"}, "external_id"),
        ({"stat": "FAILED"}, "stat"),
        ({"application_id": "1"}, "application_id"),
    ],
)
def test_a_bad_parameter_is_named(world: World, query: dict[str, str], field: str) -> None:
    body = check_problem(world.care.api().get("deliveries", query), 400, "invalid")
    assert [error["field"] for error in body["errors"]] == [field]  # type: ignore[attr-defined]


def test_a_throttled_request_says_when_to_come_back() -> None:
    response = problem_details(Throttled(wait=7.2), {"request": RequestFactory().get("/")})
    assert response is not None
    assert (response.status_code, response.headers["Retry-After"]) == (429, "8")


def test_what_nobody_expected_is_left_to_the_handler_of_500() -> None:
    assert problem_details(RuntimeError("private"), {"request": RequestFactory().get("/")}) is None
    answer = problem_response(RequestFactory().get("/"), status=500, code="error", detail="We failed.")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
