"""The knobs: a second look that differs, planned faults, the log, and who may turn them."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import httpx
import pytest
from werkzeug.test import Client

from apps.sandbox.payer.capability import READABLE_TYPES
from apps.sandbox.payer.server import LocalPayer

from .browser import Browser, Reader
from .control import Control

LOGIN, PASSWORD = "patient2@flexpa.com", "examplepatient"


@pytest.fixture
def reader(foomedical: Browser) -> Reader:
    return foomedical.connect(LOGIN, PASSWORD)


def test_second_look_differs_as_told_and_reset_undoes_it(control: Control, reader: Reader) -> None:
    before = reader.references("Observation?patient=foo-2")
    body = {
        "add": 3,
        "remove": ["Observation/foo-2-odd-twin"],
        "change": ["Condition/foo-2-odd-twin", "Observation/foo-2-odd-exponent"],
    }
    old = reader.get("Observation/foo-2-odd-exponent").text
    assert control.post(f"members/{LOGIN}", body).status_code == 200
    after = reader.references("Observation?patient=foo-2")
    assert set(before) - set(after) == {"Observation/foo-2-odd-twin"}
    assert set(after) - set(before) == {f"Observation/foo-2-new-1-{place}" for place in (1, 2, 3)}
    added = reader.get("Observation/foo-2-new-1-1").json()
    assert added["subject"] == {"reference": "Patient/foo-2"}
    assert added["performer"] == [{"reference": "Patient/foo-2"}]
    new = reader.get("Observation/foo-2-odd-exponent").text
    assert '"value":1e3,' in new
    assert _without_meta(new) != _without_meta(old)
    assert json.loads(new)["meta"]["versionId"] == "2"
    assert json.loads(new)["meta"]["lastUpdated"] > json.loads(old)["meta"]["lastUpdated"]
    assert reader.get("Observation/foo-2-odd-twin").status_code == 404
    control.post("reset", {})
    assert reader.references("Observation?patient=foo-2") == before


@pytest.mark.parametrize("type_", READABLE_TYPES)
def test_every_type_can_be_changed_touched_added_and_removed(control: Control, foomedical: Browser, type_: str) -> None:
    login = "patient8@flexpa.com" if type_ in ("RelatedPerson", "Binary") else LOGIN
    reader = foomedical.connect(login, PASSWORD)
    reference = control.state.records.of_login(login).of_type(type_)[0].reference
    old = reader.get(reference, Accept="application/fhir+json").json()
    for knob in ("touch", "change"):
        assert control.post(f"members/{login}", {knob: [reference]}).status_code == 200
        new = reader.get(reference, Accept="application/fhir+json").json()
        assert int(new["meta"]["versionId"]) == int(old["meta"]["versionId"]) + 1
        assert new["meta"]["lastUpdated"] > old["meta"]["lastUpdated"]
        assert ({**new, "meta": 0} == {**old, "meta": 0}) is (knob == "touch")
        old = new
    if type_ != "Patient":
        assert control.post(f"members/{login}", {"add": {type_: 2}}).status_code == 200
        for place in (1, 2):
            new = reader.get(f"{type_}/{reader.patient}-new-3-{place}", Accept="application/fhir+json").json()
            assert new["resourceType"] == type_
            assert new["meta"]["versionId"] == "1"
    assert control.post(f"members/{login}", {"remove": [reference]}).status_code == 200
    assert reader.get(reference).status_code == 404


def test_changes_add_up_and_leave_other_members_alone(control: Control, reader: Reader, acme: Browser) -> None:
    before = acme.connect("acme-1").references("Observation?patient=acme-m-1")
    total = reader.bundle("Observation?patient=foo-2")["total"]
    for _ in range(2):
        control.post(f"members/{LOGIN}", {"add": 2})
    assert reader.bundle("Observation?patient=foo-2")["total"] == total + 4
    assert acme.connect("acme-1").references("Observation?patient=acme-m-1") == before


@pytest.mark.parametrize(
    ("login", "knobs", "status"),
    [
        ("nobody", {"add": 1}, 404),
        (LOGIN, {"remove": ["Observation/never"]}, 404),
        (LOGIN, {"change": ["Observation/never"]}, 404),
        (LOGIN, {"touch": ["Observation/never"]}, 404),
        (LOGIN, {"add": {"Binary": 1}}, 404),
        (LOGIN, {"add": {"Slot": 1}}, 400),
        (LOGIN, {"add": {"Patient": 1}}, 400),
        (LOGIN, {"add": {"Goal": "1"}}, 400),
        (LOGIN, {"add": -1}, 400),
        (LOGIN, {"add": "1"}, 400),
        (LOGIN, {"remove": "Observation/x"}, 400),
        (LOGIN, {"touch": [1]}, 400),
        (LOGIN, {"delete": []}, 400),
    ],
)
def test_senseless_change_is_refused_and_changes_nothing(
    control: Control, reader: Reader, login: str, knobs: dict[str, Any], status: int
) -> None:
    total = reader.bundle("Observation?patient=foo-2")["total"]
    assert control.post(f"members/{login}", knobs).status_code == status
    assert reader.bundle("Observation?patient=foo-2")["total"] == total


def test_status_fault_strikes_its_page_as_often_as_told(control: Control, reader: Reader) -> None:
    control.fault(type="Observation", page=2, status=503, times=2, retry_after=9)
    pages = reader.pages("Observation?patient=foo-2&_count=20")
    next_url = next(link["url"] for link in next(pages)["link"] if link["relation"] == "next")
    assert reader.get("Condition?patient=foo-2&_count=1").status_code == 200
    for _ in range(2):
        response = reader.get(next_url)
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "9"
        assert response.json()["resourceType"] == "OperationOutcome"
    assert reader.get(next_url).status_code == 200


def test_cut_fault_ends_the_connection_in_mid_body(control: Control, reader: Reader) -> None:
    control.fault(type="Observation", page=1, cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        reader.get("Observation?patient=foo-2")
    assert reader.get("Observation?patient=foo-2").status_code == 200


def test_empty_fault_hides_every_match(control: Control, reader: Reader) -> None:
    control.fault(type="Observation", empty=True)
    bundle = reader.bundle("Observation?patient=foo-2")
    assert bundle["total"] == 0
    assert "entry" not in bundle
    assert [link["relation"] for link in bundle["link"]] == ["self"]
    assert reader.bundle("Observation?patient=foo-2")["total"] > 0


@pytest.mark.parametrize(
    ("type_", "path"),
    [
        ("$everything", "Patient/foo-2/$everything"),
        ("metadata", "metadata"),
        ("smart-configuration", ".well-known/smart-configuration"),
        ("Patient", "Patient/foo-2"),
    ],
)
def test_other_answers_can_fail_too(control: Control, reader: Reader, type_: str, path: str) -> None:
    control.fault(type=type_, status=500)
    assert reader.get(path).status_code == 500
    assert reader.get(path).status_code == 200


def test_token_fault_by_status_leaves_the_refresh_token_good(control: Control, foomedical: Browser) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    control.fault(type="token", status=502)
    assert foomedical.refresh(tokens["refresh_token"]).status_code == 502
    assert foomedical.refresh(tokens["refresh_token"]).status_code == 200


def test_token_fault_by_cut_loses_the_rotated_token(control: Control, foomedical: Browser) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    control.fault(type="token", cut=True)
    with pytest.raises(httpx.RemoteProtocolError):
        foomedical.refresh(tokens["refresh_token"])
    assert foomedical.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"status": 500},
        {"type": "Observation"},
        {"type": "Observation", "status": 200},
        {"type": "Observation", "status": "500"},
        {"type": "Observation", "cut": 1},
        {"type": "Observation", "status": 500, "pages": 1},
    ],
)
def test_senseless_fault_is_refused(control: Control, knobs: dict[str, Any]) -> None:
    assert control.post("faults", knobs).status_code == 400


def test_body_that_is_no_object_is_refused(control: Control) -> None:
    for content in (b"", b"[]", b"{"):
        assert control.http.post(f"{control.base}/faults", content=content).status_code == 400


def test_log_tells_requests_in_order_without_credentials(control: Control, foomedical: Browser) -> None:
    tokens = foomedical.redeem(foomedical.code(LOGIN, PASSWORD)).json()
    Reader(foomedical.http, foomedical.fhir, tokens["access_token"], "foo-2").get("Coverage?patient=foo-2")
    entries = control.log()
    assert [(one["method"], one["path"], one["status"]) for one in entries] == [
        ("GET", "/foomedical/oauth/authorize", 200),
        ("POST", "/foomedical/oauth/sign-in", 200),
        ("POST", "/foomedical/oauth/approve", 303),
        ("POST", "/foomedical/oauth/token", 200),
        ("GET", "/foomedical/fhir/Coverage", 200),
    ]
    assert entries[-1]["query"] == "patient=foo-2"
    text = json.dumps(entries)
    assert PASSWORD not in text
    assert tokens["access_token"] not in text


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("203.0.113.9", {}),
        ("", {}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}),
    ],
)
def test_knobs_answer_clients_on_this_machine_only(payer: LocalPayer, address: str, headers: dict[str, str]) -> None:
    client = Client(payer.application)
    for method, path in (("GET", "log"), ("POST", "reset"), ("POST", "faults"), ("POST", "members/acme-1")):
        response = client.open(
            f"/_control/{path}",
            method=method,
            headers=headers,
            environ_base={"REMOTE_ADDR": address},
            input_stream=BytesIO(b"{}"),
        )
        assert response.status_code == 403


def _without_meta(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return {name: inner for name, inner in value.items() if name != "meta"}
