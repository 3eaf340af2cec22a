"""`/members` and `/invitations`: read by keys, changed by persons only, by the rules of the team's pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.mails.models import Mail
from apps.workspaces.models import Invitation, Membership, Role
from apps.workspaces.services import invite_member

from .conftest import Api, World

NEW = {"email": "new@example.org", "role": "developer"}


@pytest.fixture
def invitation(world: World) -> Invitation:
    now = timezone.now()
    return invite_member(workspace=world.workspace, email="in@example.org", role=Role.VIEWER, by=SYSTEM, now=now)


def member(world: World, role: Role) -> Membership:
    return world.workspace.memberships.get(user=world.people[role])


def session(world: World, role: Role = Role.OWNER, *, fresh: bool = True) -> Api:
    return world.care.session(world.people[role], fresh=fresh)


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def writes(world: World, invitation: Invitation) -> list[tuple[str, str, object]]:
    viewer = member(world, Role.VIEWER).pk
    return [
        ("PATCH", f"members/{viewer}", {"role": "admin"}),
        ("DELETE", f"members/{viewer}", None),
        ("POST", "invitations", NEW),
        ("POST", f"invitations/{invitation.pk}/resend", None),
        ("POST", f"invitations/{invitation.pk}/withdraw", None),
    ]


def untouched(world: World) -> bool:
    return (
        member(world, Role.VIEWER).role == "viewer"
        and Invitation.objects.count() == 1
        and Invitation.objects.get().withdrawn_at is None
        and not AuditEvent.objects.filter(action__startswith="membership.role").exists()
    )


# -- reading ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["management key", "secret key", "viewer"])
def test_team_is_read_by_keys_and_members(who: str, world: World, invitation: Invitation) -> None:
    api = (
        session(world, Role.VIEWER)
        if who == "viewer"
        else world.care.api(world.care.secret if who == "secret key" else None)
    )
    people = api.get("members").json()["data"]
    assert {each["email"]: each["role"] for each in people} == {f"{role}@example.org": role.value for role in Role}
    assert [each["has_second_factor"] for each in people] == [False] * 4
    (waiting,) = api.get("invitations").json()["data"]
    assert (waiting["id"], waiting["email"], waiting["is_open"]) == (str(invitation.pk), "in@example.org", True)
    assert api.get(f"invitations/{invitation.pk}").json() == waiting
    assert api.get(f"members/{people[0]['id']}").json() == people[0]


def test_team_of_another_workspace_is_not_there(world: World, invitation: Invitation) -> None:
    other, mine = world.other.api(), member(world, Role.OWNER)
    assert [each["email"] for each in other.get("members").json()["data"]] == ["stranger@example.org"]
    assert other.get("invitations").json()["data"] == []
    stranger = world.other.session(world.stranger)
    for method, path in (("GET", f"members/{mine.pk}"), ("GET", f"invitations/{invitation.pk}"),
                         ("PATCH", f"members/{mine.pk}"), ("DELETE", f"members/{mine.pk}"),
                         ("POST", f"invitations/{invitation.pk}/withdraw")):  # fmt: skip
        assert stranger.send(method, path).status_code == 404, path


# -- who may change it ------------------------------------------------------------------------------------
def test_no_key_changes_the_team(world: World, invitation: Invitation) -> None:
    for key in (world.care.management, world.care.secret, world.care_live.management):
        for method, path, body in writes(world, invitation):
            assert refused(world.care.api(key).send(method, path, body)) == (403, "person_needed"), path
    assert untouched(world)


@pytest.mark.parametrize("role", [Role.DEVELOPER, Role.VIEWER])
def test_no_developer_and_no_viewer_changes_the_team(role: Role, world: World, invitation: Invitation) -> None:
    for method, path, body in writes(world, invitation):
        assert refused(session(world, role).send(method, path, body)) == (403, "missing_scope"), path
    assert untouched(world)


def test_change_asks_for_a_sign_in_of_the_last_minutes(world: World, invitation: Invitation) -> None:
    for method, path, body in writes(world, invitation):
        answer = session(world, fresh=False).send(method, path, body)
        assert refused(answer) == (403, "reauthentication_needed"), path
    assert untouched(world)


def test_change_from_another_site_is_refused(world: World, invitation: Invitation) -> None:
    api = world.care.session(world.people[Role.OWNER], checks_csrf=True)
    for method, path, body in writes(world, invitation):
        assert api.send(method, path, body).status_code == 403, path
    assert untouched(world)


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "viewer"}), ("DELETE", None)])
def test_admin_changes_no_owner(method: str, body: object, world: World) -> None:
    path = f"members/{member(world, Role.OWNER).pk}"
    assert refused(session(world, Role.ADMIN).send(method, path, body)) == (403, "owner_needed")
    assert member(world, Role.OWNER).role == "owner"


def test_admin_makes_no_owner_and_invites_none(world: World, invitation: Invitation) -> None:
    admin, viewer = session(world, Role.ADMIN), member(world, Role.VIEWER)
    Invitation.objects.update(role="owner")
    for method, path, body in (
        ("PATCH", f"members/{viewer.pk}", {"role": "owner"}),
        ("POST", "invitations", {**NEW, "role": "owner"}),
        ("POST", f"invitations/{invitation.pk}/resend", None),
    ):
        assert refused(admin.send(method, path, body)) == (403, "owner_needed"), path
    assert untouched(world)


@pytest.mark.parametrize(("method", "body"), [("PATCH", {"role": "viewer"}), ("DELETE", None)])
def test_last_owner_stays(method: str, body: object, world: World) -> None:
    path = f"members/{member(world, Role.OWNER).pk}"
    assert refused(session(world).send(method, path, body)) == (409, "conflict")
    assert member(world, Role.OWNER).role == "owner"


# -- changing it ------------------------------------------------------------------------------------------
def test_role_is_changed_with_trace_and_mail(world: World) -> None:
    row = member(world, Role.VIEWER)
    answer = session(world).send("PATCH", f"members/{row.pk}", {"role": "admin"})
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    event = AuditEvent.objects.get(action="membership.role_changed")
    assert (event.actor_label, event.request_id) == ("owner@example.org", answer["X-Request-Id"])
    assert Mail.objects.filter(kind="your_role_changed", recipient="viewer@example.org").exists()


def test_member_is_removed_and_shut_out(world: World) -> None:
    viewer = session(world, Role.VIEWER)
    answer = session(world, Role.ADMIN).send("DELETE", f"members/{member(world, Role.VIEWER).pk}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert viewer.get("members").status_code == 404
    assert AuditEvent.objects.filter(action="membership.removed").count() == 1


def test_invitation_is_sent_once_for_an_idempotency_key_and_its_link_is_in_no_answer(world: World) -> None:
    first, again = (session(world).post("invitations", NEW, key="k-1") for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    mail = Mail.objects.get(kind="invitation")
    assert mail.body is not None
    token = mail.body.reveal().split("/invite/")[1].split("/")[0]
    listed = session(world).get("invitations")
    assert not [answer for answer in (first, again, listed) if token in answer.content.decode()]


def test_invited_twice_or_a_member_already_is_a_conflict(world: World) -> None:
    api = session(world)
    assert api.post("invitations", NEW).status_code == 201
    assert refused(api.post("invitations", {**NEW, "email": "New@Example.org"})) == (409, "conflict")
    assert refused(api.post("invitations", {**NEW, "email": "viewer@example.org"})) == (409, "conflict")


def test_resent_too_soon_is_a_conflict_and_withdrawn_is_gone(world: World, invitation: Invitation) -> None:
    api = session(world)
    assert refused(api.post(f"invitations/{invitation.pk}/resend")) == (409, "conflict")
    withdrawn = api.post(f"invitations/{invitation.pk}/withdraw").json()
    assert (withdrawn["id"], withdrawn["is_open"]) == (str(invitation.pk), False)
    assert api.get("invitations").json()["data"] == []
    assert api.post(f"invitations/{invitation.pk}/withdraw").status_code == 404


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@b.example\nBcc: x@y.example", "x" * 250 + "@b.example", 7])
def test_address_that_is_none_is_refused_by_name(email: object, world: World) -> None:
    answer = session(world).post("invitations", {"email": email, "role": "viewer"})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["email"]
    assert not Mail.objects.filter(kind="invitation").exists()
