"""The FHIR API's samples of the documentation page, run to the letter but for host, tokens and two ids.

Each answer has the fields that are shown; what the page says around them (pages, deletion, errors) is followed too.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.utils import timezone

from apps.records.models import StoredResource
from tests.authorizations.journey import exchange, sign_in
from tests.flows import world
from tests.flows.world import Team

from .answers import differences, run
from .samples import HOST, Sample, read_shown
from .test_seed_samples import SEED, samples

pytestmark = [pytest.mark.shared_data, pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
LOGIN = "patient7@flexpa.com"  # claims, clinical records, and three pages of conditions
TOKEN = "flexpa-link-access-token"
# Ids that the page makes up, and the type of which a resource of the sandbox's patient stands in.
IDS = {"/fhir/Coverage/123": "Coverage", "/fhir/Practitioner/123": "Practitioner"}
NOT_RUN = {
    "/fhir/Practitioner": "the provider directory is issue 8",
    "/fhir/Organization": "the provider directory is issue 8",
}
# What must have the value shown, wherever it is; of everything else the type of value is enough.
SAME = {
    f"*.{name}"
    for name in ("resourceType", "type", "mode", "code", "severity", "relation", "url", "name", "definition", "text")
}
# Fields that are shown and not given, and why.
NOT_GIVEN = {
    "/fhir/Patient/$PATIENT_ID/$expunge": {"extension": "another server's tracing (wire contract, C24)"},
    "/fhir/Practitioner/123": {"name": "the page has a string where R4 has a list of HumanName"},
    "/fhir/Condition": {"link": "the page shows the links of the third page: a test of its own"},
}
STATEMENTS = ("Interaction", "Search Include", "Search Param")


@dataclass(frozen=True)
class Patient:
    """A patient whose records are here, or not yet, and a token that reads them."""

    token: str
    authorization: Any

    def sync(self) -> None:
        world.sync(self.authorization)

    def id_of(self, resource_type: str) -> str:
        rows = StoredResource.objects.filter(
            partition__authorization=self.authorization, type=resource_type, last_seq__isnull=True
        )
        return rows.order_by("fhir_id").values_list("fhir_id", flat=True)[0]

    def get(self, url: str) -> httpx.Response:
        return httpx.get(url, headers={"authorization": f"Bearer {self.token}"}, trust_env=False)


@pytest.fixture
def patient(team: Team, payer_url: str) -> Patient:
    issued = exchange(team, sign_in(team, payer_url, login=LOGIN), now=timezone.now())
    return Patient(issued.access_token, issued.authorization)


def fhir_samples() -> list[Sample]:
    return [each for each in samples() if each.address.startswith("/fhir/") and each.address not in NOT_RUN]


def sample_of(address: str) -> Sample:
    return next(each for each in fhir_samples() if each.address == address)


def substitutions(sample: Sample, patient: Patient) -> dict[str, str]:
    found = {TOKEN: patient.token} if sample.address != "/fhir/metadata" else {}
    kind = IDS.get(sample.address)
    return {**found, f"{kind}/123": f"{kind}/{patient.id_of(kind)}"} if kind else found


def shown_by(sample: Sample, public_url: str, patient: Patient) -> Any:
    """Return the answer of the page, with our host and the id that stands in for the page's."""
    if sample.answer is None:
        return None
    text = json.dumps({name: value for name, value in sample.answer.items() if name not in not_given(sample)})
    kind = IDS.get(sample.address)
    return json.loads(text.replace(HOST, public_url).replace('"123"', f'"{patient.id_of(kind)}"' if kind else '"123"'))


def not_given(sample: Sample) -> dict[str, str]:
    return NOT_GIVEN.get(sample.address, {})


def test_every_fhir_sample_of_the_page_is_run_here_or_named() -> None:
    assert [each.address for each in fhir_samples()] == [
        "/fhir/Coverage/123", "/fhir/ExplanationOfBenefit", "/fhir/Patient/$PATIENT_ID/$everything",
        "/fhir/Patient/$PATIENT_ID/$expunge", "/fhir/metadata", "/fhir/Patient/$PATIENT_ID",
        "/fhir/ExplanationOfBenefit", "/fhir/Condition", "/fhir/Practitioner/123",
    ]  # fmt: skip
    assert {each.address for each in samples()} >= {*NOT_RUN, *NOT_GIVEN, *IDS}
    assert [each.address for each in fhir_samples() if each.answer is None] == ["/fhir/Patient/$PATIENT_ID"]


@pytest.mark.parametrize("sample", fhir_samples(), ids=str)
def test_a_sample_runs_and_answers_with_the_fields_shown(sample: Sample, patient: Patient, public_url: str) -> None:
    patient.sync()
    shown = shown_by(sample, public_url, patient)
    answer = run(sample, public_url, substitutions(sample, patient))
    if shown is None:
        shown = {"resourceType": "Patient", "id": str(patient.authorization.destination_patient_id)}
    same = {*SAME, "*.id"} if sample.address in IDS or "$" in sample.address else SAME
    assert differences(shown, answer, same=same) == []


def test_the_statement_has_what_the_page_shows_of_it(patient: Patient, public_url: str) -> None:
    statement = patient.get(f"{public_url}/fhir/metadata")
    page = SEED.read_text(encoding="utf-8")
    patient.sync()
    for title in STATEMENTS:
        shown = json.loads(json.dumps(read_shown(page, title)).replace(HOST, public_url))
        assert differences(shown, statement.json(), same=SAME) == [], title


def test_the_links_of_the_third_page_are_those_shown(patient: Patient, public_url: str) -> None:
    """The page shows the answer to `_offset=6` below a request for the first page."""
    patient.sync()
    sample = sample_of("/fhir/Condition")
    bundle = run(sample, public_url, substitutions(sample, patient))
    assert [each["relation"] for each in bundle["link"]] == ["self", "first", "next"]
    seen = [entry["resource"]["id"] for entry in bundle["entry"]]
    for _ in range(2):
        (url,) = (each["url"] for each in bundle["link"] if each["relation"] == "next")
        bundle = patient.get(url).json()
        seen += [entry["resource"]["id"] for entry in bundle["entry"]]
    assert len(seen) == len(set(seen)) == 9
    shown = {each["relation"]: each["url"].replace("&_tag=...", "") for each in sample.answer["link"]}
    assert {each["relation"]: each["url"].replace(public_url, HOST) for each in bundle["link"]} == shown


def test_a_total_that_is_asked_for_counts_all_pages(patient: Patient, public_url: str) -> None:
    patient.sync()
    sample = next(each for each in fhir_samples() if "_total=accurate" in each.text)
    bundle = run(sample, public_url, substitutions(sample, patient))
    assert bundle["total"] > len(bundle["entry"]) == 20


def test_after_the_sample_of_expunge_the_others_are_not_found(patient: Patient, public_url: str) -> None:
    patient.sync()
    read, everything = sample_of("/fhir/Patient/$PATIENT_ID"), sample_of("/fhir/Patient/$PATIENT_ID/$everything")
    sample = sample_of("/fhir/Patient/$PATIENT_ID/$expunge")
    outcome = run(sample, public_url, substitutions(sample, patient))
    assert patient.get(outcome["issue"][0]["diagnostics"]).json()["issue"][0]["severity"] == "information"
    for each in (read, everything):
        refusal = run(each, public_url, substitutions(each, patient))
        assert (refusal["resourceType"], refusal["issue"][0]["code"]) == ("OperationOutcome", "not-found")


def test_errors_are_those_that_the_page_lists(patient: Patient, public_url: str) -> None:
    """Not-supported is shown; transient is what every sample of a record gets before the first sync has ended."""
    shown = read_shown(SEED.read_text(encoding="utf-8"), "Error response")
    answer = patient.get(f"{public_url}/fhir/Patient/$PATIENT_ID/$undo")
    assert (answer.status_code, differences(shown, answer.json(), same=SAME)) == (404, [])
    for address in ("/fhir/ExplanationOfBenefit", "/fhir/Patient/$PATIENT_ID", "/fhir/Patient/$PATIENT_ID/$expunge"):
        sample = sample_of(address)
        (issue,) = run(sample, public_url, substitutions(sample, patient))["issue"]
        assert (issue["severity"], issue["code"]) == ("error", "transient"), address
