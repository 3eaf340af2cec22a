"""Faults of a whole answer, over real HTTP: which one strikes, what the client then sees."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from email.utils import parsedate_to_datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.sandbox.payer.faults import Asked, Faults

from .browser import Browser, Reader
from .control import Control

LOGIN, PASSWORD = "patient2@flexpa.com", "examplepatient"
SEARCH = "Condition?patient=foo-2&_count=5"


@pytest.fixture
def reader(foomedical: Browser) -> Reader:
    return foomedical.connect(LOGIN, PASSWORD)


def raw(reader: Reader, path: str, accept_encoding: str = "identity") -> tuple[dict[str, str], bytes]:
    """Ask by hand and return headers and body exactly as they came."""
    url = httpx.URL(f"{reader.fhir}/{path}")
    assert url.port
    with socket.create_connection((url.host, url.port)) as connection:
        lines = (
            f"GET {url.raw_path.decode()} HTTP/1.1",
            f"Host: {url.host}",
            f"Authorization: Bearer {reader.token}",
            f"Accept-Encoding: {accept_encoding}",
        )
        connection.sendall("\r\n".join((*lines, "", "")).encode())
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    fields = (line.partition(": ") for line in head.decode().split("\r\n")[1:])
    return {name.lower(): value for name, _, value in fields}, body


# -- which answers are struck -------------------------------------------------------------------------


def test_faults_of_different_kinds_strike_one_answer_together(control: Control, reader: Reader) -> None:
    control.post("script", {"faults": [
        {"type": "Condition", "add": ["outcome"]},
        {"type": "Condition", "total": 7},
        {"type": "Condition", "content_type": "text/plain"},
    ]})  # fmt: skip
    response = reader.get(SEARCH)
    assert response.headers["Content-Type"] == "text/plain"
    assert response.json()["total"] == 7
    assert response.json()["entry"][-1]["search"] == {"mode": "outcome"}
    assert [row["fault"] for row in control.struck()] == [1, 2, 3]
    assert control.planned() == []


def test_faults_of_one_kind_strike_one_after_the_other(control: Control, reader: Reader) -> None:
    assert control.post("faults", [
        {"type": "Condition", "status": 500, "times": 2},
        {"type": "Condition", "status": 429},
        {"type": "Condition", "no_entry": True},
    ]).json()["faults"] == [1, 2, 3]  # fmt: skip
    assert [reader.get(SEARCH).status_code for _ in range(3)] == [500, 500, 429]
    assert "entry" not in reader.bundle(SEARCH)
    assert "entry" in reader.bundle(SEARCH)


def test_after_lets_answers_pass_first(control: Control, reader: Reader) -> None:
    control.fault(type="*", after=2, times=2, status=503)
    paths = ("Patient/foo-2", SEARCH, "Coverage?patient=foo-2", "Patient/foo-2/$everything", SEARCH)
    assert [reader.get(path).status_code for path in paths] == [200, 200, 503, 503, 200]


def test_any_leaves_answers_that_need_no_token(control: Control, foomedical: Browser, reader: Reader) -> None:
    control.fault(type="*", status=500)
    assert reader.get("metadata").status_code == 200
    assert foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).status_code == 200
    assert reader.get(SEARCH).status_code == 500


def test_plan_and_page_narrow_a_fault(control: Control, reader: Reader, acme: Browser) -> None:
    control.fault(type="Condition", plan="acme", page=2, status=500)
    other = acme.connect("acme-1")
    list(reader.pages(SEARCH))
    first = other.bundle("Condition?patient=acme-m-1&_count=5")
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")
    assert other.get(following).status_code == 500


def test_planned_faults_are_shown_with_what_is_left(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", status=500, times=3)
    reader.get(SEARCH)
    assert control.planned() == [
        {"number": 1, "type": "Condition", "status": 500, "times": 3, "after": 0, "left": 2},
    ]  # fmt: skip
    control.post("reset", {})
    assert (control.planned(), control.struck()) == ([], [])
    assert reader.get(SEARCH).status_code == 200


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=5), st.integers(1, 12))
def test_each_fault_strikes_as_often_as_told_and_no_oftener(script: list[tuple[int, int]], asked: int) -> None:
    faults = Faults()
    faults.plan_all([{"type": "Coverage", "add": ["text"], "after": after, "times": times} for after, times in script])
    counts = [0] * len(script)
    for _ in range(asked):
        for fault in faults.strike(Asked(plan="acme", type="Coverage", kind="page")).faults:
            counts[fault.number - 1] += 1
    assert counts == [max(0, min(times, asked - after)) for after, times in script]


# -- another answer altogether -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "forbidden"),
        (404, "not-found"),
        (422, "processing"),
        (429, "throttled"),
        (500, "exception"),
        (503, "transient"),
    ],
)
def test_failing_type_answers_with_an_outcome_of_its_kind(
    control: Control, reader: Reader, status: int, code: str
) -> None:
    control.fault(type="Condition", status=status)
    response = reader.get(SEARCH)
    assert (response.status_code, response.json()["issue"][0]["code"]) == (status, code)
    assert response.json()["resourceType"] == "OperationOutcome"
    assert "Retry-After" not in response.headers


def test_retry_after_comes_as_seconds_or_as_a_date(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", status=429, retry_after=0)
    control.fault(type="Condition", status=429, retry_after_date=3600)
    assert reader.get(SEARCH).headers["Retry-After"] == "0"
    later = reader.get(SEARCH)
    until = parsedate_to_datetime(later.headers["Retry-After"]) - parsedate_to_datetime(later.headers["Date"])
    assert 3500 < until.total_seconds() < 3700


def test_outcome_and_body_answer_200_instead_of_the_bundle(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", outcome=True)
    control.fault(type="Condition", body="<html>Sign in, please ☺</html>", content_type="text/html")
    assert reader.bundle(SEARCH)["resourceType"] == "OperationOutcome"
    response = reader.get(SEARCH)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
    assert response.content == "<html>Sign in, please ☺</html>".encode()


def test_expired_token_is_dead_until_refreshed(control: Control, foomedical: Browser) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    reader = Reader(foomedical.http, foomedical.fhir, tokens["access_token"], "foo-2")
    control.fault(type="*", after=1, expire_token=True)
    assert [reader.get(SEARCH).status_code for _ in range(4)] == [200, 401, 401, 401]
    assert reader.get(SEARCH).json()["issue"][0]["code"] == "login"
    fresh = foomedical.refresh(tokens["refresh_token"]).json()
    assert Reader(foomedical.http, foomedical.fhir, fresh["access_token"], "foo-2").get(SEARCH).status_code == 200
    assert reader.get(SEARCH).status_code == 401


def test_refresh_can_be_refused_for_good(control: Control, foomedical: Browser) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    control.fault(type="refresh", error="invalid_grant", times=2)
    code = foomedical.code(LOGIN, PASSWORD)
    assert foomedical.redeem(code).status_code == 200
    for _ in range(2):
        response = foomedical.refresh(tokens["refresh_token"])
        assert (response.status_code, response.json()["error"]) == (400, "invalid_grant")
    assert foomedical.refresh(tokens["refresh_token"]).status_code == 200


def test_refresh_token_is_rotated_unless_it_is_kept(control: Control, foomedical: Browser) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    control.fault(type="refresh", keep_refresh_token=True)
    kept = foomedical.refresh(tokens["refresh_token"]).json()
    assert "refresh_token" not in kept
    rotated = foomedical.refresh(tokens["refresh_token"]).json()
    assert rotated["refresh_token"] != tokens["refresh_token"]
    for token in (kept["access_token"], rotated["access_token"]):
        assert Reader(foomedical.http, foomedical.fhir, token, "foo-2").get(SEARCH).status_code == 200
    assert foomedical.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


# -- over the wire -------------------------------------------------------------------------------------


def test_truncated_body_agrees_with_its_length_and_is_no_json(control: Control, reader: Reader) -> None:
    _, whole = raw(reader, SEARCH)
    control.fault(type="Condition", truncate=True)
    headers, body = raw(reader, SEARCH)
    assert int(headers["content-length"]) == len(body) == len(whole) // 2
    assert whole.startswith(body)
    with pytest.raises(ValueError, match="column"):
        json.loads(body)


def test_cut_body_falls_short_of_its_length(control: Control, reader: Reader) -> None:
    _, whole = raw(reader, SEARCH)
    control.fault(type="Condition", cut=True)
    headers, body = raw(reader, SEARCH)
    assert int(headers["content-length"]) == len(whole) > len(body)
    assert whole.startswith(body)


def test_reset_ends_the_connection_before_any_header(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", reset=True)
    with pytest.raises(ConnectionResetError):
        raw(reader, SEARCH)
    assert reader.get(SEARCH).status_code == 200


def test_gzip_comes_only_where_it_is_accepted(control: Control, reader: Reader) -> None:
    _, plain = raw(reader, SEARCH)
    control.fault(type="Condition", gzip=True, times=2)
    headers, body = raw(reader, SEARCH)
    assert ("content-encoding" in headers, body) == (False, plain)
    headers, body = raw(reader, SEARCH, "gzip")
    assert (headers["content-encoding"], int(headers["content-length"])) == ("gzip", len(body))
    assert gzip.decompress(body) == plain


def test_truncated_text_can_be_gzipped_and_gzip_can_be_cut(control: Control, reader: Reader) -> None:
    _, plain = raw(reader, SEARCH)
    control.fault(type="Condition", gzip=True, truncate=True)
    control.fault(type="Condition", gzip=True, cut=True)
    assert gzip.decompress(raw(reader, SEARCH, "gzip")[1]) == plain[: len(plain) // 2]
    with pytest.raises(EOFError):
        gzip.decompress(raw(reader, SEARCH, "gzip")[1])


def test_delayed_answer_sends_nothing_until_its_time(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", delay_seconds=3600)
    answers: list[int] = []
    waiting = threading.Thread(target=lambda: answers.append(reader.get(SEARCH).status_code))
    waiting.start()
    control.wait_until_struck()
    assert reader.get("Coverage?patient=foo-2").status_code == 200
    assert not answers
    control.post("reset", {})
    waiting.join()
    assert answers == [200]


def test_delay_outlasts_a_client_that_does_not_wait(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", delay_seconds=3600)
    with pytest.raises(httpx.ReadTimeout):
        reader.http.get(f"{reader.fhir}/{SEARCH}", headers={"Authorization": f"Bearer {reader.token}"}, timeout=0.1)


def test_dripping_body_comes_in_pieces_and_is_whole_in_the_end(control: Control, reader: Reader) -> None:
    plain = reader.get(SEARCH).content
    control.fault(type="Condition", drip_seconds=36_000)
    headers = {"Authorization": f"Bearer {reader.token}"}
    with reader.http.stream("GET", f"{reader.fhir}/{SEARCH}", headers=headers) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        assert 0 < len(first) < len(plain)
        assert int(response.headers["Content-Length"]) == len(plain)
        control.post("reset", {})
        assert first + b"".join(pieces) == plain
