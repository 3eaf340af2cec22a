"""The second factor cannot be passed by, on any site (rulings A12)."""

from __future__ import annotations

import time

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from apps.mails.services import send_next_mail
from apps.workspaces.models import Role, User
from tests.bad_input.routes import Face, routes_of
from tests.factories import PASSWORD, World, client_of, make_user
from tests.portal.urlmap import list_pages

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


# -- the whole map -------------------------------------------------------------------------------------------
# What a person without a session may open: signing in, up and out, and what tells nothing of anybody.
OPEN_ACCOUNT_PAGES = {
    "account_login", "account_signup", "account_logout", "account_inactive", "account_email_verification_sent",
    "account_reset_password", "account_reset_password_done", "account_reset_password_from_key_done",
    "mfa_authenticate", "mfa_login_webauthn",
}  # fmt: skip


def addresses(world: World) -> dict[str, str]:
    """Return every page of the portal, the console and the workspaces, and the API of the session."""
    pages = {str(page): page.url(world) for page in list_pages() if "token" not in page.parameters}
    for route in routes_of(Face.SESSION):
        mode = route.pattern.split("/")[1]
        path = route.path(dict.fromkeys(route.parameters, str(world.furniture(mode).key.pk)))
        pages[route.pattern] = world.base(mode) + path.removeprefix(f"/{mode}/")
    return pages


def what_opens(client: Client, paths: dict[str, str], refused: dict[int, str]) -> dict[str, str]:
    """Return what is answered otherwise than by one of `refused`. Shape of that: {status: where it leads}"""
    wrong = {}
    for name, path in paths.items():
        for method in ("get", "post"):
            answer = getattr(client, method)(path)
            place = answer.headers.get("Location", "").split("?")[0]
            if refused.get(answer.status_code) != place:
                wrong[f"{method} {name}"] = f"{answer.status_code} {place}"
    return wrong


@pytest.mark.parametrize("who", ["staff", "owner"])
def test_session_of_the_password_alone_opens_no_page_of_the_whole_map(
    who: str, owner: User, acme: World, settings: Settings
) -> None:
    settings.REQUIRE_SUPPORT_2FA = False  # even where the console does not ask for one: who has a factor gives it
    settings.ACCOUNT_RATE_LIMITS = {}
    user = make_user("staff@example.com", staff=True) if who == "staff" else owner
    enrol(user)
    client, location = give_password(user)
    assert location.startswith(AUTHENTICATE)
    everything = addresses(acme)
    assert len(everything) > 200
    shown_to_all = {"workspace:styleguide", "workspace:appearance"}
    paths = {name: path for name, path in everything.items() if name not in shown_to_all}
    assert what_opens(client, paths, {302: "/accounts/login/", 401: ""}) == {}
    assert client.get("/").status_code == 302


def test_session_of_the_password_alone_reaches_no_page_of_the_account(owner: User, acme: World) -> None:
    enrol(owner)
    client, _ = give_password(owner)
    names = {route.name for route in routes_of(Face.ACCOUNTS) if not route.parameters} - OPEN_ACCOUNT_PAGES - {""}
    assert {"mfa_index", "account_email", "account_change_password", "mfa_view_recovery_codes"} <= names
    opened_pages = {name: client.get(reverse(name)).status_code for name in names}
    assert {name: status for name, status in opened_pages.items() if status == 200} == {}


def test_staff_without_a_factor_get_no_page_of_the_console_and_change_nothing(acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = True
    client = client_of(make_user("staff@example.com", staff=True))
    paths = {name: path for name, path in addresses(acme).items() if name.startswith("support:")}
    assert len(paths) > 15
    assert what_opens(client, paths, {302: "/accounts/2fa/"}) == {}
    own_csrf = Client(enforce_csrf_checks=True)
    own_csrf.cookies = client.cookies
    for path in paths.values():
        assert b"waiting</span>" not in own_csrf.post(path).content, path


def test_recovery_codes_alone_do_not_open_the_console(acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = True
    staff = make_user("staff@example.com", staff=True)
    RecoveryCodes.activate(staff)
    assert client_of(staff).get("/support/").status_code == 302


@pytest.mark.parametrize("role", [Role.OWNER, Role.VIEWER])
def test_team_that_asks_for_a_factor_shows_no_page_of_the_whole_map_to_a_member_without(
    role: Role, acme: World
) -> None:
    type(acme.workspace).objects.filter(pk=acme.workspace.pk).update(requires_second_factor=True)
    client = client_of(acme.people[role])
    paths = {name: path for name, path in addresses(acme).items() if path.startswith(f"/w/{acme.workspace.slug}/")}
    assert len(paths) > 180
    assert what_opens(client, paths, {302: "/accounts/2fa/", 403: ""}) == {}
    for name, path in paths.items():
        if "/api/v1/" not in path:
            assert client.get(path).status_code == 302, name
        else:
            answer = client.get(path)
            assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed"), name
