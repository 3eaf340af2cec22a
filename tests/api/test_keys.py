"""Keys by API: shown once, rolled with an overlap, ended."""

from __future__ import annotations

import pytest

from apps.applications.models import ApiKey, Application

from .conftest import World


def test_a_new_secret_key_is_shown_in_its_201_and_never_again(world: World) -> None:
    api = world.care.api()
    answer = api.post("keys", {"kind": "secret", "note": "for the nightly job"})
    assert answer.status_code == 201
    key = answer.json()
    assert key["value"].startswith("sk_test_")
    assert key["note"] == "for the nightly job"
    assert world.care.api(key["value"]).get("keys").status_code == 200
    for path in ("keys", f"keys/{key['id']}", "audit-events"):
        assert key["value"] not in api.get(path).content.decode()
    assert api.get(f"keys/{key['id']}").json()["value"] is None


def test_a_publishable_key_is_shown_whole_every_time(world: World) -> None:
    rows = world.care.api().get("keys", {"kind": "publishable"}).json()["data"]
    assert world.care.publishable in {row["value"] for row in rows}


def test_a_key_may_not_make_a_management_key(world: World) -> None:
    answer = world.care.api().post("keys", {"kind": "management"})
    assert (answer.status_code, answer.json()["code"]) == (403, "person_needed")


def test_a_rolled_key_works_on_until_its_end_and_names_its_heir(world: World) -> None:
    api, old = world.care.api(), world.care.key
    answer = api.post(f"keys/{old.pk}/roll", {"overlap_seconds": 60})
    assert answer.status_code == 201
    new = answer.json()
    assert world.care.api(new["value"]).get("keys").status_code == 200
    assert api.get(f"keys/{old.pk}").json()["replaced_by_id"] == new["id"]
    assert api.post(f"keys/{old.pk}/roll", {}).status_code == 409


def test_a_key_rolled_without_overlap_ends_at_once(world: World) -> None:
    api = world.care.api()
    new = api.post(f"keys/{world.care.key.pk}/roll", {"overlap_seconds": 0}).json()
    assert api.get("keys").status_code == 401
    assert world.care.api(new["value"]).get("keys").status_code == 200


def test_an_ended_key_stays_listed_and_cannot_be_rolled(world: World) -> None:
    secret = ApiKey.objects.get(application=world.care.application, mode="test", kind="secret")
    api = world.care.api()
    ended = api.post(f"keys/{secret.pk}/end").json()
    assert ended["expires_at"] is not None
    assert api.post(f"keys/{secret.pk}/end").json()["expires_at"] == ended["expires_at"]
    assert world.care.api(world.care.secret).get("keys").status_code == 401
    answer = api.post(f"keys/{secret.pk}/roll", {})
    assert answer.status_code == 409
    assert answer.json()["detail"] == "This key has ended. Create a new one."


def test_live_keys_need_live_access(world: World) -> None:
    Application.objects.filter(pk=world.care.application.pk).update(live_granted_at=None, live_granted_by="")
    answer = world.care_live.api().post("keys", {"kind": "secret"})
    assert (answer.status_code, answer.json()["code"]) == (403, "live_access_missing")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "root"}, "kind"),
        ({"kind": "secret", "scopes": ["keys:write"]}, "scopes"),
        ({"kind": "secret", "note": "n" * 201}, "note"),
    ],
)
def test_a_bad_body_is_400_that_names_the_field(world: World, body: dict[str, object], field: str) -> None:
    answer = world.care.api().post("keys", body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
