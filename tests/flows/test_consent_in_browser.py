"""A patient's browser under the real content policy (rulings A1): both forms of the consent, to their end."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Page, sync_playwright
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from apps.applications.keys import Mode
from apps.applications.services import add_redirect_uri
from apps.audit.events import SYSTEM
from apps.authorizations.models import ConsentText
from tests.authorizations.journey import CHALLENGE, VERIFIER

from . import world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]
LOGIN, PASSWORD = "patient1@flexpa.com", "examplepatient"
INSTALL = "The browser tests need Chromium. Install it: apt-get update && apt-get install -y chromium"
PAGE = b"<!doctype html><title>Connected</title><link rel=icon href='data:,'><h1>Connected</h1>"
ARGUMENTS = [
    "--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]  # fmt: skip


class Callback:
    """The developer's own application: one page that remembers how it was called."""

    def __init__(self) -> None:
        calls: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.startswith("/callback"):
                    calls.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(PAGE)

            def log_message(self, *args: Any) -> None:
                pass

        self.calls = calls
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}/callback"


@pytest.fixture
def callback() -> Iterator[Callback]:
    made = Callback()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def public_url(live_server: LiveServer, static_files: None, settings: Settings) -> str:
    settings.PUBLIC_URL = live_server.url
    return live_server.url


@pytest.fixture
def team(payer_url: str, public_url: str, callback: Callback) -> world.Team:
    made = world.make_team()
    add_redirect_uri(application=made.application, mode=Mode.TEST, uri=callback.url, by=SYSTEM)
    ConsentText.objects.get_or_create(
        version="2026-11", locale="en", defaults={"body": "{application} gets your records {duration}"}
    )
    return made


class Watched:
    """A page, and everything that the browser complains about on the way."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} {message.location.get('url', '')}")


@pytest.fixture
def watched(team: world.Team) -> Iterator[Watched]:
    """A browser of its own; nothing between here and the end of the test may touch the database."""
    browser_path = shutil.which("chromium")
    if browser_path is None:
        pytest.fail(INSTALL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=ARGUMENTS)
        page = browser.new_page()
        page.set_default_timeout(20_000)
        yield Watched(page)
        browser.close()


def consent_and_sign_in(page: Page, start: str, payer_url: str) -> None:
    page.goto(start)
    assert "asks for a copy of your health records" in page.inner_text("h1")
    page.click("a.primary")
    page.click("button:has-text('FooMedical')")
    assert not page.is_checked("#agreed")
    page.check("#agreed")
    page.click("button[name=allow]")
    page.wait_for_url(f"{payer_url}/**")
    page.fill("input[name=login]", LOGIN)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[value=continue]")
    page.click("button[value=allow]")


def test_oauth_consent_reaches_the_application_with_a_code_that_works(
    team: world.Team, watched: Watched, callback: Callback, public_url: str, payer_url: str
) -> None:
    query = {
        "response_type": "code", "client_id": team.publishable_key, "redirect_uri": callback.url, "state": "xyz",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "launch/patient",
        "flexpa_external_id": "user-1",
    }  # fmt: skip
    consent_and_sign_in(watched.page, f"{public_url}/link/auth?{urlencode(query)}", payer_url)
    watched.page.wait_for_url(f"{callback.url}?**")
    assert watched.page.inner_text("h1") == "Connected"
    (call,) = callback.calls
    answer = dict(parse_qsl(urlsplit(call).query))
    assert answer["state"] == "xyz"
    body = {
        "grant_type": "authorization_code", "code": answer["code"], "code_verifier": VERIFIER,
        "redirect_uri": callback.url, "client_id": team.publishable_key,
    }  # fmt: skip
    found = httpx.post(f"{public_url}/link/token", data=body, trust_env=False)
    assert found.status_code == 200, found.text
    assert watched.complaints == []


def test_refusal_reaches_the_application_from_either_page(
    team: world.Team, watched: Watched, callback: Callback, public_url: str
) -> None:
    query = {
        "response_type": "code", "client_id": team.publishable_key, "redirect_uri": callback.url, "state": "xyz",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "launch/patient",
        "flexpa_external_id": "user-1",
    }  # fmt: skip
    page, start = watched.page, f"{public_url}/link/auth?{urlencode(query)}"
    page.goto(start)
    page.click("button[name=refuse]")
    page.wait_for_url(f"{callback.url}?**")
    page.goto(start)
    page.click("a.primary")
    page.click("button:has-text('FooMedical')")
    page.click("button[name=refuse]")
    page.wait_for_url(f"{callback.url}?**")
    assert [dict(parse_qsl(urlsplit(call).query))["error"] for call in callback.calls] == ["access_denied"] * 2
    assert watched.complaints == []


def test_widgets_consent_ends_with_a_public_token_that_works(
    team: world.Team, watched: Watched, public_url: str, payer_url: str
) -> None:
    query = {"publishableKey": team.publishable_key, "externalId": "user-1", "usage": "ONE_TIME"}
    consent_and_sign_in(watched.page, f"{public_url}/link/open?{urlencode(query)}", payer_url)
    watched.page.wait_for_selector("text=Done")
    token = watched.page.input_value("#public-token")
    body = {"public_token": token, "secret_key": team.secret_key}
    found = httpx.post(f"{public_url}/link/exchange", json=body, trust_env=False)
    assert found.status_code == 200, found.text
    assert watched.complaints == []
