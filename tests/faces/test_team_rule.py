"""The team's rule that every member needs a second factor: it cannot be passed by, and binds people only."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from apps.audit.models import AuditEvent
from apps.mails.models import Mail
from apps.workspaces.models import Role, User
from tests.factories import World, client_of, make_user, make_world

INVITE = "/w/acme/members/invite/"
RULE = "/w/acme/settings/second-factor/"


@pytest.fixture
def closed(acme: World) -> World:
    type(acme.workspace).objects.filter(pk=acme.workspace.pk).update(requires_second_factor=True)
    return acme


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def told(kind: str) -> set[str]:
    return set(Mail.objects.filter(kind=kind).values_list("recipient", flat=True))


def enrol(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())


def test_rule_takes_a_factor_of_whoever_switches_it_on(owner: Client, acme: World) -> None:
    assert b"Set up my second factor" in owner.get(RULE).content
    owner.post(RULE, {"require": "yes"})
    acme.workspace.refresh_from_db()
    assert not acme.workspace.requires_second_factor
    RecoveryCodes.activate(acme.people[Role.OWNER])  # a way back to a factor is none
    owner.post(RULE, {"require": "yes"})
    acme.workspace.refresh_from_db()
    assert not acme.workspace.requires_second_factor
    enrol(acme.people[Role.OWNER])
    owner.post(RULE, {"require": "yes"})
    acme.workspace.refresh_from_db()
    assert acme.workspace.requires_second_factor
    assert actions()[-1] == "workspace.second_factor_required"
    assert told("second_factor_changed") == {f"{role.value}@acme.example" for role in Role}
    owner.post(RULE, {"require": "no"})
    assert actions()[-1] == "workspace.second_factor_not_required"


def test_member_without_factor_sees_nothing_and_is_led_to_set_one_up(closed: World) -> None:
    person = closed.people[Role.ADMIN]
    client = client_of(person)
    delivery = closed.test.delivery
    paths = [
        *(closed.base(mode) + path for mode in ("test", "live") for path in ("", "keys/", "audit/", "settings/")),
        closed.base("test") + f"deliveries/{delivery.pk}/", closed.base("test") + "search/?q=x",
        "/w/acme/members/", "/w/acme/settings/", "/w/acme/audit/", INVITE, RULE, "/w/acme/applications/new/",
    ]  # fmt: skip
    for path in paths:
        for answer in (client.get(path), client.post(path)):
            assert (answer.status_code, answer["Location"]) == (302, "/accounts/2fa/"), path
    assert "asks its members for a second factor" in client.get("/accounts/2fa/").content.decode()
    everywhere = client.get("/search/", {"q": str(delivery.pk)})
    assert (everywhere.status_code, b"Nothing found" in everywhere.content) == (200, True)
    refused = client.get(closed.base("test") + "api/v1/keys")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_needed")
    assert b"Set one up" in client.get("/").content
    RecoveryCodes.activate(person)
    assert client.get(closed.base("test")).status_code == 302
    enrol(person)
    assert client.get(closed.base("test")).status_code == 200
    assert client.get(closed.base("test") + "api/v1/keys").status_code == 200


def test_stranger_is_not_told_of_the_rule(closed: World) -> None:
    stranger = client_of(make_user("nobody@example.com"))
    assert {stranger.get(path).status_code for path in (closed.base("test"), "/w/acme/members/")} == {404}


def test_factor_that_is_switched_off_closes_the_workspace_again(closed: World) -> None:
    person = closed.people[Role.DEVELOPER]
    enrol(person)
    client = client_of(person)
    assert client.get(closed.base("test")).status_code == 200
    Authenticator.objects.filter(user=person).delete()
    assert client.get(closed.base("test"))["Location"] == "/accounts/2fa/"


def test_keys_are_not_people(closed: World) -> None:
    answer = Client().get("/api/v1/keys", headers={"Authorization": f"Bearer {closed.test.key_value}"})
    assert answer.status_code == 200


def test_other_workspaces_stay_open(closed: World) -> None:
    zeta = make_world("zeta")
    client = client_of(zeta.people[Role.OWNER])
    assert client.get(zeta.base("test")).status_code == 200
