"""Names that a source gives and that are none: links, types and urns that no URL, column or standard can hold."""

from __future__ import annotations

import json

import pytest

from apps.authorizations.models import PatientAuthorization
from apps.records.selectors import find_view

from .conftest import run
from .source import ScriptedSource, resource

WHOLE = {"Patient": 1, "Condition": 1, "Observation": 6}


@pytest.mark.parametrize("link", ["http://x\x00y/", "/fhir/Observation?page=\x00", "//[", "http://[::1", "\ud800"])
def test_a_next_link_that_is_no_url_is_a_named_gap(
    source: ScriptedSource, authorization: PatientAuthorization, link: str
) -> None:
    source.next_links = {("Observation", 1): link}
    job = run(authorization)
    assert (job.state, job.resource_counts) == ("COMPLETED", {"Patient": 1, "Condition": 1})
    code = "unreadable-page" if link == "\ud800" else "bad-next-link"
    assert [(gap["type"], gap["code"]) for gap in job.gaps] == [("Observation", code)]


@pytest.mark.parametrize("name", ["Obs\x00", "O" * 65, "../x", "Obsé", "", 5, None, {}])
def test_a_type_that_is_no_name_of_a_type_is_not_asked_for(
    source: ScriptedSource, authorization: PatientAuthorization, name: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = source._statement()
    statement["rest"][0]["resource"].append({"type": name, "searchParam": [{"name": "patient"}]})
    monkeypatch.setattr(source, "_statement", lambda: statement)
    job = run(authorization)
    assert (job.state, job.gaps, job.resource_counts) == ("COMPLETED", [], WHOLE)


def test_a_reference_by_a_urn_too_long_to_keep_stays_as_it_is(
    source: ScriptedSource, authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = "urn:uuid:1", "urn:x:" + "y" * 300
    page = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [
            {"fullUrl": long, "resource": resource("Condition", "c1")},
            {"fullUrl": short, "resource": resource("Condition", "c2")},
            {
                "resource": resource(
                    "Condition", "c3", evidence=[{"detail": [{"reference": short}, {"reference": long}]}]
                )
            },
        ],
    }
    answer = source._json
    monkeypatch.setattr(
        source, "_json", lambda value, status=200: answer(page if '"c1"' in json.dumps(value) else value, status)
    )
    assert run(authorization).resource_counts == {**WHOLE, "Condition": 3}
    view = find_view(authorization)
    assert view is not None
    (detail,) = [each["evidence"][0]["detail"] for each in map(json.loads, (line for *_, line in view.lines()))
                 if "evidence" in each]  # fmt: skip
    assert detail[0]["reference"].startswith("Condition/")
    assert detail[1] == {"reference": long}
