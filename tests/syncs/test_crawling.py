"""The crawl against a source that refuses, breaks off, leads astray and ends its tokens."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from apps.authorizations.models import PatientAuthorization
from apps.outbound.http import Response
from apps.records.models import StoredResource
from apps.records.selectors import find_view
from apps.syncs.source import Source

from .conftest import request, run, step
from .source import OUTCOME, ScriptedSource, resource

WHOLE = {"Patient": 1, "Condition": 1, "Observation": 6}


def test_every_page_of_every_type_is_kept(source: ScriptedSource, authorization: PatientAuthorization) -> None:
    job = run(authorization)
    assert (job.state, job.gaps, job.rejected, job.resource_counts) == ("COMPLETED", [], [], WHOLE)
    assert not job.pages.exists()


@pytest.mark.parametrize("status", [403, 404, 503])
def test_a_first_sync_in_which_every_type_fails_is_failed_with_what_the_source_said(
    source: ScriptedSource, authorization: PatientAuthorization, status: int
) -> None:
    source.by_id = {"Practitioner": {}}
    source.refusals = dict.fromkeys(("Patient", "Observation", "Condition"), (status, 100))
    job = run(authorization)
    assert (job.state, job.error_code) == ("FAILED", f"http-{status}")
    assert json.loads(job.source_outcome) == OUTCOME
    assert authorization.current_seq == 0
    assert find_view(authorization) is None


def test_a_refresh_in_which_every_type_fails_is_failed_and_leaves_what_was_there(
    source: ScriptedSource, authorization: PatientAuthorization
) -> None:
    run(authorization)
    source.refusals = dict.fromkeys(("Patient", "Observation", "Condition"), (500, 100))
    assert run(authorization).state == "FAILED"
    view = find_view(authorization)
    assert view is not None
    assert view.counts() == WHOLE


def test_a_job_that_is_handed_back_goes_on_and_asks_for_no_page_twice(
    source: ScriptedSource, authorization: PatientAuthorization
) -> None:
    source.refusals = {"Condition": (503, 1)}
    job = step(request(authorization))
    assert (job.state, job.source_failures, job.error_code) == ("WAITING", 0, "http-503"), "other pages were progress"
    assert find_view(authorization) is None, "nothing is seen before the end"
    job = step(job)
    assert (job.state, job.gaps, job.resource_counts) == ("COMPLETED", [], WHOLE)
    assert (source.asked("Observation"), source.asked("Condition"), source.asked("Patient")) == (3, 2, 1)
    assert job.requests_made == source.asked("metadata") + 3 + 2 + 1


def test_a_token_that_ends_in_mid_crawl_is_refreshed_once(
    source: ScriptedSource, authorization: PatientAuthorization
) -> None:
    def end_the_token(kind: str) -> None:
        if kind == "Observation" and source.asked("Observation") == 2:
            source.accepted = "none"

    source.before = end_the_token
    job = run(authorization)
    assert (job.state, job.gaps, job.resource_counts) == ("COMPLETED", [], WHOLE)
    assert source.asked("token") == 1


def test_a_source_that_ended_the_grant_fails_the_sync_with_the_way_out(
    source: ScriptedSource, authorization: PatientAuthorization
) -> None:
    source.accepted = "none"
    source.refusals = {"token": (400, 100)}
    job = run(authorization)
    assert (job.state, job.error_code) == ("FAILED", "re-authorize")


def test_a_next_link_to_another_server_is_not_followed(
    source: ScriptedSource, authorization: PatientAuthorization
) -> None:
    with ScriptedSource(pages={"Observation": [[resource("Observation", "stolen")]]}) as other:
        source.next_links["Observation", 2] = f"{other.base}/Observation?page=1"
        job = run(authorization)
        assert other.log == []
    assert {gap["type"]: gap["code"] for gap in job.gaps} == {"Observation": "foreign-next-link"}
    assert job.resource_counts == {**WHOLE, "Observation": 4}


@pytest.mark.parametrize("leads_to", [1, 2, 3])
@pytest.mark.timeout(30)
def test_next_links_that_lead_in_a_circle_end_the_type(
    source: ScriptedSource, authorization: PatientAuthorization, leads_to: int
) -> None:
    source.next_links["Observation", 3] = f"{source.base}/Observation?page={leads_to}"
    job = run(authorization)
    assert job.state == "COMPLETED"
    assert {gap["type"]: gap["code"] for gap in job.gaps} == {"Observation": "looping-next-link"}
    assert job.resource_counts["Observation"] >= 4, "the pages before it are kept"
    assert source.asked("Observation") <= 3 + 1


def test_resources_that_cannot_be_read_are_counted_by_kind_and_the_rest_is_kept(
    source: ScriptedSource, authorization: PatientAuthorization
) -> None:
    source.pages["Condition"] = [
        [resource("Condition", ""), {"resourceType": "Condition"}, resource("Condition", "c 1")],
        [resource("Condition", "c2"), {"id": "nothing"}],
    ]
    job = run(authorization)
    assert (job.state, job.resource_counts) == ("COMPLETED", WHOLE)
    assert job.rejected == [
        {"type": "Condition", "code": "malformed", "count": 1},
        {"type": "Condition", "code": "missing-id", "count": 2},
        {"type": "unknown", "code": "missing-type", "count": 1},
    ]


def test_what_is_referred_to_is_fetched_by_id_and_what_that_refers_to(
    source: ScriptedSource, authorization: PatientAuthorization
) -> None:
    source.pages["Condition"] = [[resource("Condition", "c1", recorder={"reference": "Practitioner/p1"})]]
    source.by_id = {
        "Practitioner": {"p1": resource("Practitioner", "p1", extension=[
            {"url": "https://x.example", "valueReference": {"reference": "Organization/g1"}},
            {"url": "https://x.example", "valueReference": {"reference": "Organization/gone"}},
        ])},
        "Organization": {"g1": resource("Organization", "g1")},
    }  # fmt: skip
    job = run(authorization)
    assert job.resource_counts == {**WHOLE, "Practitioner": 1, "Organization": 1}
    assert (job.gaps, job.missing_references) == ([], 1)
    line = bytes(StoredResource.objects.get(type="Practitioner").line)
    there = [each["valueReference"]["reference"] for each in json.loads(line)["extension"]]
    assert there[0] == f"Organization/{StoredResource.objects.get(type='Organization').fhir_id}"
    assert there[1] == f"{source.base}/Organization/gone"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"resourceType":"Bundle","entry":[]}', "not-a-patient"),
        (b"{}", "not-a-patient"),
        (b'{"resourceType":"Patient","id":"somebody-else"}', "another-patient"),
    ],
)
def test_an_answer_that_is_not_this_patient_is_a_gap_and_never_kept(
    authorization: PatientAuthorization, monkeypatch: pytest.MonkeyPatch, body: bytes, code: str
) -> None:
    get = Source._get

    def other(self: Source, url: str) -> Response:
        found = get(self, url)
        return replace(found, body=body) if url.endswith("/Patient/me") else found

    monkeypatch.setattr(Source, "_get", other)
    job = run(authorization)
    assert job.state == "COMPLETED"
    assert [(gap["type"], gap["code"]) for gap in job.gaps] == [("Patient", code)]
    assert "Patient" not in job.resource_counts
