"""`_summary` and `_elements`: what is kept, that it is kept to the letter, and the tag that says so."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.fhir import definitions
from apps.fhir.projecting import Summary, select_elements, summarise

SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
TYPES = (
    "Bundle", "Coverage", "DocumentReference", "ExplanationOfBenefit", "MedicationRequest", "Observation", "Patient",
    "Provenance",
)  # fmt: skip
NUMBERS = ("1.10", "-0.0", "-0", "1e3", "1E-8", "100", "12345678901234567890123", "0.00000000000000000001")


class Number(str):
    """The text of a number, so that 1.10 differs from 1.1."""


def read(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line, parse_float=Number, parse_int=Number)
    return found


def write(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{write(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(write(each) for each in value) + "]"
    return json.dumps(value)


def numbers(value: Any) -> Counter[str]:
    if isinstance(value, Number):
        return Counter([str(value)])
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum((numbers(each) for each in inner), Counter())


def is_subsetted(tag: Any) -> bool:
    return isinstance(tag, dict) and (tag.get("system"), tag.get("code")) == (SYSTEM, "SUBSETTED")


def without_tag(resource: dict[str, Any]) -> dict[str, Any]:
    """Take our tag out again, with what was made to hold it."""
    meta = dict(resource["meta"])
    meta["tag"] = [tag for tag in meta["tag"] if not is_subsetted(tag)]
    return {**resource, "meta": {name: value for name, value in meta.items() if value or name != "tag"}}


scalars = st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from(NUMBERS).map(Number)
names = st.sampled_from(
    ["id", "code", "value", "valueQuantity", "who", "attachment", "data", "extension", "type", "_code"]
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, min_size=1, max_size=3),
    max_leaves=8,
)
metas = st.fixed_dictionaries(
    {}, optional={"versionId": st.just("1"), "tag": st.lists(st.just({"code": "x"}), min_size=1)}
)


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(TYPES))
    known = {each for each in definitions.summary_elements(kind) if "." not in each} - {"id", "meta"}
    known |= {*definitions.mandatory_elements(kind), *definitions.modifier_elements(kind)}
    known |= {"text", "note", "contained", "extension", "language", "dragon"}
    keys = draw(st.lists(st.sampled_from(sorted(known)), unique=True, max_size=12))
    siblings = draw(st.lists(st.sampled_from(keys), unique=True)) if keys else []
    body = {key: draw(values) for key in [*keys, *(f"_{key}" for key in siblings)]}
    return {"resourceType": kind, "id": "a", "meta": draw(metas), **body}


def needed(kind: str) -> set[str]:
    always = {"resourceType", "id", "meta"}
    return {*always, *definitions.mandatory_elements(kind), *definitions.modifier_elements(kind)}


def only(resource: dict[str, Any], kept: set[str]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key.removeprefix("_") in kept}


def as_found(resource: dict[str, Any]) -> dict[str, Any]:
    """An empty list of tags, which is no valid one, is not told apart from none."""
    return without_tag({**resource, "meta": {"tag": [], **resource["meta"]}})


@given(resource=resources())
def test_summary_text_keeps_the_narrative_and_what_must_be_there(resource: dict[str, Any]) -> None:
    line = write(resource).encode()
    found = read(summarise(line, resource["resourceType"], summary=Summary.TEXT))
    assert without_tag(found) == as_found(only(resource, {*needed(resource["resourceType"]), "text"}))


@given(resource=resources())
def test_summary_data_drops_the_narrative_alone(resource: dict[str, Any]) -> None:
    found = read(summarise(write(resource).encode(), resource["resourceType"], summary=Summary.DATA))
    assert without_tag(found) == as_found({key: value for key, value in resource.items() if key != "text"})


@given(resource=resources(), asked=st.lists(st.sampled_from(["subject", "note", "text", "dragon", "value", "name"])))
def test_elements_keeps_what_is_named_and_what_must_be_there(resource: dict[str, Any], asked: list[str]) -> None:
    kind = resource["resourceType"]
    line = write(resource).encode()
    found = select_elements(line, kind, elements=asked)
    if not asked:
        assert found == line
        return
    kept = {key for each in asked for key in definitions.choice_elements(kind).get(each, (each,))}
    assert without_tag(read(found)) == as_found(only(resource, needed(kind) | kept))


@given(resource=resources())
def test_summary_keeps_flagged_elements_and_what_must_be_there(resource: dict[str, Any]) -> None:
    kind = resource["resourceType"]
    found = read(summarise(write(resource).encode(), kind, summary=Summary.TRUE))
    listed = set(definitions.summary_elements(kind))
    kept = needed(kind) | {each for each in listed if "." not in each}
    divided = {each.partition(".")[0] for each in listed if "." in each}
    expected = as_found(only(resource, kept))
    assert set(without_tag(found)) == set(expected)
    assert only(without_tag(found), kept - divided) == only(expected, kept - divided)
    assert numbers(found) <= numbers(resource)


@given(resource=resources(), summary=st.sampled_from([Summary.TRUE, Summary.TEXT, Summary.DATA]))
def test_a_part_of_a_part_is_the_same_and_tagged_once(resource: dict[str, Any], summary: Summary) -> None:
    once = summarise(write(resource).encode(), resource["resourceType"], summary=summary)
    assert summarise(once, resource["resourceType"], summary=summary) == once
    assert sum(is_subsetted(tag) for tag in read(once)["meta"]["tag"]) == 1


def test_summary_false_is_the_line_itself() -> None:
    line = b'{"resourceType":"Patient", "id":"a","text":{}}'
    assert summarise(line, "Patient", summary=Summary.FALSE) is line


OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "meta": {"tag": [{"system": "http://ours.example", "code": "1"}]},
    "text": {"status": "generated", "div": "<div/>"},
    "contained": [{"resourceType": "Patient"}],
    "status": "final",
    "_status": {"id": "s"},
    "code": {"text": "weight", "extension": [{"url": "http://x.example"}]},
    "interpretation": [{"text": "high"}],
    "valueQuantity": {"value": Number("70.10")},
    "component": [
        {
            "id": "c",
            "code": {"text": "fat"},
            "valueQuantity": {"value": Number("9.0")},
            "_valueString": {"id": "v"},
            "interpretation": [{"text": "low"}],
        },
        {"dataAbsentReason": {"text": "none"}},
    ],
    "valueSampledData": {"origin": {"value": Number("0")}, "period": Number("10.0"), "data": "1 2 3"},
}


def test_summary_of_an_observation() -> None:
    found = read(summarise(write(OBSERVATION).encode(), "Observation", summary=Summary.TRUE))
    assert without_tag(found) == {
        "resourceType": "Observation",
        "id": "o",
        "meta": OBSERVATION["meta"],
        "status": "final",
        "_status": {"id": "s"},
        "code": OBSERVATION["code"],
        "valueQuantity": {"value": Number("70.10")},
        "component": [
            {
                "id": "c",
                "code": {"text": "fat"},
                "valueQuantity": {"value": Number("9.0")},
                "_valueString": {"id": "v"},
            },
            # Nothing of it belongs to a summary, and an empty element would not be valid.
            {"dataAbsentReason": {"text": "none"}},
        ],
        "valueSampledData": {"origin": {"value": Number("0")}, "period": Number("10.0")},
    }


def test_summary_leaves_out_the_data_of_an_attachment() -> None:
    line = (
        b'{"resourceType":"DocumentReference","id":"d","status":"current","content":[{"attachment":{"contentType":'
        b'"text/plain","data":"aGk=","title":"Hi"},"format":{"code":"f"}}]}'
    )
    assert read(summarise(line, "DocumentReference", summary=Summary.TRUE))["content"] == [
        {"attachment": {"contentType": "text/plain", "title": "Hi"}, "format": {"code": "f"}}
    ]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (["value"], {"valueQuantity", "valueSampledData"}),
        (["value[x]"], {"valueQuantity", "valueSampledData"}),
        (["valueQuantity"], {"valueQuantity"}),
        (["Observation.interpretation"], {"interpretation"}),
        (["Observation.value[x]", "Patient.text"], {"valueQuantity", "valueSampledData"}),
        (["dragon"], set()),
        (["component.code", "Dragon.text"], set()),
    ],
)
def test_elements_in_every_form_of_their_names(asked: list[str], kept: set[str]) -> None:
    found = read(select_elements(write(OBSERVATION).encode(), "Observation", elements=asked))
    assert set(found) == {"resourceType", "id", "meta", "status", "_status", "code", *kept}


def test_elements_of_other_types_alone_change_nothing() -> None:
    line = write(OBSERVATION).encode()
    assert select_elements(line, "Observation", elements=["Patient.name"]) == line


def test_resource_without_meta_gets_one_for_the_tag() -> None:
    found = read(select_elements(b'{"resourceType":"Patient","id":"p","name":[]}', "Patient", elements=["active"]))
    assert found == {
        "resourceType": "Patient",
        "id": "p",
        "meta": {"tag": [{"system": SYSTEM, "code": "SUBSETTED", "display": "subsetted"}]},
    }


def test_tags_of_the_source_stay_before_ours() -> None:
    found = read(summarise(write(OBSERVATION).encode(), "Observation", summary=Summary.DATA))
    assert [tag["code"] for tag in found["meta"]["tag"]] == ["1", "SUBSETTED"]
