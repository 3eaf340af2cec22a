"""The set-up of a destination in a real browser: by keyboard alone, with what the page puts on the clipboard."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from apps.destinations.models import Destination
from apps.destinations.selectors import s3_sessions
from apps.sandbox.cloud.server import LocalCloud
from apps.workspaces.models import Role
from tests.destinations.pasted import read_cli
from tests.faces.browser import Looker, looking
from tests.factories import World, client_of, make_world
from tests.flows import world as flows

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
MOST_TABS = 60


@pytest.fixture
def base(live_server: LiveServer, static_files: None, settings: Settings) -> str:
    settings.PUBLIC_URL = live_server.url
    return live_server.url.replace("127.0.0.1", "localhost")


@pytest.fixture
def cloud_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with LocalCloud() as server:
        ours = flows.make_our_side(server.url)
        for name, value in {"AWS_ENDPOINT_URL": server.url, "AWS_REGION": "us-east-1", **ours}.items():
            monkeypatch.setenv(name, value)
        s3_sessions.cache_clear()
        yield server.url
        s3_sessions.cache_clear()


@pytest.fixture
def acme(base: str) -> World:
    return make_world("acme")


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there, as people do who have no mouse."""
    for _ in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"Tab never reaches {selector}")


def press(page: Page, selector: str, key: str = "Enter") -> None:
    tab_to(page, selector)
    page.keyboard.press(key)


def type_into(page: Page, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.type(text)


def copied(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def store_external_id(page: Page) -> str:
    """Try to lose the dialog, then leave it as it wants to be left."""
    page.wait_for_selector("dialog:modal")
    for _ in range(3):
        page.keyboard.press("Escape")
    page.mouse.click(5, 5)
    assert page.is_visible("dialog:modal")
    assert page.is_disabled("#stored")
    press(page, "[data-copy='#external-id']")
    page.wait_for_selector("#said:has-text('Copied.')")
    external_id = copied(page)
    assert external_id == page.inner_text("#external-id")
    press(page, "dialog input[type=checkbox]", "Space")
    press(page, "#stored")
    return external_id


def create_role(page: Page, external_id: str, cloud_url: str) -> str:
    """Take the commands off the page and run them in the customer's account."""
    press(page, "nav.pages a[href^='?policies=cli']")
    page.wait_for_selector("#policy-cli")
    type_into(page, "#own-external-id", external_id)
    press(page, "[data-copy='#policy-cli']")
    page.wait_for_selector("#said:has-text('Copied.')")
    return read_cli(copied(page)).make(flows.aws("iam", cloud_url, flows.CUSTOMER_ACCOUNT))


def test_destination_is_set_up_by_keyboard_alone(base: str, acme: World, cloud_url: str) -> None:
    flows.aws("s3", cloud_url, flows.CUSTOMER_ACCOUNT).create_bucket(Bucket="by-keyboard")
    owner = client_of(acme.people[Role.OWNER])
    with looking(base, session=owner, permissions=["clipboard-read", "clipboard-write"]) as looker:
        page = looker.open(f"{acme.base('test')}destinations/")
        press(page, "a.primary")
        page.wait_for_url("**/destinations/new/")
        for field, text in (("name", "Lake"), ("bucket", "by-keyboard"), ("region", "us-east-1")):
            type_into(page, f"#id_{field}", text)
        page.keyboard.press("Enter")
        page.wait_for_url("**/setup/external-id/")
        press(page, "button.primary")
        external_id = store_external_id(page)
        page.wait_for_url("**/setup/aws/**")
        assert external_id not in page.content()
        type_into(page, "#id_role_arn", create_role(page, external_id, cloud_url))
        page.keyboard.press("Enter")
        page.wait_for_url("**/setup/test/")
        press(page, "button.primary")
        page.wait_for_selector("button:has-text('Enable destination')")
        assert looker.violations() == []
        press(page, "button.primary")
        page.wait_for_selector("button[role=switch][aria-checked=true]")
        assert looker.complaints == []
    assert Destination.objects.get(bucket="by-keyboard").state == "ENABLED"


def test_external_id_typed_into_the_third_step_stays_in_the_browser(base: str, acme: World) -> None:
    owner = client_of(acme.people[Role.OWNER])
    with looking(base, session=owner) as looker:
        page = looker.open(f"{acme.base('test')}destinations/{acme.test.destination.pk}/setup/aws/")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        _fills(looker, "0f8fad5b-d9cb-469f-a165-70867728950e", "0f8fad5b-d9cb-469f-a165-70867728950e")
        _fills(looker, '"}, "Effect": "Allow"', "<your external ID>")  # nothing that AWS would not take gets in
        assert [url for url in asked if "/static/" not in url] == []
        assert page.get_attribute("#own-external-id", "name") is None


def _fills(looker: Looker, typed: str, shown: str) -> None:
    looker.page.fill("#own-external-id", typed)
    assert f'"sts:ExternalId": "{shown}"' in str(looker.page.text_content("#policy-trust"))
    address = str(looker.page.get_attribute("a[download='trust-policy.json']", "href"))
    assert shown in looker.page.evaluate("address => decodeURIComponent(address)", address)
