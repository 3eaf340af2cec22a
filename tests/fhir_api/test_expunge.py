"""`$expunge`: nothing is left, nothing comes back, and only the token's own patient can be meant."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization, SourceToken
from apps.records.models import Partition
from apps.syncs.services import NotActive, request_sync
from apps.syncs.states import SyncCause
from tests.flows import world

from .test_reading import Reader, code_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authorization(payer_url: str) -> PatientAuthorization:
    return world.link_member(world.make_team(), "patient1@flexpa.com", payer_url=payer_url)


def post(reader: Reader, path: str) -> tuple[int, Any]:
    response = reader.client.post(f"/fhir/{path}", headers=reader.headers)
    return response.status_code, json.loads(response.content)


def rows_of(partition_id: int) -> int:
    total = 0
    for model in apps.get_app_config("records").get_models():
        column = "id" if model is Partition else "partition_id"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} WHERE {column} = %s", [partition_id])
            total += cursor.fetchone()[0]
    return total


@pytest.mark.parametrize("patient", ["$PATIENT_ID", "%24PATIENT_ID"])
def test_records_are_gone_for_good_and_the_job_says_so(authorization: PatientAuthorization, patient: str) -> None:
    world.sync(authorization)
    reader, partition = Reader(authorization), Partition.objects.get(authorization=authorization)
    status, outcome = post(reader, f"Patient/{patient}/$expunge")
    (issue,) = outcome["issue"]
    assert (status, outcome["id"], issue["code"], issue["severity"]) == (
        202,
        "accepted",
        "informational",
        "information",
    )
    assert issue["details"]["text"] == "Accepted"
    status, done = reader.get(issue["diagnostics"].partition("/fhir/")[2])
    assert (status, done["issue"][0]["details"]["text"]) == (200, "Completed")
    assert rows_of(partition.pk) == 0
    assert not SourceToken.objects.filter(authorization=authorization).exists()
    for path in ("Patient/$PATIENT_ID", "Patient/$PATIENT_ID/$everything", "Coverage", "Coverage?_total=accurate"):
        status, refusal = reader.get(path)
        assert (status, code_of(refusal)) == (404, "not-found"), path
    assert post(reader, f"Patient/{patient}/$expunge")[0] == 404


def test_nothing_fetches_them_again(authorization: PatientAuthorization) -> None:
    world.sync(authorization)
    post(Reader(authorization), "Patient/$PATIENT_ID/$expunge")
    with pytest.raises(NotActive):
        request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    authorization.refresh_from_db()
    assert (authorization.next_refresh_at, authorization.state) == (None, "EXCHANGED")


def test_before_the_first_sync_ends_it_is_429(authorization: PatientAuthorization) -> None:
    status, outcome = post(Reader(authorization), "Patient/$PATIENT_ID/$expunge")
    assert (status, code_of(outcome)) == (429, "transient")
    authorization.refresh_from_db()
    assert authorization.purged_at is None


def test_another_patient_is_404_and_stays_whole(authorization: PatientAuthorization, payer_url: str) -> None:
    world.sync(authorization)
    other = world.link_member(world.make_team("zeta"), "HUser00004", payer_url=payer_url)
    world.sync(other)
    before = rows_of(Partition.objects.get(authorization=other).pk)
    reader = Reader(authorization)
    assert post(reader, f"Patient/{other.destination_patient_id}/$expunge")[0] == 404
    assert rows_of(Partition.objects.get(authorization=other).pk) == before
    assert reader.get(f"job/{other.pk}/status")[0] == 404
    assert reader.get("Patient/$PATIENT_ID/$expunge")[0] == 405
