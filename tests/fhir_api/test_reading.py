"""Reads over FHIR: one consent's records, nobody else's, every refusal an OperationOutcome."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.services import issue_tokens
from apps.fhir.definitions import search_parameters
from apps.fhir.search.conditions import Asking
from apps.fhir.search.request import Search, read_search
from apps.records.selectors import find_view
from apps.syncs.models import SyncJob
from apps.syncs.services import revoke_and_expunge
from tests.flows import world

pytestmark = pytest.mark.django_db(transaction=True)


# A value that each kind of parameter takes.
SAMPLES = {
    "token": "a", "string": "a", "date": "2026", "reference": "Patient/1", "quantity": "1", "number": "1", "uri": "a:b",
}  # fmt: skip


class Reader:
    """A program with one patient's access token."""

    def __init__(self, authorization: PatientAuthorization) -> None:
        issued = issue_tokens(consent=authorization.consent, by=SYSTEM, now=timezone.now())
        self.headers = {"Authorization": f"Bearer {issued.access_token}"}
        self.client = Client(enforce_csrf_checks=True)

    def get(self, path: str) -> tuple[int, Any]:
        response = self.client.get(f"/fhir/{path}", headers=self.headers)
        self.last = response
        body = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        return response.status_code, json.loads(body)


@pytest.fixture
def authorization(payer_url: str) -> PatientAuthorization:
    return world.link_member(world.make_team(), "patient1@flexpa.com", payer_url=payer_url)


@pytest.fixture
def synced(authorization: PatientAuthorization) -> PatientAuthorization:
    assert world.sync(authorization).state == "COMPLETED"
    return authorization


def code_of(outcome: dict[str, Any]) -> str:
    assert outcome["resourceType"] == "OperationOutcome"
    return str(outcome["issue"][0]["code"])


def test_everything_is_what_is_stored_byte_for_byte(synced: PatientAuthorization) -> None:
    status, bundle = Reader(synced).get("Patient/$PATIENT_ID/$everything")
    view = find_view(synced)
    assert view is not None
    assert (status, bundle["type"]) == (200, "searchset")
    assert [entry["resource"] for entry in bundle["entry"]] == [json.loads(line) for _, _, line in view.lines()]
    assert bundle["entry"][0]["fullUrl"].endswith(f"/fhir/Patient/{synced.destination_patient_id}")


@pytest.mark.parametrize("patient", ["$PATIENT_ID", "%24PATIENT_ID"])
def test_the_wildcard_reads_the_tokens_patient(synced: PatientAuthorization, patient: str) -> None:
    status, resource = Reader(synced).get(f"Patient/{patient}")
    assert (status, resource["id"]) == (200, str(synced.destination_patient_id))


def test_another_consents_resources_are_not_found_not_even_their_existence(
    synced: PatientAuthorization, payer_url: str
) -> None:
    other = world.link_member(world.make_team("zeta"), "HUser00004", payer_url=payer_url)
    world.sync(other)
    view = find_view(other)
    assert view is not None
    reader = Reader(synced)
    for resource_type, fhir_id, _ in view.lines():
        status, outcome = reader.get(f"{resource_type}/{fhir_id}")
        assert (status, code_of(outcome)) == (404, "not-found")
    assert reader.get(f"Patient/{other.destination_patient_id}/$everything")[0] == 404


def test_the_same_person_in_two_applications_has_two_ids(synced: PatientAuthorization, payer_url: str) -> None:
    other = world.link_member(world.make_team("zeta"), "patient1@flexpa.com", payer_url=payer_url)
    assert other.source_patient_id == synced.source_patient_id
    assert other.destination_patient_id != synced.destination_patient_id


def test_before_the_first_sync_ends_it_is_429_transient_with_whole_seconds(
    authorization: PatientAuthorization,
) -> None:
    reader = Reader(authorization)
    status, outcome = reader.get("Patient/$PATIENT_ID")
    assert (status, code_of(outcome)) == (429, "transient")
    assert reader.last["Retry-After"] == reader.last["X-Retry-After"] == "3"


def test_after_a_failed_first_sync_it_is_422_with_the_sources_outcome_or_ours(
    authorization: PatientAuthorization, settings: Settings
) -> None:
    settings.SYNC_ATTEMPTS = 1
    authorization.endpoint.fhir_base += "/nowhere"
    authorization.endpoint.save()
    job = world.sync(authorization)
    assert job.state == "FAILED"
    theirs = {"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "expired"}]}
    for kept, shown in (
        (json.dumps(theirs), "expired"),
        (json.dumps(theirs)[:-1], "processing"),
        ("{}", "processing"),
        ("", "processing"),
    ):
        SyncJob.objects.filter(pk=job.pk).update(source_outcome=kept)
        status, outcome = Reader(authorization).get("Patient?_id=1")
        assert (status, code_of(outcome)) == (422, shown)


@pytest.mark.parametrize(
    ("path", "code"),
    [("Nonsense/1", "not-supported"), ("Patient/1", "not-found"), ("Nonsense", "not-supported"),
     ("Patient/$PATIENT_ID/$fly", "not-supported"), ("", "not-supported")],
)  # fmt: skip
def test_what_is_not_there_or_not_built_is_404_and_says_which(
    synced: PatientAuthorization, path: str, code: str
) -> None:
    status, outcome = Reader(synced).get(path)
    assert (status, code_of(outcome)) == (404, code)


def test_without_a_running_token_it_is_401(synced: PatientAuthorization) -> None:
    reader = Reader(synced)
    revoke_and_expunge(authorization=synced, by=SYSTEM, now=timezone.now())
    assert (reader.get("Patient/$PATIENT_ID")[0], reader.last["WWW-Authenticate"]) == (401, "Bearer")
    reader.headers = {}
    assert reader.get("Patient/$PATIENT_ID")[0] == 401


def test_a_write_is_refused(synced: PatientAuthorization) -> None:
    reader = Reader(synced)
    response = reader.client.put("/fhir/Patient/1", b"{}", content_type="application/json", headers=reader.headers)
    assert response.status_code == 405


def test_each_reading_makes_one_event_and_answers_are_private(synced: PatientAuthorization) -> None:
    reader = Reader(synced)
    before = AuditEvent.objects.filter(action__startswith="record.").count()
    reader.get("Patient/$PATIENT_ID/$everything")
    assert reader.last["Cache-Control"] == "private, no-store"
    events = AuditEvent.objects.filter(action__startswith="record.")
    assert events.count() == before + 1
    assert events.latest("id").detail["count"] == sum(find_view(synced).counts().values())  # type: ignore[union-attr]


def test_metadata_needs_no_token_and_names_only_what_is_built(client: Client) -> None:
    statement = client.get("/fhir/metadata").json()
    assert statement["resourceType"] == "CapabilityStatement"
    (rest,) = statement["rest"]
    for resource in rest["resource"]:
        kind = resource["type"]
        assert {each["code"] for each in resource["interaction"]} == {"read", "search-type"}
        for parameter in resource["searchParam"]:
            assert len(ask(kind, parameter["name"], sample_of(kind, parameter)).criteria) == 1
        for name, texts in (("_include", "searchInclude"), ("_revinclude", "searchRevInclude")):
            assert all(len(ask(kind, name, text).includes) == 1 for text in resource.get(texts, ()))


def ask(resource_type: str, name: str, value: str) -> Search:
    asking = Asking(now=0, base_url="http://testserver/fhir")
    return read_search(resource_type, [(name, value)], asking=asking, patient_id="p", is_strict=True)


def sample_of(resource_type: str, parameter: dict[str, str]) -> str:
    if parameter["type"] != "composite":
        return "Patient/1" if parameter["name"] == "_compartment" else SAMPLES[parameter["type"]]
    return "$".join(SAMPLES[each.kind] for each in search_parameters(resource_type)[parameter["name"]].components)


def test_a_version_that_the_client_has_is_304_without_a_body(synced: PatientAuthorization) -> None:
    reader = Reader(synced)
    reader.get("Patient/$PATIENT_ID")
    etag, changed = reader.last["ETag"], reader.last["Last-Modified"]
    for asked in ({"If-None-Match": etag}, {"If-None-Match": f'W/"0", {etag}'}, {"If-Modified-Since": changed}):
        answer = reader.client.get("/fhir/Patient/$PATIENT_ID", headers={**reader.headers, **asked})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    answer = reader.client.get("/fhir/Patient/$PATIENT_ID", headers={**reader.headers, "If-None-Match": 'W/"0"'})
    assert answer.status_code == 200


def test_metadata_refuses_a_token_that_does_not_run(client: Client) -> None:
    assert client.get("/fhir/metadata", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_the_limit_of_a_minute_belongs_to_the_token_and_says_when_to_come_back(
    synced: PatientAuthorization, settings: Settings
) -> None:
    settings.FHIR_PER_MINUTE = 2
    reader, other = Reader(synced), Reader(synced)
    statuses = [reader.get("Patient/$PATIENT_ID")[0] for _ in range(2)]
    assert (statuses, reader.last["X-RateLimit-Remaining"]) == ([200, 200], "0")
    status, outcome = reader.get("Patient/$PATIENT_ID")
    assert (status, code_of(outcome)) == (429, "throttled")
    assert 1 <= int(reader.last["Retry-After"]) <= 60
    assert not reader.last.has_header("X-Retry-After")
    assert other.get("Patient/$PATIENT_ID")[0] == 200
