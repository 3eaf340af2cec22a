"""`$everything` and its options: what `_type`, `_since` and pages leave out, and that nothing falls between pages."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.models import AuditEvent
from apps.audit.services import Shown
from apps.authorizations.models import PatientAuthorization
from apps.records.models import StoredResource
from tests.flows import world

from .test_reading import Reader, code_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def synced(payer_url: str, settings: Settings) -> PatientAuthorization:
    settings.FHIR_PER_MINUTE = 10_000
    authorization = world.link_member(world.make_team(), "patient1@flexpa.com", payer_url=payer_url)
    assert world.sync(authorization).state == "COMPLETED"
    return authorization


def names(bundle: dict[str, object]) -> list[str]:
    entries = bundle.get("entry", [])
    assert isinstance(entries, list)
    return [f"{entry['resource']['resourceType']}/{entry['resource']['id']}" for entry in entries]


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_pages_are_the_whole_without_gap_or_overlap(synced: PatientAuthorization, count: int) -> None:
    reader = Reader(synced)
    whole = names(reader.get("Patient/$PATIENT_ID/$everything")[1])
    path, found = f"Patient/$PATIENT_ID/$everything?_count={count}", []
    while path:
        _, bundle = reader.get(path)
        assert bundle["total"] == len(whole)
        found += names(bundle)
        following = [each["url"] for each in bundle["link"] if each["relation"] == "next"]
        path = following[0].partition("/fhir/")[2] if following else ""
    assert found == whole


def test_types_and_the_instant_of_our_change_narrow_it(synced: PatientAuthorization) -> None:
    reader = Reader(synced)
    whole = names(reader.get("Patient/$PATIENT_ID/$everything")[1])
    two = names(reader.get("Patient/$PATIENT_ID/$everything?_type=Coverage,Patient")[1])
    assert two == [each for each in whole if each.partition("/")[0] in ("Coverage", "Patient")]
    changed = StoredResource.objects.filter(type="Coverage").first()
    assert changed is not None
    later = timezone.now() + dt.timedelta(minutes=1)
    StoredResource.objects.filter(pk=changed.pk).update(stored_at=later)
    since = (later - dt.timedelta(seconds=30)).isoformat()  # its + arrives as a space
    assert names(reader.get(f"Patient/$PATIENT_ID/$everything?_since={since}")[1]) == [f"Coverage/{changed.fhir_id}"]


@pytest.mark.parametrize(
    ("query", "named"),
    [("_type=Fly", "_type"), ("_since=soon", "_since"), ("_count=-1", "_count"), ("_offset=3", "_offset"),
     ("_count=1&_count=2", "_count"), ("start=2020", "start")],
)  # fmt: skip
def test_an_option_that_is_not_understood_is_refused_by_name(
    synced: PatientAuthorization, query: str, named: str
) -> None:
    status, outcome = Reader(synced).get(f"Patient/$PATIENT_ID/$everything?{query}")
    assert (status, code_of(outcome)) == (400, "invalid")
    assert named in outcome["issue"][0]["details"]["text"]


def test_links_name_the_public_address_and_not_the_host_that_was_asked(synced: PatientAuthorization) -> None:
    reader = Reader(synced)
    answer = reader.client.get(
        "/fhir/Patient/$PATIENT_ID/$everything?_count=1", headers={**reader.headers, "Host": "localhost"}
    )
    body = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert f'"http://localhost:8000/fhir/Patient/{synced.destination_patient_id}'.encode() in body


@pytest.mark.parametrize("query", ["", "?_type=Coverage,Patient", "?_count=4&_offset=4", "?_type=Goal"])
def test_the_audit_log_has_the_hash_of_exactly_what_was_shown(synced: PatientAuthorization, query: str) -> None:
    shown = names(Reader(synced).get(f"Patient/$PATIENT_ID/$everything{query}")[1])
    detail = AuditEvent.objects.filter(action="record.everything_read").latest("id").detail
    assert detail == {"count": len(shown), "ids_sha256": Shown.of(shown).ids_sha256}
