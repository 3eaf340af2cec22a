"""Mails about a membership: one in words for the person, one for whoever else administers the workspace."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.events import Actor, ActorKind
from apps.mails.composing import Composed
from apps.mails.models import Mail
from apps.workspaces.models import Invitation, Membership, Role, User
from apps.workspaces.services import accept_invitation, add_member, change_role, invite_member, remove_member
from tests.factories import World, client_of, make_user


@pytest.fixture
def new(db: None) -> User:
    return make_user("new@acme.example")


def acting(user: User) -> Actor:
    return Actor(kind=ActorKind.PERSON, id=str(user.pk), label=user.email)


def owner_of(world: World) -> Actor:
    return acting(world.people[Role.OWNER])


def membership(world: World, role: Role) -> Membership:
    return world.workspace.memberships.select_related("user", "workspace").get(user=world.people[role])


def mails() -> dict[str, str]:
    """Return each mail's text on one line, by recipient."""
    found = {}
    for mail in Mail.objects.all():
        assert mail.body is not None
        assert mail.recipient not in found, "two mails about one thing"
        found[mail.recipient] = " ".join(Composed.from_json(mail.body.reveal()).text.split())
    return found


def button_of(recipient: str) -> str:
    """Return the path that the mail's button leads to."""
    found = re.search(r"http://localhost:8000(/\S*)", mails()[recipient])
    assert found is not None
    return found[1]


def test_added_member_is_spoken_to_and_the_others_are_told(acme: World, new: User) -> None:
    add_member(workspace=acme.workspace, user=new, role=Role.DEVELOPER, by=owner_of(acme))
    told = mails()
    assert set(told) == {"new@acme.example", "owner@acme.example", "admin@acme.example"}
    assert "You were added to the workspace “Acme Health” with the role Developer" in told["new@acme.example"]
    assert "because it is about your membership" in told["new@acme.example"]
    assert "owner@acme.example added new@acme.example to the workspace" in told["admin@acme.example"]
    assert "because you are an owner or admin" in told["admin@acme.example"]


def test_who_came_by_invitation_joined_and_was_not_added_by_themselves(acme: World, new: User) -> None:
    now = timezone.now()
    invite_member(workspace=acme.workspace, email=new.email, role=Role.VIEWER, by=owner_of(acme), now=now)
    Mail.objects.all().delete()
    invitation = Invitation.objects.get(email=new.email)
    accept_invitation(invitation=invitation, user=new, by=acting(new), now=now)
    assert (
        "new@acme.example joined the workspace “Acme Health” by invitation, with the role Viewer"
        in (mails()["owner@acme.example"])
    )


def test_removed_member_is_spoken_to_and_the_others_are_told(acme: World) -> None:
    remove_member(membership=membership(acme, Role.ADMIN), by=owner_of(acme))
    told = mails()
    assert set(told) == {"owner@acme.example", "admin@acme.example"}
    assert "You were removed from the workspace “Acme Health”" in told["admin@acme.example"]
    assert "owner@acme.example removed admin@acme.example from the workspace" in told["owner@acme.example"]


def test_who_leaves_left_and_removed_nobody(acme: World) -> None:
    viewer = acme.people[Role.VIEWER]
    remove_member(membership=membership(acme, Role.VIEWER), by=acting(viewer))
    assert "viewer@acme.example left the workspace" in mails()["owner@acme.example"]


def test_changed_role_is_told_to_the_person_as_theirs(acme: World) -> None:
    change_role(membership=membership(acme, Role.VIEWER), role=Role.ADMIN, by=owner_of(acme))
    told = mails()
    assert "Your role in the workspace “Acme Health” was changed from Viewer to Admin" in told["viewer@acme.example"]
    assert "changed the role of viewer@acme.example" in told["admin@acme.example"]


@pytest.mark.parametrize("what", ["added", "removed", "changed"])
def test_button_opens_a_page_for_whoever_gets_the_mail(what: str, acme: World, new: User) -> None:
    by = owner_of(acme)
    if what == "added":
        add_member(workspace=acme.workspace, user=new, role=Role.VIEWER, by=by)
    elif what == "removed":
        remove_member(membership=membership(acme, Role.VIEWER), by=by)
    else:
        change_role(membership=membership(acme, Role.VIEWER), role=Role.DEVELOPER, by=by)
    for recipient in mails():
        answer = client_of(User.objects.get(email=recipient)).get(button_of(recipient))
        assert answer.status_code == 200, recipient


@pytest.mark.parametrize("seconds", [3600, 7 * 86_400])
def test_invitation_lives_as_long_as_the_setting_says(seconds: int, acme: World, settings: Settings) -> None:
    settings.INVITATION_SECONDS = seconds
    now = timezone.now()
    made = invite_member(workspace=acme.workspace, email="x@acme.example", role=Role.VIEWER, by=owner_of(acme), now=now)
    assert (made.expires_at - now).total_seconds() == seconds
    assert made.expires_at.strftime("%d %b %Y, %H:%M UTC") in mails()["x@acme.example"]
