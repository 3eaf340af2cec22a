"""Faults inside a page of a search, over real HTTP: entries spoilt or added, links, totals.

Pages are compared as bytes, so that no parser's view of broken JSON stands between.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from apps.sandbox.payer.fault_knobs import ADDED
from apps.sandbox.payer.spoiling import BROKEN, KINDS, NASTY

from .browser import Browser, Reader
from .control import Control

LOGIN, PASSWORD = "patient2@flexpa.com", "examplepatient"
SEARCH = "Condition?patient=foo-2&_count=5"
ENTRY = re.compile(rb'\{(?:"fullUrl":("[^"]*"),)?(?:"resource":(.*),)?"search":\{"mode":"(\w+)"\}\}', re.DOTALL)


@pytest.fixture
def reader(foomedical: Browser) -> Reader:
    return foomedical.connect(LOGIN, PASSWORD)


def entries_of(body: bytes) -> list[bytes]:
    """Cut a page into its entries at our server's own seams."""
    _, _, inside = body.partition(b', "entry": [')
    return re.findall(rb'\{(?:"fullUrl"|"resource"|"search").*?"search":\{"mode":"\w+"\}\}', inside, re.DOTALL)


def resource_of(entry: bytes) -> bytes:
    match = ENTRY.fullmatch(entry)
    assert match
    return match[2] or b""


def next_of(bundle: dict[str, Any]) -> str | None:
    return next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)


# What each kind must look like, read without the code that makes it.
LOOKS: dict[str, Callable[[bytes], bool]] = {
    "text": lambda text: text == b'"not a resource"',
    "list": lambda text: text == b"[]",
    "null": lambda text: text == b"null",
    "no-resource": lambda text: text == b"",
    "no-resource-type": lambda text: "resourceType" not in json.loads(text),
    "unknown-type": lambda text: json.loads(text)["resourceType"] == "Nonsense",
    "no-id": lambda text: "id" not in json.loads(text),
    "empty-id": lambda text: json.loads(text)["id"] == "",
    "bad-id": lambda text: json.loads(text)["id"] == "a/b c",
    "long-id": lambda text: len(json.loads(text)["id"]) == 65,
    "number-id": lambda text: json.loads(text)["id"] == 12,
    "nan": lambda text: b":NaN}" in text,
    "infinity": lambda text: b":Infinity}" in text,
    "minus-infinity": lambda text: b":-Infinity}" in text,
    "leading-zero": lambda text: b":007}" in text,
    "lone-surrogate": lambda text: rb':"\ud800"' in text,
    "invalid-utf8": lambda text: b"caf\xe9" in text,
    "control-character": lambda text: b'"\x01"' in text,
    "deep-nesting": lambda text: text.count(b'{"url":"deeper"') == 20_000,
    "nul-escape": lambda text: rb'"a\u0000b"' in text,
    "huge-number": lambda text: b":1e400}" in text,
    "huge-integer": lambda text: re.search(b":9{5000}}", text) is not None,
    "duplicate-keys": lambda text: text.count(b'"language":') == 2,
    "oversized": lambda text: len(text) > 2**20,
}
NOT_JSON = {
    "nan", "infinity", "minus-infinity", "leading-zero", "lone-surrogate", "invalid-utf8", "control-character",
    "deep-nesting", "no-resource",
}  # fmt: skip


def test_every_kind_has_its_look() -> None:
    assert set(LOOKS) == set(KINDS) == {*BROKEN, *NASTY}


@pytest.mark.parametrize("kind", KINDS)
def test_added_kind_stands_at_the_end_and_leaves_the_others_alone(control: Control, reader: Reader, kind: str) -> None:
    sound = entries_of(reader.get(SEARCH).content)
    number = control.fault(type="Condition", page=1, add=[kind])
    spoilt = entries_of(reader.get(SEARCH).content)
    assert spoilt[:-1] == sound
    text = resource_of(spoilt[-1])
    assert LOOKS[kind](text)
    id_ = f"{kind}-{number}.0-p1"
    assert control.struck()[0]["added"] == [f"Condition/{id_}"]
    if kind not in ("text", "list", "null", "no-resource") and "id" not in kind:
        assert f'"id":"{id_}"'.encode() in text
    assert entries_of(reader.get(SEARCH).content) == sound


@pytest.mark.parametrize("kind", KINDS)
def test_replaced_kind_spoils_the_first_and_says_which(control: Control, reader: Reader, kind: str) -> None:
    sound = entries_of(reader.get(SEARCH).content)
    control.fault(type="Condition", page=1, replace=[kind])
    spoilt = entries_of(reader.get(SEARCH).content)
    assert spoilt[1:] == sound[1:]
    assert LOOKS[kind](resource_of(spoilt[0]))
    assert not LOOKS[kind](resource_of(sound[0]))
    first = json.loads(resource_of(sound[0]))
    assert control.struck()[0]["replaced"] == [f"Condition/{first['id']}"]


@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_json_or_not_as_its_name_says(control: Control, reader: Reader, kind: str) -> None:
    control.fault(type="Condition", add=[kind])
    text = resource_of(entries_of(reader.get(SEARCH).content)[-1]).replace(b"9" * 5000, b"9" * 15)
    decoder = msgspec.json.Decoder(float_hook=str)
    try:
        decoder.decode(text)
        is_json = True
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        is_json = False
    assert is_json is (kind not in NOT_JSON)


@pytest.mark.parametrize("kind", ["nan", "no-id", "oversized"])
def test_single_read_can_be_spoilt_too(control: Control, reader: Reader, kind: str) -> None:
    control.fault(type="Patient", replace=[kind])
    assert LOOKS[kind](reader.get("Patient/foo-2").content)
    assert control.struck()[0]["replaced"] == ["Patient/foo-2"]
    assert reader.get("Patient/foo-2").json()["id"] == "foo-2"


def test_fault_of_a_page_waits_for_a_page(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", add=["text"])
    assert reader.get("Condition/foo-2-odd-twin").json()["id"] == "foo-2-odd-twin"
    assert control.struck() == []
    assert reader.bundle(SEARCH)["entry"][-1]["resource"] == "not a resource"


def test_content_of_a_binary_is_no_resource_to_spoil(control: Control, humana: Browser) -> None:
    reader = humana.connect("HUser00001", "PW00001!")
    control.fault(type="Binary", replace=["null"])
    assert reader.get("Binary/hum-m-00001-ccda", Accept="application/xml").content.startswith(b"<?xml")
    assert reader.get("Binary/hum-m-00001-ccda", Accept="application/fhir+json").content == b"null"


def test_size_and_depth_are_as_told(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", add=["oversized", "deep-nesting"], bytes=5000, depth=30)
    large, deep = (resource_of(one) for one in entries_of(reader.get(SEARCH).content)[-2:])
    assert 5000 < len(large) < 8000
    inner, depth = json.loads(deep)["extension"][-1], 0
    while inner := (inner.get("extension") or [None])[0]:
        depth += 1
    assert depth == 30


def test_several_faults_spoil_and_add_one_page_together(control: Control, reader: Reader) -> None:
    sound = entries_of(reader.get(SEARCH).content)
    control.post("faults", [
        {"type": "Condition", "replace": ["no-id", "nan"]},
        {"type": "Condition", "replace": ["null"], "add": ["wrong-type", "text"]},
    ])  # fmt: skip
    page = entries_of(reader.get(SEARCH).content)
    looks = [LOOKS[kind](resource_of(one)) for kind, one in zip(("no-id", "nan", "null"), page, strict=False)]
    assert looks == [True, True, True]
    assert page[3:5] == sound[3:5]
    assert len(page) == 7
    ids = [f"Condition/{json.loads(resource_of(one))['id']}" for one in sound[:3]]
    assert [row["replaced"] for row in control.struck()] == [ids[:2], ids[2:]]


def test_more_kinds_than_entries_spoil_every_entry(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", replace=["null"] * 9)
    assert [resource_of(one) for one in entries_of(reader.get(SEARCH).content)] == [b"null"] * 5
    assert len(control.struck()[0]["replaced"]) == 5


def test_duplicate_repeats_the_first_page_on_the_second(control: Control, reader: Reader) -> None:
    first, following = reader.bundle(SEARCH), next_of(reader.bundle(SEARCH))
    assert following
    control.fault(type="Condition", page=2, add=["duplicate", "duplicate-newer"])
    same, newer = reader.bundle(following)["entry"][-2:]
    assert same == first["entry"][0]
    old = first["entry"][1]["resource"]
    assert (newer["resource"]["id"], newer["resource"]["meta"]["versionId"]) == (old["id"], "2")
    assert newer["resource"]["meta"]["lastUpdated"] > old["meta"]["lastUpdated"]
    assert {**newer["resource"], "meta": 0} != {**old, "meta": 0}


def test_wrong_type_and_outcome_are_sound_entries_of_their_kind(control: Control, reader: Reader) -> None:
    control.fault(type="Condition", add=["wrong-type", "outcome"])
    wrong, outcome = reader.bundle(SEARCH)["entry"][-2:]
    assert wrong["resource"]["resourceType"] == "Basic"
    assert wrong["resource"]["subject"] == {"reference": "Patient/foo-2"}
    assert wrong["search"] == {"mode": "match"}
    assert outcome["resource"]["resourceType"] == "OperationOutcome"
    assert outcome["search"] == {"mode": "outcome"}
    assert "fullUrl" not in outcome


@pytest.mark.parametrize("kind", [*ADDED, *KINDS])
def test_page_without_matches_can_still_get_entries(control: Control, reader: Reader, kind: str) -> None:
    control.fault(type="Condition", empty=True)
    control.fault(type="Condition", add=[kind])
    body = reader.get(SEARCH).content
    assert b'"total": 0' in body
    assert len(entries_of(body)) == 1


# -- links and totals ----------------------------------------------------------------------------------


def second_url(reader: Reader) -> str:
    url = next_of(reader.bundle(SEARCH))
    assert url
    return url


def test_next_link_can_be_missing_or_relative(control: Control, reader: Reader) -> None:
    url = second_url(reader)
    for word in ("missing", "relative", "path"):
        control.fault(type="Condition", page=1, next=word)
    assert next_of(reader.bundle(SEARCH)) is None
    relative = next_of(reader.bundle(SEARCH))
    assert f"{reader.fhir}/{relative}" == url
    path = next_of(reader.bundle(SEARCH))
    assert path
    assert path.startswith("/foomedical/fhir/Condition?")
    assert url.endswith(path)


def test_next_link_can_lead_in_a_circle(control: Control, reader: Reader) -> None:
    second = second_url(reader)
    control.fault(type="Condition", page=1, next="loop")
    assert next_of(reader.bundle(SEARCH)) == f"{reader.fhir}/{SEARCH}"
    control.fault(type="Condition", page=2, next="loop")
    assert next_of(reader.bundle(second)) == second
    control.fault(type="Condition", page=2, next="first")
    first = next_of(reader.bundle(second))
    assert first
    assert reader.bundle(first)["entry"] == reader.bundle(SEARCH)["entry"]


def test_next_link_can_lead_elsewhere(control: Control, reader: Reader) -> None:
    control.fault(type="Coverage", next="foreign")
    control.fault(type="Coverage", next="http://127.0.0.1:1/secrets")
    foreign = next_of(reader.bundle("Coverage?patient=foo-2"))
    assert foreign == "https://elsewhere.example/foomedical/fhir/Coverage?patient=foo-2"
    assert next_of(reader.bundle("Coverage?patient=foo-2")) == "http://127.0.0.1:1/secrets"
    assert next_of(reader.bundle("Coverage?patient=foo-2")) is None


def test_total_can_lie_or_be_missing(control: Control, reader: Reader) -> None:
    true = reader.bundle(SEARCH)
    control.fault(type="Condition", total=0)
    control.fault(type="Condition", total="missing")
    assert reader.bundle(SEARCH) == true | {"total": 0}
    assert reader.bundle(SEARCH) == {name: value for name, value in true.items() if name != "total"}


def test_bundle_without_entry_keeps_total_and_links(control: Control, reader: Reader) -> None:
    true = reader.bundle(SEARCH)
    control.fault(type="Condition", no_entry=True)
    assert reader.bundle(SEARCH) == {name: value for name, value in true.items() if name != "entry"}


def test_everything_and_searches_by_id_can_be_faulty(control: Control, reader: Reader) -> None:
    control.fault(type="$everything", replace=["null"])
    control.fault(type="Practitioner", total=99)
    assert reader.bundle("Patient/foo-2/$everything")["entry"][0]["resource"] is None
    assert reader.bundle("Practitioner?_id=foo-prac-1")["total"] == 99
