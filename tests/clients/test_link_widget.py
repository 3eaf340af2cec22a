"""The widget in a page of another site, under the real policies: the published build, and our own script.

Source: wire contract 3c; rulings A1, B25.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, sync_playwright

from apps.applications.keys import Mode
from apps.applications.services import add_allowed_origin
from apps.audit.events import SYSTEM
from tests.faces.browser import ARGUMENTS, INSTALL
from tests.flows.test_consent_in_browser import LOGIN, PASSWORD
from tests.flows.world import Team

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
BUILD = "@flexpa/link/dist/flexpa-link.iife.js"
HARD_CODED = "https://link.flexpa.com"  # the one host in the build
PAGE = """<!doctype html><title>Care</title><link rel=icon href='data:,'><h1>Care</h1>
<button id=connect>Connect</button>{script}<script>
FlexpaLink.create({{publishableKey: "{key}", user: {{externalId: "user-1"}}, usage: "MULTIPLE",
  onSuccess: (token) => {{ window.token = token; }}, onExit: (error) => {{ window.left = error || "closed"; }}}});
document.getElementById("connect").addEventListener("click", () => FlexpaLink.open());
</script>"""


class Website:
    """The developer's own pages, on a site of their own: 127.0.0.1, while the product is localhost."""

    def __init__(self) -> None:
        pages: dict[str, bytes] = {}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if self.path in pages else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(pages.get(self.path, b""))

            def log_message(self, *args: Any) -> None:
                pass

        self.pages = pages
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def website(team: Team, public_url: str, modules: Path) -> Iterator[Website]:
    made = Website()
    build = (modules / BUILD).read_text()
    assert build.count(HARD_CODED) == 2
    repointed = f"<script>{build.replace(HARD_CODED, public_url)}</script>"
    ours = f'<script src="{public_url}/v1/"></script>'
    for path, script in {"/published": repointed, "/ours": ours}.items():
        made.pages[path] = PAGE.format(script=script, key=team.publishable_key).encode()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def allowed(team: Team, website: Website) -> Website:
    add_allowed_origin(application=team.application, mode=Mode.TEST, origin=website.origin, by=SYSTEM)
    return website


@pytest.fixture
def context() -> Iterator[BrowserContext]:
    """A browser of its own; nothing between here and the end of the test may touch the database."""
    path = shutil.which("chromium")
    if path is None:
        pytest.fail(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        made = browser.new_context()
        made.set_default_timeout(20_000)
        yield made
        browser.close()


def open_widget(context: BrowserContext, url: str) -> tuple[Page, FrameLocator, list[str]]:
    page, complaints = context.new_page(), []
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None)
    page.goto(url)
    page.click("#connect")
    return page, page.frame_locator("iframe"), complaints


def consent_in_frame(context: BrowserContext, frame: FrameLocator) -> Page:
    """Walk the pages in the frame; return the tab in which the patient signs in at the source."""
    frame.locator("a.primary").click()
    frame.locator("button:has-text('FooMedical')").click()
    frame.locator("#agreed").check()
    assert context.cookies() == []  # a frame of another site has none, and gets none
    with context.expect_page() as opened:
        frame.locator("button[name=allow]").click()
    return opened.value


def sign_in(tab: Page) -> None:
    tab.fill("input[name=login]", LOGIN)
    tab.fill("input[name=password]", PASSWORD)
    tab.click("button[value=continue]")
    tab.click("button[value=allow]")
    tab.wait_for_selector("h1:has-text('Signed in')")


@pytest.mark.parametrize(("path", "usage", "user"), [("/published", "ONE_TIME", ""), ("/ours", "MULTIPLE", "user-1")])
def test_a_consent_in_the_frame_ends_with_a_public_token_in_the_page(
    team: Team, allowed: Website, context: BrowserContext, public_url: str, path: str, usage: str, user: str
) -> None:
    page, frame, complaints = open_widget(context, allowed.origin + path)
    tab = consent_in_frame(context, frame)
    frame.locator("#waiting").wait_for()
    sign_in(tab)
    token = page.wait_for_function("window.token").json_value()
    assert page.locator("iframe").count() == 0
    body = {"public_token": token, "secret_key": team.secret_key}
    found = httpx.post(f"{public_url}/link/exchange", json=body, trust_env=False)
    assert found.status_code == 200, found.text
    assert (found.json()["usage"], found.json()["user"]) == (usage, {"externalId": user})
    assert complaints == []


def test_a_refusal_and_a_closed_frame_are_told_to_the_page(
    allowed: Website, context: BrowserContext, public_url: str
) -> None:
    page, frame, complaints = open_widget(context, f"{allowed.origin}/ours")
    # A message of the page itself, or of any other window, is not the frame's.
    page.evaluate("window.postMessage({type: 'SUCCESS', payload: 'forged'}, '*')")
    frame.locator("[data-close]").click()
    assert page.wait_for_function("window.left").json_value() == "closed"
    assert page.evaluate("window.token") is None
    page.evaluate("delete window.left")
    page.click("#connect")
    frame.locator("button[name=refuse]").click()
    frame.locator("h1:has-text('Nothing was shared')").wait_for()
    frame.locator("[data-close]").click()
    told = page.wait_for_function("window.left").json_value()
    assert told == {"type": "REJECTED", "message": "Nothing was shared"}
    assert complaints == []


def test_a_site_that_is_not_allowed_cannot_hold_the_frame(website: Website, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{website.origin}/ours")
    with page.expect_event("console", predicate=lambda told: "frame-ancestors 'none'" in told.text):
        page.click("#connect")
    assert page.locator("iframe").content_frame.locator("a.primary").count() == 0


def test_a_page_of_the_frame_is_refused_outside_of_it(
    allowed: Website, context: BrowserContext, public_url: str
) -> None:
    """The token goes to the frame: a link to its pages must not be a way to collect a stranger's records."""
    page, frame, _ = open_widget(context, f"{allowed.origin}/ours")
    frame.locator("a.primary").wait_for()
    inner = next(each for each in page.frames if each.url.startswith(f"{public_url}/link/c/"))
    elsewhere = context.new_page()
    for part in ("", "source/", "confirm/", "waiting/"):
        answer = elsewhere.goto(inner.url + part)
        assert answer is not None
        assert answer.status == 403, part
    assert "belongs into the application" in elsewhere.inner_text("main")
