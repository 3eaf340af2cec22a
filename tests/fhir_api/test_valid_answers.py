"""What we send, judged by an R4 model of other people: bundles, outcomes, the statement of capabilities."""

from __future__ import annotations

import json
from typing import Any

import fhirkit
import pytest
from pytest_django.fixtures import Settings

from apps.authorizations.models import PatientAuthorization
from tests.flows import world

from .test_reading import Reader

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def reader(payer_url: str, settings: Settings) -> Reader:
    settings.FHIR_PER_MINUTE = 10_000
    authorization = world.link_member(world.make_team(), "patient1@flexpa.com", payer_url=payer_url)
    assert world.sync(authorization).state == "COMPLETED"
    return Reader(authorization)


def faults(resource: Any) -> set[str]:
    return {str(each) for each in fhirkit.validate(json.dumps(resource).encode())}


ANSWERS = [
    ("metadata", 200),
    ("Patient/$PATIENT_ID", 200),
    ("Patient/$PATIENT_ID/$everything", 200),
    ("Patient/$PATIENT_ID/$everything?_count=5&_offset=5", 200),
    ("ExplanationOfBenefit?_include=ExplanationOfBenefit:provider&_total=accurate&_count=3&_offset=3", 200),
    ("Patient?_revinclude=Coverage:patient&_summary=true", 200),
    ("Coverage?_elements=status&colour=red", 200),
    ("Coverage?_summary=count", 200),
    ("Coverage?_id=nobody", 200),
    ("Coverage?_sort=colour", 400),
    ("Coverage?status:above=active", 400),
    ("Coverage/nothing", 404),
    ("Nonsense", 404),
    ("Patient/$PATIENT_ID/$fly", 404),
    ("Patient/$PATIENT_ID/$expunge", 405),
]


def test_every_answer_is_valid_r4(reader: Reader) -> None:
    found = {path: reader.get(path) for path, _ in ANSWERS}
    assert {path: status for path, (status, _) in found.items()} == dict(ANSWERS)
    assert {path: faults(answer) for path, (_, answer) in found.items() if faults(answer)} == {}


def test_refusals_before_during_and_after_are_valid_r4(payer_url: str, settings: Settings) -> None:
    authorization: PatientAuthorization = world.link_member(
        world.make_team(), "patient1@flexpa.com", payer_url=payer_url
    )
    reader = Reader(authorization)
    syncing = reader.get("Coverage")
    world.sync(authorization)
    expunged = reader.client.post("/fhir/Patient/$PATIENT_ID/$expunge", headers=reader.headers)
    gone = reader.get("Coverage")
    settings.FHIR_PER_MINUTE = 1
    throttled = reader.get("Coverage")
    reader.headers = {}
    stranger = reader.get("Coverage")
    answers = [syncing, (expunged.status_code, expunged.json()), gone, throttled, stranger]
    assert [status for status, _ in answers] == [429, 202, 404, 429, 401]
    assert [faults(answer) for _, answer in answers] == [set()] * 5


def test_the_judge_finds_faults_in_frame_and_resources(reader: Reader) -> None:
    """It does not know code lists: those are looked at in the tests of what writes them."""
    _, bundle = reader.get("Coverage")
    assert faults({name: value for name, value in bundle.items() if name != "type"})
    assert faults({**bundle, "colour": "red"})
    assert faults({**bundle, "link": [{"url": "http://a"}]})
    bundle["entry"][0]["resource"]["status"] = ["active"]
    assert faults(bundle)
