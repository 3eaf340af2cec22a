"""The same resources below `/w/…/api/v1/`, with the portal's session and a role instead of a key."""

from __future__ import annotations

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.workspaces.models import Role

from .conftest import Api, World

BUCKET = {
    "name": "New",
    "bucket": "clinic-new",
    "region": "us-east-1",
    "role_arn": "arn:aws:iam::222222222222:role/r",
}


@pytest.mark.parametrize("role", list(Role))
def test_every_member_reads_this_application_and_mode_only(world: World, role: Role) -> None:
    rows = world.care.session(world.people[role]).get("destinations").json()["data"]
    assert [row["id"] for row in rows] == [str(world.care.destination.pk)]
    live = world.care_live.session(world.people[role])
    assert [row["id"] for row in live.get("destinations").json()["data"]] == [str(world.care_live.destination.pk)]
    assert live.get(f"destinations/{world.care.destination.pk}").status_code == 404


@pytest.mark.parametrize("mode", ["test", "live"])
@pytest.mark.parametrize("role", list(Role))
def test_a_write_is_for_those_whom_the_portal_lets_write(world: World, role: Role, mode: str) -> None:
    scope = world.care if mode == "test" else world.care_live
    answer = scope.session(world.people[role]).post("destinations", BUCKET)
    if role in (Role.OWNER, Role.ADMIN) or (role, mode) == (Role.DEVELOPER, "test"):
        assert answer.status_code == 201
        event = AuditEvent.objects.filter(action="destination.created").latest("id")
        assert (event.actor_kind, event.actor_id) == ("person", str(world.people[role].pk))
    else:
        assert answer.status_code == 403
        detail = answer.json()["detail"]
        assert f"needs the scope destinations:write. The role {role} has: records:read." in detail
        assert detail.endswith("Ask an owner or admin of the workspace.")


def test_a_stranger_sees_404_as_for_an_application_that_is_not_there(world: World) -> None:
    assert world.care.session(world.stranger).get("destinations").status_code == 404
    client = Client()
    client.force_login(world.stranger)
    assert client.get("/w/acme/a/nothing/test/api/v1/destinations").status_code == 404


def test_nobody_signed_in_is_401(world: World) -> None:
    answer = Api(Client(), world.care.session(world.stranger).base, {}).get("destinations")
    assert answer.status_code == 401
    assert answer.json()["detail"].startswith("Nobody is signed in.")


def test_a_write_without_csrf_token_is_403_and_with_it_works(world: World) -> None:
    api = world.care.session(world.people[Role.OWNER], checks_csrf=True)
    answer = api.post("destinations", BUCKET)
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"
    token = "a" * 32
    api.client.cookies["csrftoken"] = token
    api.headers = {"X-CSRFToken": token}
    assert api.post("destinations", BUCKET).status_code == 201


def test_the_bare_mount_takes_no_session(world: World) -> None:
    client = Client()
    client.force_login(world.people[Role.OWNER])
    assert client.get("/api/v1/destinations").status_code == 401


@pytest.mark.parametrize("mode", ["test", "live"])
def test_the_scoped_mount_without_a_scope_is_404_for_keys_and_sessions(world: World, mode: str) -> None:
    client = Client()
    client.force_login(world.people[Role.OWNER])
    assert client.get(f"/{mode}/api/v1/destinations").status_code == 404
    assert Api(Client(), f"/{mode}/api/v1/", world.care.api().headers).get("destinations").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "keys", {"kind": "secret"}),
        ("POST", "keys/{key}/roll", {}),
        ("POST", "destinations", BUCKET),
        ("POST", "destinations/{destination}/rotate-external-id", None),
        ("DELETE", "destinations/{destination}", None),
    ],
)
def test_a_person_who_signed_in_long_ago_must_confirm_first(world: World, method: str, path: str, body: object) -> None:
    path = path.format(key=world.care.key.pk, destination=world.care.destination.pk)
    owner = world.people[Role.OWNER]
    answer = world.care.session(owner, fresh=False).send(method, path, body)
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_needed")
    assert world.care.session(owner).send(method, path, body).status_code in (201, 204)


def test_a_person_who_just_signed_in_makes_a_management_key(world: World) -> None:
    answer = world.care.session(world.people[Role.OWNER]).post("keys", {"kind": "management"})
    assert answer.status_code == 201
    assert answer.json()["value"].startswith("mk_test_")
