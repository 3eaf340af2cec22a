"""The second factor cannot be passed by, on any site (rulings A12)."""

from __future__ import annotations

import time

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client
from pytest_django.fixtures import Settings

from apps.mails.services import send_next_mail
from apps.workspaces.models import Role, User
from tests.factories import PASSWORD, World, make_user

AUTHENTICATE = "/accounts/2fa/authenticate/"


@pytest.fixture
def owner(acme: World) -> User:
    return acme.people[Role.OWNER]


def enrol(user: User) -> str:
    secret: str = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def code_of(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def give_password(user: User, to: str = "/accounts/login/") -> tuple[Client, str]:
    client = Client()
    body = {"login": user.email, "username": user.email, "password": PASSWORD}
    return client, client.post(to, body).headers.get("Location", "")


def opened(client: Client, world: World) -> list[str]:
    """Return what this browser may see of what asks for a sign-in."""
    paths = (
        "/", "/support/", "/appearance/", "/accounts/2fa/", "/accounts/2fa/recovery-codes/", "/search/",
        world.base("test"), world.base("live") + "keys/", world.base("live") + "api/v1/keys", "/w/acme/members/",
    )  # fmt: skip
    return [path for path in paths if path != "/appearance/" and client.get(path).status_code == 200]


def test_password_alone_opens_nothing_once_a_factor_is_enrolled(owner: User, acme: World) -> None:
    enrol(owner)
    client, location = give_password(owner)
    assert location.startswith(AUTHENTICATE)
    assert opened(client, acme) == []


@pytest.mark.parametrize("site", ["/support/", "test", "live"])
@pytest.mark.parametrize("page", ["", "login/", "logout/", "password_change/", "jsi18n/"])
def test_no_site_signs_anybody_in(site: str, page: str, owner: User, acme: World) -> None:
    owner.is_staff = True
    owner.save()
    enrol(owner)
    base = site if site.startswith("/") else acme.base(site)
    client, location = give_password(owner, base + page)
    assert location == "" or location.startswith("/accounts/login/")
    assert opened(client, acme) == []


def test_code_of_the_app_opens_and_a_wrong_one_does_not(owner: User, acme: World) -> None:
    secret = enrol(owner)
    client, _ = give_password(owner)
    assert client.post(AUTHENTICATE, {"code": "000000"}).status_code == 200
    assert opened(client, acme) == []
    client.post(AUTHENTICATE, {"code": code_of(secret)})
    assert acme.base("test") in opened(client, acme)


def test_recovery_code_opens_once(owner: User, acme: World) -> None:
    enrol(owner)
    code = RecoveryCodes.activate(owner).get_unused_codes()[0]
    client, _ = give_password(owner)
    client.post(AUTHENTICATE, {"code": code})
    assert acme.base("test") in opened(client, acme)
    again, _ = give_password(owner)
    again.post(AUTHENTICATE, {"code": code})
    assert opened(again, acme) == []


def test_reset_password_does_not_sign_in_past_the_factor(owner: User, acme: World, mailoutbox: list[object]) -> None:
    enrol(owner)
    client = Client()
    client.post("/accounts/password/reset/", {"email": owner.email})
    send_next_mail()
    body = str(mailoutbox[0].body)  # type: ignore[attr-defined]
    link = next(word for word in body.split() if "/password/reset/key/" in word)
    asked = client.get("/" + link.split("/", 3)[3])
    new = "quite another long password"
    answer = client.post(asked.headers["Location"], {"password1": new, "password2": new})
    assert answer.status_code == 302
    assert opened(client, acme) == []


def test_staff_reach_the_console_with_password_and_factor_only(acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = True
    staff = make_user("staff@example.com", staff=True)
    client, _ = give_password(staff)
    assert client.get("/support/")["Location"] == "/accounts/2fa/"
    secret = enrol(staff)
    client, _ = give_password(staff)
    assert client.get("/support/")["Location"].startswith("/accounts/login/")
    client.post(AUTHENTICATE, {"code": code_of(secret)})
    assert client.get("/support/").status_code == 200
