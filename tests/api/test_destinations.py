"""Destinations by API: the external ID in one answer, tests, switches, policies."""

from __future__ import annotations

import json

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from apps.destinations.models import Delivery, Destination
from tests.factories import make_delivery

from .conftest import ROLE_ARN, Json, World

FIELDS = {"name": "New", "bucket": "clinic-new", "region": "us-east-1", "role_arn": ROLE_ARN}


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """An AWS that nobody answers for: the probe runs for real and fails at its first call."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111111111111")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")


def pass_test(destination: Destination) -> None:
    Destination.objects.filter(pk=destination.pk).update(
        state="READY", tested_version=F("config_version"), test_passed_at=timezone.now()
    )


def errors_of(answer: Json) -> dict[str, str]:
    assert answer.status_code == 400
    return {error["field"]: error["message"] for error in answer.json()["errors"]}


def test_the_external_id_is_in_the_201_and_in_no_other_answer(world: World, no_aws: None) -> None:
    api = world.care.api()
    created = api.post("destinations", FIELDS, key="first")
    assert created.status_code == 201
    external_id, identifier = created.json()["external_id"], created.json()["id"]
    path = f"destinations/{identifier}"
    answers = [
        api.post("destinations", FIELDS, key="first"),
        api.get("destinations"),
        api.get(path),
        api.send("PATCH", path, {"prefix": "other/"}),
        api.get(f"{path}/policies"),
        api.post(f"{path}/test"),
        api.post(f"{path}/enable"),
        api.post(f"{path}/backfill"),
        api.get("deliveries"),
        api.get("audit-events"),
        Client().get("/api/v1/schema"),
    ]
    for answer in answers:
        assert external_id not in answer.content.decode()
    assert "<your external ID>" in json.loads(answers[4].content)["trust_policy"]


def test_a_rotated_external_id_is_shown_once_and_unties_the_test(world: World) -> None:
    destination, api = world.care.destination, world.care.api()
    pass_test(destination)
    answer = api.post(f"destinations/{destination.pk}/rotate-external-id", key="rotate")
    assert answer.status_code == 201
    assert answer.json()["external_id"] != world.care.external_id
    repeat = api.post(f"destinations/{destination.pk}/rotate-external-id", key="rotate")
    assert repeat.status_code == 200
    assert repeat.json() == {"id": str(destination.pk), "secret_already_shown": True}
    assert api.get(f"destinations/{destination.pk}").json()["state"] == "UNTESTED"


def test_a_test_against_no_aws_fails_with_steps_of_the_contract(world: World, no_aws: None) -> None:
    answer = world.care.api().post(f"destinations/{world.care.destination.pk}/test")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"passed", "ran_at", "steps"}
    assert body["passed"] is False
    wanted = {"name", "result", "code", "message", "advice", "snippet", "where", "also", "fix", "owner"}
    wanted |= {"request_id", "milliseconds"}
    assert all(set(step) == wanted for step in body["steps"])
    assert {step["result"] for step in body["steps"]} >= {"fail", "not_run"}


def test_enabling_needs_a_passed_test(world: World) -> None:
    answer = world.care.api().post(f"destinations/{world.care.destination.pk}/enable")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_tested")


def test_a_tested_destination_is_enabled_and_disabled(world: World) -> None:
    destination, api = world.care.destination, world.care.api()
    pass_test(destination)
    enabled = api.post(f"destinations/{destination.pk}/enable").json()
    assert (enabled["state"], enabled["enabled"]) == ("ENABLED", True)
    disabled = api.post(f"destinations/{destination.pk}/disable").json()
    assert (disabled["state"], disabled["enabled"]) == ("READY", False)
    assert api.post(f"destinations/{destination.pk}/disable").json()["code"] == "illegal_transition"


def test_a_change_of_the_bucket_unties_the_test_and_of_the_name_does_not(world: World) -> None:
    destination, api = world.care.destination, world.care.api()
    pass_test(destination)
    path = f"destinations/{destination.pk}"
    assert api.send("PATCH", path, {"name": "Ocean"}).json()["state"] == "READY"
    changed = api.send("PATCH", path, {"bucket": "clinic-ocean"}).json()
    assert (changed["state"], changed["name"], changed["bucket"]) == ("UNTESTED", "Ocean", "clinic-ocean")


def test_a_deleted_destination_is_gone_from_the_api_and_its_deliveries_stay(world: World) -> None:
    destination, api = world.care.destination, world.care.api()
    answer = api.send("DELETE", f"destinations/{destination.pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.get(f"destinations/{destination.pk}").status_code == 404
    assert api.get("destinations").json()["data"] == []
    assert len(api.get("deliveries", {"destination_id": str(destination.pk)}).json()["data"]) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Lake"}, "name"),
        ({"bucket": "Not A Bucket"}, "bucket"),
        ({"bucket": "a\x00b"}, "bucket"),
        ({"region": "mars-1"}, "region"),
        ({"role_arn": "arn:aws:iam::222222222222:user/me"}, "role_arn"),
        ({"prefix": "/start"}, "prefix"),
        ({"kms_key_arn": "alias/key"}, "kms_key_arn"),
        ({"expected_bucket_owner": "12"}, "expected_bucket_owner"),
        ({"external_id": "mine"}, "external_id"),
        ({"state": "ENABLED"}, "state"),
        ({"kind": "ftp"}, "kind"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_made(world: World, change: dict[str, str], field: str) -> None:
    assert set(errors_of(world.care.api().post("destinations", {**FIELDS, **change}))) == {field}
    assert world.care.application.destinations.filter(mode="test").count() == 1


@pytest.mark.parametrize("missing", sorted(FIELDS))
def test_a_missing_field_is_named(world: World, missing: str) -> None:
    body = {name: value for name, value in FIELDS.items() if name != missing}
    assert set(errors_of(world.care.api().post("destinations", body))) == {missing}


def test_a_backfill_says_first_how_many_deliveries_are_missing_and_begins_once(world: World) -> None:
    api, care = world.care.api(), world.care
    path = f"destinations/{care.destination.pk}/backfill"
    assert api.get(path).json() == {"deliveries": 0, "running": None}
    nothing = api.post(path)
    assert (nothing.status_code, nothing.json()["state"], nothing.json()["deliveries_made"]) == (202, "COMPLETED", 0)
    Delivery.objects.filter(destination=care.destination).delete()
    missed = make_delivery(care.destination, care.sync_job, state="SKIPPED")
    type(care.authorization).objects.filter(pk=care.authorization.pk).update(current_sync_job_id=missed.sync_job_id)
    assert api.get(path).json() == {"deliveries": 1, "running": None}
    begun = api.post(path).json()
    assert (begun["state"], begun["planned_count"], begun["made_count"], begun["ended_at"]) == ("PENDING", 1, 0, None)
    assert api.post(path).json() == begun  # the one that is under way
    assert api.get(path).json() == {"deliveries": 1, "running": begun}


def test_two_destinations_may_not_claim_the_same_object_keys(world: World) -> None:
    assert world.care.api().post("destinations", FIELDS).status_code == 201
    answer = world.care.api().post("destinations", {**FIELDS, "name": "Twin"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "prefix")
    assert world.care.api().post("destinations", {**FIELDS, "name": "Twin", "prefix": "twin/"}).status_code == 201
