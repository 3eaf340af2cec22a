"""Every list and read of the management API and of FHIR, with every query that is none."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from .conftest import ABSENT, Place
from .operations import Operation, api_operations
from .refusals import ask, fault_of
from .routes import Face, routes_of

# Raw, as they stand in the address.
WRONG: dict[str, str] = {
    "nothing": "", "a word": "nonsense", "NUL": "a%00b", "not UTF-8": "%FF%FE", "a quote": "%27%22%3C%3E",
    "5,000 characters": "x" * 5000, "a negative number": "-1", "zero": "0", "a huge number": "9" * 400,
    "the year 0": "0000-00-00T00:00:00Z", "the first year": "0001-01-01T00:00:00%2B23:59",
    "the last year": "9999-12-31T23:59:59-23:59", "a superscript": "%C2%B2", "a line break": "a%0Ab",
}  # fmt: skip


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


# As cursors are, but of the wrong length or kind, or with what PostgreSQL cannot hold.
WRITTEN = [
    "null", "[]", "{}", "[1,2]", '["a","b"]', '["\\ud800"]', f'["\\ud800","{ABSENT}"]', f'["\\u0000","{ABSENT}"]',
]  # fmt: skip
CURSORS = ["====", "%F0", *map(cursor, WRITTEN)]
CHARSETS = ["text/plain; charset=nonsense", "text/plain; charset=latin-1", "x; charset=utf-16"]


def reading(face: Face) -> list[Operation]:
    return [each for each in api_operations() if each.route.face is face and each.method == "GET"]


@pytest.mark.parametrize("face", [Face.API, Face.SESSION])
def test_a_wrong_value_is_an_empty_list_or_named(place: Place, face: Face) -> None:
    client, wrong = place.client(face), {}
    for operation in reading(face):
        path = place.path(operation.route)
        for name in sorted(operation.query):
            values = {**WRONG, **({text: text for text in CURSORS} if name == "cursor" else {})}
            for what, value in values.items():
                url, headers = f"{path}?{name}={value}", place.headers(face)
                answer = ask(client.get, url, headers=headers)
                fault = fault_of(answer, face)
                if answer.status_code not in (200, 400):
                    fault = f"{answer.status_code}"
                if answer.status_code == 400 and {each["field"] for each in answer.json()["errors"]} != {name}:
                    fault = f"names {answer.json()['errors']}"
                if fault:
                    wrong[f"{operation} {name} = {what}"] = fault
    assert wrong == {}


@pytest.mark.parametrize("face", [Face.API, Face.SESSION])
def test_unknown_and_repeated_parameters_are_named(place: Place, face: Face) -> None:
    client, wrong = place.client(face), {}
    for operation in reading(face):
        queries = {"colour=red": "colour", f"{'y' * 3000}=1": "y" * 40}
        # Repeating means "one of these" where the schema says so.
        single = {
            "limit": "5",
            "cursor": "x",
            "external_id": "a",
            "destination_id": "a",
            "usage": "MULTIPLE",
            "name": "a",
        }
        queries |= {f"{n}={v}&{n}={v}": n for n, v in single.items() if n in operation.query}
        for query, name in queries.items():
            url, headers = f"{place.path(operation.route)}?{query}", place.headers(face)
            answer = ask(client.get, url, headers=headers)
            found = [each["field"] for each in answer.json().get("errors", [])]
            if answer.status_code != 400 or found != [name] or fault_of(answer, face):
                wrong[f"{operation}?{query[:60]}"] = f"{answer.status_code} {answer.content.decode()[:200]}"
    assert wrong == {}


def test_a_filter_of_yes_and_no_takes_no_third_word(place: Place) -> None:
    client, headers = place.client(Face.API), place.headers(Face.API)
    for value, count in (("true", 1), ("false", 0)):
        found = client.get("/api/v1/endpoints", {"refreshable": value, "limit": "1"}, headers=headers).json()
        assert len(found["data"]) == count
    answer = client.get("/api/v1/endpoints", {"refreshable": "maybe"}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "refreshable")


@pytest.mark.parametrize("charset", CHARSETS)
def test_a_charset_of_the_header_does_not_break_the_query(place: Place, charset: str) -> None:
    for face in (Face.API, Face.FHIR, Face.LINK, Face.CONSENT):
        for route in routes_of(face):
            headers = {**place.headers(face), "Content-Type": charset}
            answer = ask(place.client(face).get, f"{place.path(route)}?a=%41", headers=headers)
            assert answer.status_code < 500, (str(route), charset)


@pytest.mark.parametrize(
    "query", ["_since=2020", "_type=Patient", "colour=red", "_count=1", "_format=json&_format=json"]
)
def test_a_fhir_read_names_the_parameter_that_it_does_not_read(place: Place, query: str) -> None:
    check_refusal(place, "/fhir/Patient/$PATIENT_ID", query)


@pytest.mark.parametrize("query", ["_since=soon", "_type=Fly", "colour=red", "_count=1.5", "_format=json&_format=json"])
def test_everything_names_the_option_that_it_does_not_read(place: Place, query: str) -> None:
    check_refusal(place, "/fhir/Patient/$PATIENT_ID/$everything", query)


def check_refusal(place: Place, path: str, query: str) -> None:
    answer = ask(place.client(Face.FHIR).get, f"{path}?{query}", headers=place.headers(Face.FHIR))
    assert (answer.status_code, fault_of(answer, Face.FHIR), answer.rows_changed) == (400, "", {})
    assert query.partition("=")[0] in answer.json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize("wanted", ["xml", "application/fhir+xml", "ttl", "html", "%00", quote("text/html; x=y")])
def test_fhir_in_another_format_is_406(place: Place, wanted: str) -> None:
    headers = place.headers(Face.FHIR)
    answer = place.client(Face.FHIR).get(f"/fhir/metadata?_format={wanted}", headers=headers)
    assert (answer.status_code, fault_of(answer, Face.FHIR)) == (406, "")
    assert "_format=json" in answer.json()["issue"][0]["details"]["text"]


@pytest.mark.parametrize(
    ("accept", "status"),
    [("application/fhir+xml", 406), ("text/turtle", 406), ("application/fhir+json", 200), ("application/json", 200),
     ("*/*", 200), ("text/html, */*;q=0.1", 200), ("application/fhir+json; fhirVersion=4.0", 200), ("nonsense", 406)],
)  # fmt: skip
def test_fhir_speaks_json_to_whoever_accepts_it(place: Place, accept: str, status: int) -> None:
    answer = place.client(Face.FHIR).get("/fhir/metadata", headers={"Accept": accept})
    assert (answer.status_code, fault_of(answer, Face.FHIR)) == (status, "")


def test_fhir_without_a_format_or_accept_header_speaks_json(place: Place) -> None:
    for query in (
        "",
        "?_format=json",
        "?_format=application/fhir%2Bjson",
        "?_format=application/fhir+json",
        "?_format=",
    ):
        assert place.client(Face.FHIR).get(f"/fhir/metadata{query}").status_code == 200, query
