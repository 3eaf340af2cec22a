"""Every list and every object: what it shows, and to whom it does not exist."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from apps.audit.models import AuditEvent

from .conftest import Scope, World

LISTS = ["keys", "endpoints", "destinations", "deliveries", "authorizations", "sync-jobs", "audit-events"]
DESTINATION_FIELDS = {
    *("id", "name", "kind", "mode", "enabled", "paused_reason", "bucket", "region", "role_arn"),
    *("path_template", "kms_key_arn", "expected_bucket_owner"),
}
DELIVERY_FIELDS = {
    *("id", "destination_id", "sync_job_id", "patient_authorization_id", "consent_id", "external_id"),
    *("kind", "state", "object_key", "bytes", "resources", "sha256", "resource_counts", "attempts"),
    *("next_attempt_at", "created_at", "delivered_at"),
}


def objects_of(scope: Scope) -> dict[str, Any]:
    event = AuditEvent.objects.filter(application_id=str(scope.application.pk), mode=scope.mode.value).first()
    assert event is not None
    return {
        "keys": scope.key.pk,
        "endpoints": scope.endpoint.pk,
        "destinations": scope.destination.pk,
        "deliveries": scope.delivery.pk,
        "authorizations": scope.authorization.pk,
        "sync-jobs": scope.sync_job.pk,
        "audit-events": event.pk,
    }


@pytest.mark.parametrize("name", LISTS)
def test_each_list_has_the_scopes_own_objects_only(world: World, name: str) -> None:
    own = str(objects_of(world.care)[name])
    foreign = {str(objects_of(scope)[name]) for scope in (world.care_live, world.other)}
    if name == "endpoints":
        foreign = {str(world.care_live.endpoint.pk)}  # the directory is shared by all applications of a mode
    listed = {str(row["id"]) for row in world.care.api().get(name).json()["data"]}
    assert own in listed
    assert not listed & foreign


@pytest.mark.parametrize("name", LISTS)
def test_each_object_answers_its_own_key_and_is_404_for_every_other(world: World, name: str) -> None:
    identifier = objects_of(world.care)[name]
    path = f"{name}/{identifier}"
    assert str(world.care.api().get(path).json()["id"]) == str(identifier)
    assert world.care.api(world.care.secret).get(path).status_code == 200
    assert world.care_live.api().get(path).status_code == 404
    expected = 200 if name == "endpoints" else 404
    assert world.other.api().get(path).status_code == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "destinations/{destinations}"),
        ("DELETE", "destinations/{destinations}"),
        ("POST", "destinations/{destinations}/test"),
        ("POST", "destinations/{destinations}/enable"),
        ("POST", "destinations/{destinations}/disable"),
        ("POST", "destinations/{destinations}/rotate-external-id"),
        ("GET", "destinations/{destinations}/backfill"),
        ("POST", "destinations/{destinations}/backfill"),
        ("GET", "destinations/{destinations}/policies"),
        ("GET", "deliveries/{deliveries}/attempts"),
        ("POST", "deliveries/{deliveries}/retry"),
        ("POST", "deliveries/{deliveries}/replay"),
        ("POST", "keys/{keys}/roll"),
        ("POST", "keys/{keys}/end"),
        ("POST", "authorizations/{authorizations}/sync"),
        ("POST", "authorizations/{authorizations}/revoke"),
    ],
)
def test_verbs_on_another_scopes_objects_are_404(world: World, method: str, path: str) -> None:
    path = path.format(**objects_of(world.care))
    for stranger in (world.care_live, world.other):
        answer = stranger.api().send(method, path, {} if method == "PATCH" else None)
        assert answer.status_code == 404, path
        assert answer.json()["detail"] == "There is no such object here."


def test_replay_of_a_list_with_one_foreign_delivery_does_nothing(world: World) -> None:
    ids = [str(world.care.delivery.pk), str(world.other.delivery.pk)]
    assert world.care.api().post("deliveries/replay", {"delivery_ids": ids}).status_code == 404
    assert world.care.destination.deliveries.count() == 1


def test_an_id_that_is_no_uuid_is_404(world: World) -> None:
    assert world.care.api().get("destinations/42").status_code == 404
    assert world.care.api().get(f"deliveries/{uuid.uuid4()}").status_code == 404


def test_a_destination_has_the_fields_of_the_contract(world: World) -> None:
    body = world.care.api().get(f"destinations/{world.care.destination.pk}").json()
    assert set(body) >= DESTINATION_FIELDS
    assert body["path_template"].startswith("flexpa/{externalId}/{consentId}/")
    assert (body["enabled"], body["state"], body["mode"], body["kind"]) == (False, "UNTESTED", "test", "s3")


def test_a_delivery_has_the_fields_of_the_contract(world: World) -> None:
    body = world.care.api().get(f"deliveries/{world.care.delivery.pk}").json()
    assert set(body) >= DELIVERY_FIELDS
    assert body["next_attempt_at"] is None
    assert body["consent_id"] == str(world.care.authorization.consent_id)
    assert body["resource_counts"] == {"Patient": 1}


def test_attempts_are_listed_in_order_without_our_worker_names(world: World) -> None:
    body = world.care.api().get(f"deliveries/{world.care.delivery.pk}/attempts").json()
    assert [row["number"] for row in body["data"]] == [1]
    assert "worker" not in body["data"][0]


def test_an_authorization_comes_with_its_timeline_and_without_the_source_patient(world: World) -> None:
    answer = world.care.api().get(f"authorizations/{world.care.authorization.pk}")
    assert [event["state"] for event in answer.json()["events"]] == ["CREATED", "AUTHORIZING", "AUTHORIZED"]
    assert world.care.authorization.source_patient_id not in answer.content.decode()


def test_a_sync_job_names_gaps_and_what_the_source_said(world: World) -> None:
    world.care.sync_job.source_outcome = '{"resourceType": "OperationOutcome"}'
    world.care.sync_job.save()
    body = world.care.api().get(f"sync-jobs/{world.care.sync_job.pk}").json()
    assert body["gaps"][0]["type"] == "Claim"
    assert body["source_outcome"] == {"resourceType": "OperationOutcome"}


@pytest.mark.parametrize(
    ("name", "query", "count"),
    [
        ("deliveries", {"state": "DELIVERED"}, 1),
        ("deliveries", {"state": ["FAILED", "HELD"]}, 0),
        ("deliveries", {"destination_id": "{destination}"}, 1),
        ("deliveries", {"authorization_id": "{authorization}"}, 1),
        ("deliveries", {"consent_id": "{consent}"}, 1),
        ("deliveries", {"consent_id": "{destination}"}, 0),
        ("deliveries", {"external_id": "{patient}"}, 1),
        ("deliveries", {"kind": "replay"}, 0),
        ("deliveries", {"created_after": "2020-01-01T00:00:00Z"}, 1),
        ("deliveries", {"created_before": "2020-01-01T00:00:00Z"}, 0),
        ("deliveries", {"delivered_after": "2026-11-21T12:00:00Z"}, 1),
        ("authorizations", {"state": "EXCHANGED", "external_id": "{patient}"}, 1),
        ("authorizations", {"usage": "ONE_TIME"}, 0),
        ("authorizations", {"consent_id": "{consent}"}, 1),
        ("sync-jobs", {"authorization_id": "{authorization}", "cause": "first"}, 1),
        ("sync-jobs", {"state": "FAILED"}, 0),
        ("destinations", {"state": "UNTESTED", "kind": "s3"}, 1),
        ("keys", {"kind": "management"}, 1),
        ("audit-events", {"action": "destination.created"}, 1),
        ("audit-events", {"created_before": "2020-01-01T00:00:00Z"}, 0),
        ("endpoints", {"name": "PAYER-CARE"}, 1),
    ],
)
def test_filters_narrow_a_list(world: World, name: str, query: dict[str, Any], count: int) -> None:
    values = {
        "{destination}": str(world.care.destination.pk),
        "{authorization}": str(world.care.authorization.pk),
        "{consent}": str(world.care.authorization.consent_id),
        "{patient}": world.care.delivery.external_id,
    }
    query = {key: values.get(value, value) if isinstance(value, str) else value for key, value in query.items()}
    assert len(world.care.api().get(name, query).json()["data"]) == count
