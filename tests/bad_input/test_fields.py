"""Every field of every JSON body, with every value that is none: named, with nothing done and nothing repeated."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from .conftest import Place
from .operations import Operation, headers_for
from .refusals import ask, fault_of, listening
from .routes import Face
from .test_bodies import FACES, JSON, writing

WRONG: dict[str, Any] = {
    "null": None, "true": True, "an object": {"a": 1}, "a list": ["a"], "a list of lists": [[[]]],
    "NUL": "a\x00b", "half a character": "\ud800", "100,000 characters": "x" * 100_000, "nothing": "",
    "a huge number": 10**400, "a negative number": -(10**20), "1e999": float("inf"), "direction marks": "\u202e\u0007",
}  # fmt: skip
# What some field takes as it is: a number as text, a mark in a note, an empty note.
MAY_STAND = {"nothing", "direction marks", "a negative number", "a huge number"}
CANARY = "sk_test_" + "C4nary" * 7 + "C"


def send(place: Place, operation: Operation, body: object) -> Any:
    client, path = place.client(operation.route.face or Face.API), place.path(operation.route)
    raw = json.dumps(body).replace("Infinity", "1e999").encode()
    headers = headers_for(place, operation)
    return ask(client.generic, operation.method, path, raw, JSON, headers=headers)


@pytest.mark.parametrize("face", FACES)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(place: Place, face: Face) -> None:
    wrong: dict[str, str] = {}
    for operation in writing(place, face):
        for field in sorted(operation.fields):
            for what, value in WRONG.items():
                answer = send(place, operation, {**operation.good, field: value})
                fault = fault_of(answer, face)
                stands = answer.status_code < 400 and (what in MAY_STAND or field not in operation.required)
                if answer.status_code < 400 and not stands:
                    fault = f"{answer.status_code}"
                if answer.status_code >= 400 and answer.rows_changed:
                    fault = f"{answer.status_code} changed {answer.rows_changed}"
                if answer.status_code == 400 and operation.is_polished and not names(answer, field):
                    fault = f"does not name it: {answer.content.decode()[:300]}"
                if fault:
                    wrong[f"{operation} {field} = {what}"] = fault
    assert wrong == {}


def names(answer: Any, field: str) -> bool:
    body = answer.json()
    if body.get("error") == "invalid_grant" or "no sandbox endpoint" in body.get("message", ""):
        return True  # the code is not known here, or the sandbox has no endpoint: that is spoken of first
    if "errors" in body:
        return any(each["field"].partition(".")[0] == field for each in body["errors"])
    return field in body.get("message", body.get("detail", "")) or "not Unicode" in body.get("detail", "")


@pytest.mark.parametrize("face", [Face.API, Face.SESSION])
def test_unknown_and_wrong_fields_are_named_at_once_and_cut_short(place: Place, face: Face) -> None:
    wrong: dict[str, str] = {}
    for operation in writing(place, face):
        body = {**dict.fromkeys(operation.required, None), "colour": 1, "y" * 5000: 2}
        answer = send(place, operation, body)
        found = {each["field"] for each in answer.json().get("errors", [])}
        missing = {*operation.required, "colour", "y" * 40} - found
        if fault_of(answer, face) or answer.status_code != 400 or missing or answer.rows_changed:
            wrong[str(operation)] = f"{answer.status_code} {missing} {found}"
    assert wrong == {}


@pytest.mark.parametrize("face", FACES)
def test_what_was_sent_is_neither_repeated_nor_logged(place: Place, face: Face) -> None:
    wrong: dict[str, str] = {}
    with listening() as lines:
        logging.getLogger("relay.web").warning("heard")
        for operation in writing(place, face):
            for field in sorted(operation.fields - {"name", "note"}):
                answer = send(place, operation, {**operation.good, field: CANARY})
                if answer.status_code >= 400 and CANARY in answer.content.decode():
                    wrong[f"{operation} {field}"] = answer.content.decode()[:300]
    assert wrong == {}
    secrets = [CANARY, place.secret, place.management, place.access_token]
    assert "heard" in " ".join(lines)
    assert [line for line in lines if any(secret in line for secret in secrets)] == []
