"""Syncing and revoking by API."""

from __future__ import annotations

from apps.authorizations.models import PatientAuthorization
from apps.syncs.models import SyncJob

from .conftest import World, make_authorization


def test_a_sync_is_accepted_and_a_second_one_joins_it(world: World) -> None:
    path = f"authorizations/{world.care.authorization.pk}/sync"
    answer = world.care.api().post(path)
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["cause"], answer.json()["seq"]) == ("WAITING", "manual", 2)
    assert world.care.api().post(path).json()["id"] == answer.json()["id"]
    assert SyncJob.objects.filter(authorization=world.care.authorization).count() == 2


def test_a_revoked_authorization_is_answered_as_it_is_and_syncs_no_more(world: World) -> None:
    path = f"authorizations/{world.care.authorization.pk}"
    first = world.care.api().post(f"{path}/revoke")
    assert (first.status_code, first.json()["state"]) == (200, "REVOKED")
    assert first.json()["purged_at"] is not None
    assert world.care.api().post(f"{path}/revoke").json() == first.json()
    assert world.care.api().post(f"{path}/sync").status_code == 409


def test_an_unfinished_authorization_has_nothing_to_revoke(world: World) -> None:
    care = world.care
    begun = make_authorization(care.application, care.mode, care.endpoint, state="AUTHORIZING")
    answer = care.api().post(f"authorizations/{begun.pk}/revoke")
    assert answer.status_code == 409
    assert PatientAuthorization.objects.get(pk=begun.pk).state == "AUTHORIZING"
