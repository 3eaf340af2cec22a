"""The team: invitations that are good once, roles, the last owner."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.mails.models import Mail
from apps.workspaces.models import Invitation, Role, User
from apps.workspaces.services.invitations import MOST_A_DAY
from tests.factories import PASSWORD, World, client_of, make_user

INVITE = "/w/acme/members/invite/"


@pytest.fixture(autouse=True)
def nobody_invited(acme: World) -> None:
    Invitation.objects.all().delete()


def invite(client: Client, email: str = "new@acme.example", role: str = "developer") -> str:
    """Invite by the page; return the path in the mail."""
    answer = client.post(INVITE, {"email": email, "role": role})
    assert answer.status_code == 302, answer.content.decode()
    return link_to(email)


def link_to(email: str) -> str:
    body = Mail.objects.filter(kind="invitation", recipient=email).latest("created_at").body
    assert body is not None
    found = re.search(r"/invite/[\w-]{43}/", body.reveal())
    assert found is not None
    return found[0]


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def told(kind: str) -> set[str]:
    return set(Mail.objects.filter(kind=kind).values_list("recipient", flat=True))


# -- invitations ------------------------------------------------------------------------------------------
def test_invited_person_joins_with_the_role_and_the_link_is_spent(owner: Client, acme: World) -> None:
    path = invite(owner)
    client = client_of(make_user("new@acme.example"))
    assert b"Join the workspace" in client.get(path).content
    client.post(path)
    assert acme.workspace.memberships.get(user__email="new@acme.example").role == "developer"
    assert client.get(acme.base("test")).status_code == 200
    assert told("member_added") == {"owner@acme.example", "admin@acme.example"}
    assert told("you_were_added") == {"new@acme.example"}
    assert actions()[-2:] == ["membership.added", "invitation.accepted"]
    acme.workspace.memberships.get(user__email="new@acme.example").delete()
    assert client.post(path).status_code == 410
    assert client.get(path).status_code == 410
    assert not acme.workspace.memberships.filter(user__email="new@acme.example").exists()


def test_new_account_is_led_from_the_link_over_sign_up_and_back(owner: Client, acme: World) -> None:
    path = invite(owner)
    browser = Client()
    text = browser.get(path).content.decode()
    found = re.search(r'href="(/accounts/signup/[^"]+)"', text)
    assert found is not None
    sign_up = found[1].replace("&amp;", "&")
    assert 'value="new@acme.example"' in browser.get(sign_up).content.decode()
    form = {"email": "new@acme.example", "password1": PASSWORD, "password2": PASSWORD}
    browser.post(sign_up, form)
    browser.post(path)
    assert not acme.workspace.memberships.filter(user__email="new@acme.example").exists()  # not confirmed yet
    EmailAddress.objects.filter(email="new@acme.example").update(verified=True)
    signed_in = browser.post(f"/accounts/login/?next={path}", {"login": "new@acme.example", "password": PASSWORD})
    assert signed_in["Location"] == path
    browser.post(path)
    assert acme.workspace.memberships.filter(user__email="new@acme.example").exists()


def test_link_of_somebody_else_makes_nobody_a_member(owner: Client, acme: World) -> None:
    path = invite(owner)
    thief = make_user("thief@example.com")
    EmailAddress.objects.create(user=thief, email="new@acme.example", verified=False)
    client = client_of(thief)
    assert b"You are signed in as" in client.get(path).content
    assert client.post(path).status_code == 403
    assert not acme.workspace.memberships.filter(user=thief).exists()
    assert client_of(make_user("new@acme.example")).get(path).status_code == 200  # and it is still good


def test_second_address_that_is_confirmed_counts(owner: Client, acme: World) -> None:
    path = invite(owner, "Work@Acme.example")
    person = make_user("home@example.com")
    EmailAddress.objects.create(user=person, email="work@acme.example", verified=True)
    client_of(person).post(path)
    assert acme.workspace.memberships.filter(user=person).exists()


def test_nobody_joins_without_signing_in(owner: Client, acme: World) -> None:
    path = invite(owner)
    assert Client().post(path)["Location"] == f"/accounts/login/?next={path}"


@pytest.mark.parametrize("end", ["expired", "withdrawn", "sent again"])
def test_link_dies_with_its_invitation(end: str, owner: Client, acme: World) -> None:
    path = invite(owner)
    row = Invitation.objects.get()
    if end == "expired":
        Invitation.objects.update(expires_at=timezone.now())
    elif end == "withdrawn":
        owner.post(f"/w/acme/invitations/{row.pk}/withdraw/")
    else:
        Invitation.objects.update(sent_at=timezone.now() - dt.timedelta(minutes=5))
        owner.post(f"/w/acme/invitations/{row.pk}/resend/")
    client = client_of(make_user("new@acme.example"))
    assert client.post(path).status_code == (404 if end == "sent again" else 410)
    assert not acme.workspace.memberships.filter(user__email="new@acme.example").exists()
    if end == "sent again":
        client.post(link_to("new@acme.example"))
        assert acme.workspace.memberships.filter(user__email="new@acme.example").exists()


def test_expired_invitation_lives_again_when_it_is_sent_again(owner: Client, acme: World) -> None:
    invite(owner)
    long_ago = timezone.now() - dt.timedelta(days=8)
    Invitation.objects.update(sent_at=long_ago, expires_at=long_ago + dt.timedelta(days=7))
    assert "tag-idle" in owner.get("/w/acme/members/").content.decode().split("Invited, not here yet")[1]
    assert b"invited already" in owner.post(INVITE, {"email": "NEW@acme.example", "role": "viewer"}).content
    owner.post(f"/w/acme/invitations/{Invitation.objects.get().pk}/resend/")
    client_of(make_user("new@acme.example")).post(link_to("new@acme.example"))
    assert acme.workspace.memberships.filter(user__email="new@acme.example").exists()


def test_token_is_in_the_mail_alone(owner: Client, acme: World) -> None:
    token = invite(owner).split("/")[2]
    with connection.cursor() as cursor:
        tables = [name for name in connection.introspection.table_names() if name != "mails_mail"]
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{token}%"])
            assert cursor.fetchone()[0] == 0, table
        cursor.execute("SELECT count(*) FROM mails_mail t WHERE t::text LIKE %s", [f"%{token}%"])
        assert cursor.fetchone()[0] == 0  # sealed
    assert token not in owner.get("/w/acme/members/").content.decode()


def test_mailbox_cannot_be_flooded(owner: Client, acme: World) -> None:
    invite(owner)
    url = f"/w/acme/invitations/{Invitation.objects.get().pk}/resend/"
    assert b"less than five minutes ago" in owner.post(url, follow=True).content
    for number in range(MOST_A_DAY - 1):
        owner.post(INVITE, {"email": f"p{number}@acme.example", "role": "viewer"})
    assert b"invitations a day" in owner.post(INVITE, {"email": "more@acme.example", "role": "viewer"}).content
    assert Mail.objects.filter(kind="invitation").count() == MOST_A_DAY


def test_member_is_not_invited(owner: Client) -> None:
    answer = owner.post(INVITE, {"email": "Viewer@acme.example", "role": "viewer"})
    assert b"a member already" in answer.content


def test_admin_can_neither_invite_an_owner_nor_send_that_invitation_again(owner: Client, acme: World) -> None:
    admin = client_of(acme.people[Role.ADMIN])
    assert b"Select a valid choice" in admin.post(INVITE, {"email": "x@acme.example", "role": "owner"}).content
    invite(owner, role="owner")
    Invitation.objects.update(sent_at=timezone.now() - dt.timedelta(hours=1))
    admin.post(f"/w/acme/invitations/{Invitation.objects.get().pk}/resend/")
    assert Mail.objects.filter(kind="invitation").count() == 1


# -- members ------------------------------------------------------------------------------------------------
def test_role_table_of_the_page_is_what_the_guards_do(owner: Client) -> None:
    text = owner.get("/w/acme/members/").content.decode().split("Rights by role")[1]
    rows = {
        row[0]: re.findall(r">(Yes|No)<", row[1])
        for row in re.findall(r'<tr><th scope="row">([^<]+)</th>(.*?)</tr>', text, re.DOTALL)
    }
    assert list(rows.values()) == [
        ["Yes", "Yes", "Yes", "Yes"],
        ["Yes", "Yes", "Yes", "No"],
        ["Yes", "Yes", "Yes", "No"],
        ["Yes", "Yes", "No", "No"],
        ["Yes", "Yes", "No", "No"],
        ["Yes", "No", "No", "No"],
    ]


def test_changed_role_is_told_and_counts_at_once(owner: Client, acme: World) -> None:
    viewer = client_of(acme.people[Role.VIEWER])
    row = acme.workspace.memberships.get(role="viewer")
    assert viewer.get(INVITE).status_code == 403
    owner.post(f"/w/acme/members/{row.pk}/role/", {"role": "admin"})
    assert viewer.get(INVITE).status_code == 200
    assert told("role_changed") == {"owner@acme.example", "admin@acme.example"}
    assert told("your_role_changed") == {"viewer@acme.example"}
    before = len(actions())
    owner.post(f"/w/acme/members/{row.pk}/role/", {"role": "admin"})
    assert len(actions()) == before


def test_last_owner_can_neither_leave_nor_step_down_nor_count_on_one_who_is_switched_off(
    owner: Client, acme: World
) -> None:
    mine = acme.workspace.memberships.get(role="owner")
    assert b"last owner" in owner.post("/w/acme/members/leave/", follow=True).content
    assert b"last owner" in owner.post(f"/w/acme/members/{mine.pk}/role/", {"role": "viewer"}).content
    second = acme.workspace.memberships.get(role="admin")
    owner.post(f"/w/acme/members/{second.pk}/role/", {"role": "owner"})
    User.objects.filter(pk=second.user_id).update(is_active=False)
    assert b"last owner" in owner.post("/w/acme/members/leave/", follow=True).content
    User.objects.filter(pk=second.user_id).update(is_active=True)
    owner.post("/w/acme/members/leave/")
    assert owner.get(acme.base("test")).status_code == 404


def test_viewer_can_leave_and_is_asked_first(acme: World) -> None:
    viewer = client_of(acme.people[Role.VIEWER])
    assert b"Leave the workspace" in viewer.get("/w/acme/members/leave/").content
    viewer.post("/w/acme/members/leave/")
    assert viewer.get("/w/acme/members/").status_code == 404
    assert told("you_were_removed") == {"viewer@acme.example"}
    assert told("member_removed") == {"owner@acme.example", "admin@acme.example"}


@pytest.mark.parametrize("path", ["invite/", "leave/", "{viewer}/role/", "{viewer}/remove/"])
def test_change_of_the_team_asks_for_the_password_after_a_while(path: str, acme: World) -> None:
    client = client_of(acme.people[Role.OWNER], fresh=False)
    viewer = acme.workspace.memberships.get(role="viewer").pk
    url = "/w/acme/members/" + path.format(viewer=viewer)
    for answer in (client.get(url), client.post(url, {"role": "admin", "email": "x@acme.example"})):
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert acme.workspace.memberships.get(pk=viewer).role == "viewer"


def test_renamed_workspace_keeps_its_addresses(owner: Client, acme: World) -> None:
    owner.post("/w/acme/settings/name/", {"name": "Acme Care"})
    assert b"Acme Care" in owner.get("/w/acme/settings/").content
    assert actions()[-1] == "workspace.renamed"
