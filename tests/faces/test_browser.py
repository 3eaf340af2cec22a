"""Every page in a real browser under the real policy: nothing runs sideways, complains, or keeps anybody out."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from playwright.sync_api import Error
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from apps.destinations.models import Destination
from apps.workspaces.models import Role
from tests.faces.browser import Looker, looking
from tests.faces.seed import seed
from tests.factories import PASSWORD, World, client_of, make_user

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def base(live_server: LiveServer, static_files: None, settings: Settings) -> str:
    settings.REQUIRE_SUPPORT_2FA = False
    settings.PUBLIC_URL = live_server.url
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    return live_server.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def faces(base: str) -> World:
    return seed()


def addresses(*parts: str) -> list[str]:
    printed = io.StringIO()
    call_command("urls", workspace="faces", part=list(parts), stdout=printed)
    return [line.partition("=")[2] for line in printed.getvalue().splitlines()]


def check(looker: Looker, paths: list[str]) -> dict[str, list[str]]:
    wrong: dict[str, list[str]] = {}
    for path in paths:
        looker.complaints.clear()
        looker.open(path)
        sideways = ["runs sideways"] if looker.runs_sideways() else []
        found = [*looker.complaints, *sideways, *looker.violations()]
        if found:
            wrong[path] = found
    return wrong


@pytest.mark.parametrize(
    ("parts", "size", "scheme"),
    [
        (("account", "workspace", "test"), DESKTOP, "light"),
        (("account", "workspace", "live"), PHONE, "dark"),
        (("support",), DESKTOP, "dark"),
        (("entrance",), PHONE, "light"),
    ],
    ids=["test mode", "live mode on a phone in the dark", "console", "entrance"],
)
def test_pages_are_accessible_quiet_and_fit(
    parts: tuple[str, ...], size: dict[str, int], scheme: str, base: str, faces: World
) -> None:
    person = make_user("staff@example.com", staff=True) if parts == ("support",) else faces.people[Role.OWNER]
    paths = addresses(*parts)
    session = None if parts == ("entrance",) else client_of(person)
    with looking(base, session=session, viewport=size, color_scheme=scheme) as looker:
        assert check(looker, paths) == {}


def test_a_name_of_a_hundred_letters_runs_no_page_of_its_destination_sideways(base: str, faces: World) -> None:
    here = Destination.objects.filter(application=faces.application, mode="live")
    longest = str(here.get(name="x" * 100).pk)
    printed = [path for path in addresses("live") if "/destinations/" in path]
    paths = {re.sub(r"(?<=/destinations/)[0-9a-f-]{36}(?=/)", longest, path) for path in printed} - set(printed)
    session = client_of(faces.people[Role.OWNER])
    assert len(paths) > 5
    with looking(base, session=session, viewport=PHONE, color_scheme="light") as looker:
        assert {path: looker.open(path) and looker.runs_sideways() for path in paths} == dict.fromkeys(paths, False)


def test_refusals_are_accessible(base: str, faces: World) -> None:
    viewer = client_of(faces.people[Role.VIEWER])
    scope = faces.base("test")
    paths = [
        f"{scope}keys/new/",
        f"{scope}nothing/",
        f"{scope}keys/?x__startswith=1",
        f"{scope}deliveries/{faces.live.delivery.pk}/",
    ]
    with looking(base, session=viewer, viewport=PHONE) as looker:
        wrong = check(looker, paths)
    left = {path: [each for each in found if "Failed to load resource" not in each] for path, found in wrong.items()}
    assert {path: found for path, found in left.items() if found} == {}


# -- a passkey, from adding it to signing in with it ------------------------------------------------------
@pytest.fixture
def anybody(base: str) -> Iterator[Looker]:
    make_user("dev@example.com")
    with looking(base, viewport=DESKTOP) as looker:
        tools: Any = looker.context.new_cdp_session(looker.page)
        tools.send("WebAuthn.enable")
        authenticator = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
            "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})
        yield looker


def sign_in(looker: Looker) -> None:
    page = looker.open("/accounts/login/")
    page.fill("input[name=login]", "dev@example.com")
    page.fill("input[name=password]", PASSWORD)
    page.click("button.primary[type=submit]")
    page.wait_for_selector("h1:has-text('My workspaces')")


def test_passkey_is_added_and_signs_in_under_the_strict_policy(anybody: Looker) -> None:
    sign_in(anybody)
    page = anybody.open("/accounts/2fa/webauthn/add/")
    page.fill("input[name=password]", PASSWORD)  # it asks again before a factor is added
    page.click("button.primary[type=submit]")
    page.fill("input[name=name]", "My laptop")
    page.check("input[name=passwordless]")
    page.click("#mfa_webauthn_add")
    page.wait_for_selector("h1:has-text('Recovery codes')")
    page.click(".account summary")
    page.click(".account button:has-text('Sign out')")
    page.wait_for_selector("#passkey_login:visible")
    page.click("#passkey_login")
    page.wait_for_selector("h1:has-text('My workspaces')")
    assert anybody.complaints == []


def test_passkey_that_fails_is_explained_on_the_page(base: str) -> None:
    with looking(base, viewport=DESKTOP) as looker:
        page = looker.open("/accounts/login/")
        tools: Any = looker.context.new_cdp_session(page)
        tools.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "internal", "automaticPresenceSimulation": True}
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        page.click("#passkey_login")
        page.wait_for_selector("[data-problem]:visible")
        assert looker.complaints == []


# -- dialogs and keys ----------------------------------------------------------------------------------------
def test_dialog_with_a_secret_stays_until_it_is_stored(base: str, faces: World) -> None:
    with looking(base, session=client_of(faces.people[Role.OWNER]), viewport=DESKTOP) as looker:
        looker.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page = looker.open(faces.base("test") + "keys/new/")
        page.click("button.primary[type=submit]")
        page.wait_for_selector("dialog:modal")
        for _ in range(3):
            page.keyboard.press("Escape")
        page.mouse.click(5, 5)
        assert page.is_visible("dialog:modal")
        assert page.is_disabled("#stored")
        page.click("[data-copy='#secret']")
        page.wait_for_selector("text=Copied.")
        assert page.evaluate("navigator.clipboard.readText()") == page.inner_text("#secret")
        with page.expect_download() as download:
            page.click("a[download]")
        assert download.value.path().read_text() == page.inner_text("#secret")
        assert looker.violations() == []
        page.check("[data-unlocks]")
        page.click("#stored")
        page.wait_for_selector("h1:has-text('API keys')")
        with pytest.raises(Error, match="ERR_CACHE_MISS"):
            page.go_back()  # the answer was kept nowhere
        assert looker.complaints == []


def test_keyboard_finds_search_rows_sections_and_help(base: str, faces: World) -> None:
    with looking(base, session=client_of(faces.people[Role.OWNER]), viewport=DESKTOP) as looker:
        page = looker.open(faces.base("test") + "deliveries/")
        page.keyboard.press("/")
        assert page.evaluate("document.activeElement.id") == "find"
        page.keyboard.type("jk")
        assert page.input_value("#find") == "jk"
        page.keyboard.press("Escape")
        page.keyboard.press("j")
        page.keyboard.press("j")
        row = "document.activeElement.closest('tr').rowIndex"
        assert page.evaluate(row) == 2
        page.keyboard.press("k")
        assert page.evaluate(row) == 1
        page.keyboard.press("?")
        page.wait_for_selector("#shortcuts:modal")
        assert looker.violations() == []
        page.keyboard.press("Escape")
        page.keyboard.press("g")
        page.keyboard.press("k")
        page.wait_for_selector("h1:has-text('API keys')")
        looker.open("/appearance/").check("input[name=keys][value=off]")
        page.click("main button[type=submit]")
        page.wait_for_selector("html[data-keys=off]")
        page.keyboard.press("?")
        assert not page.is_visible("#shortcuts")


def test_times_turn_local_by_choice(base: str, faces: World) -> None:
    denver = {"timezone_id": "America/Denver", "viewport": DESKTOP}
    with looking(base, session=client_of(faces.people[Role.OWNER]), **denver) as looker:
        page = looker.open(faces.base("test") + "authorizations/")
        last_sync = "tbody tr:first-child .column-last_sync time"
        assert page.inner_text(last_sync).endswith("20 Nov 22:37:07")
        assert "15:37:07" in str(page.get_attribute(last_sync, "title"))
        looker.open("/appearance/").check("input[name=times][value=local]")
        page.click("main button[type=submit]")
        page.wait_for_selector("html[data-times=local]")
        looker.open(faces.base("test") + "authorizations/")
        assert page.inner_text(last_sync) == "20 Nov 15:37:07"
        assert "22:37:07 UTC" in str(page.get_attribute(last_sync, "title"))
        assert "Last sync (local)" in page.inner_text("thead")
