"""Every address that takes JSON, with every body that is none of ours."""

from __future__ import annotations

import json

import pytest
from pytest_django.fixtures import Settings

from .conftest import Place
from .operations import Operation, api_operations, headers_for, link_operations
from .refusals import ask, fault_of
from .routes import Face

JSON = "application/json"
NOT_OBJECTS: dict[str, bytes] = {
    "a list": b"[]", "a text": b'"x"', "null": b"null", "a number": b"7", "true": b"true",
}  # fmt: skip
NOT_JSON: dict[str, bytes] = {
    "half an object": b"{", "a word": b"kind=secret", "not UTF-8": b'{"name": "\xff"}', "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": -Infinity}', "a NUL": b"\x00", "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "10,000 levels": b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "10,000 objects": b'{"a":' * 10_000,
    "a number of 5,000 digits": b'{"name": ' + b"9" * 5000 + b"}",
}  # fmt: skip
WRONG_TYPES = [
    "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data",
    "multipart/form-data; boundary=x", "", "nonsense", "application/json; charset=utf-16",
    "application/json; charset=rot13", "application/json; charset=base64", "text/plain; charset=hex",
    "application/x-www-form-urlencoded; charset=latin-1",
]  # fmt: skip


def writing(place: Place, face: Face) -> list[Operation]:
    if face is Face.LINK:
        return link_operations(place)
    return [each for each in api_operations() if each.route.face is face and each.method != "GET"]


def faults(place: Place, face: Face, bodies: dict[str, tuple[bytes, str]], allowed: tuple[int, ...]) -> dict[str, str]:
    """Send each body to each operation; return what was answered other than by one of `allowed`, well shaped."""
    client, wrong = place.client(face), {}
    for operation in writing(place, face):
        for what, (body, kind) in bodies.items():
            path, headers = place.path(operation.route), headers_for(place, operation)
            answer = ask(client.generic, operation.method, path, body, kind, headers=headers)
            fault = fault_of(answer, face)
            if answer.status_code not in allowed:
                fault = f"{answer.status_code}"
            if not operation.is_polished and answer.status_code == 400:
                fault = ""
            if answer.rows_changed:
                fault = f"{answer.status_code} changed {answer.rows_changed}"
            if fault:
                wrong[f"{operation} with {what}"] = fault
    return wrong


FACES = [Face.API, Face.SESSION, Face.LINK]


@pytest.mark.parametrize("face", FACES)
def test_json_of_the_wrong_kind_is_400(place: Place, face: Face) -> None:
    bodies = {what: (body, JSON) for what, body in NOT_OBJECTS.items()}
    assert faults(place, face, bodies, (400,)) == {}


@pytest.mark.parametrize("face", FACES)
def test_a_body_that_is_not_json_is_400(place: Place, face: Face) -> None:
    bodies = {what: (body, JSON) for what, body in NOT_JSON.items()}
    # The sandbox takes any Unicode encoding of JSON, and so comes to look at the fields.
    assert faults(place, face, bodies, (400, 401) if face is Face.LINK else (400,)) == {}


@pytest.mark.parametrize("face", FACES)
def test_another_media_type_or_charset_is_refused_and_never_a_failure(place: Place, face: Face) -> None:
    bodies = {f"{kind!r}": (b"\xe9 nonsense", kind) for kind in WRONG_TYPES}
    assert faults(place, face, bodies, (400, 401, 415)) == {}


@pytest.mark.parametrize("face", FACES)
def test_an_oversized_body_is_413(place: Place, face: Face, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100_000
    body = json.dumps({"name": "x" * 200_000}).encode()
    assert faults(place, face, {"200,000 characters": (body, JSON)}, (413,)) == {}


@pytest.mark.parametrize("face", FACES)
def test_an_empty_body_names_every_field_that_is_missing(place: Place, face: Face) -> None:
    client, wrong = place.client(face), {}
    for operation in writing(place, face):
        for body in (b"", b"{}"):
            path, headers = place.path(operation.route), headers_for(place, operation)
            answer = ask(client.generic, operation.method, path, body, JSON, headers=headers)
            text = answer.content.decode()
            needed = {"grant_type"} if "grant_type" in operation.required else set(operation.required)
            missing = [name for name in needed if name not in text]
            if not operation.is_polished:
                needed = set()
            if fault_of(answer, face) or (needed and (answer.status_code != 400 or missing or answer.rows_changed)):
                wrong[f"{operation} with {body!r}"] = f"{answer.status_code} {missing} {text[:200]}"
    assert wrong == {}
