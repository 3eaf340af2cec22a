"""A person on their way from no account to the first delivery: with mouse and keyboard, or with the keyboard alone.

Owns the hands, the mailbox and the recording; what there is to do is in `test_journey`. Between the opening and the
closing of a browser nothing here touches the database.
"""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import policy
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from playwright.sync_api import Locator, Page, Request

from tests.faces.browser import looking

MOST_TABS = 90
PATIENCE = 40.0
HEADINGS = "h1, h2, p.sub"
# A hint of the browser about time, not about the page: a busy machine draws later than it loads.
SLOW_FONT = "was preloaded using link preload but not used within a few seconds"
# What a person who tabs is told about where they are.
FOCUSED = """() => {
  const it = document.activeElement;
  if (!it || it === document.body) return null;
  const ring = (one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  };
  const kind = {A: "link", BUTTON: "button", INPUT: "field", TEXTAREA: "field", SELECT: "field"}[it.tagName] ?? "";
  const words = it.getAttribute("aria-label") ?? it.labels?.[0]?.innerText ?? it.innerText ?? "";
  const inner = !it.matches(":focus");  // a part of a date field, which the browser rings itself
  const seen = inner || ring(it) || ring(it.parentElement) || getComputedStyle(it).boxShadow !== "none";
  return {kind, name: words.replace(/\\s+/g, " ").trim(), seen,
    what: it.outerHTML.slice(0, 160)};
}"""


class Hands(Protocol):
    """What a person does to a page; every control is named as the page names it."""

    page: Page

    def follow(self, link: str | re.Pattern[str]) -> None: ...
    def press(self, button: str | re.Pattern[str]) -> None: ...
    def fill(self, field: str, text: str) -> None: ...
    def tick(self, box: str) -> None: ...
    def copy(self, text: str) -> str: ...


class Mouse:
    """Points and clicks; reads a text where it stands."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def follow(self, link: str | re.Pattern[str]) -> None:
        self._find("link", link).click()

    def press(self, button: str | re.Pattern[str]) -> None:
        self._find("button", button).click()

    def fill(self, field: str, text: str) -> None:
        self.page.get_by_label(field, exact=True).fill(text)

    def tick(self, box: str) -> None:
        self.page.get_by_label(box, exact=True).check()

    def copy(self, text: str) -> str:
        return str(self.page.locator(f"pre[aria-label='{text}']").text_content())

    def _find(self, role: Any, name: str | re.Pattern[str]) -> Locator:
        exact = isinstance(name, str)
        return self.page.get_by_role(role, name=name, exact=exact).first


class Keyboard:
    """Has no mouse: Tab, Enter, Space and letters. Sees where the focus is at every stop, or gives up."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def follow(self, link: str | re.Pattern[str]) -> None:
        self._tab_to("link", link)
        self.page.keyboard.press("Enter")

    def press(self, button: str | re.Pattern[str]) -> None:
        self._tab_to("button", button)
        self.page.keyboard.press("Enter")

    def fill(self, field: str, text: str) -> None:
        self._tab_to("field", field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def tick(self, box: str) -> None:
        self._tab_to("field", box)
        self.page.keyboard.press("Space")

    def copy(self, text: str) -> str:
        self.press(f"Copy {text}")
        self.page.wait_for_selector("#said:has-text('Copied.')")
        return str(self.page.evaluate("navigator.clipboard.readText()"))

    def _tab_to(self, kind: str, name: str | re.Pattern[str]) -> None:
        wanted = name if isinstance(name, re.Pattern) else re.compile(re.escape(name))
        passed = []
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(FOCUSED)
            if stop is None:  # the browser's own bar
                continue
            assert stop["seen"], f"nobody sees the focus on {stop['what']}"
            if stop["kind"] == kind and wanted.fullmatch(stop["name"]):
                return
            passed.append(f"{stop['kind']} {stop['name'][:40]!r}")
        raise AssertionError(f"{MOST_TABS} tabs do not reach {kind} {name!r} on {self.page.url}: {passed}")


class Recorder:
    """What happened, step by step, and everything on the way that nobody should see."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps: list[str] = []
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self._started = time.monotonic()

    def note(self, step: str) -> None:
        self.steps.append(f"{time.monotonic() - self._started:6.1f} s  {step}")

    def request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about"):
            self.hosts.add(parts.netloc)

    def keep(self, name: str) -> None:
        """Write the steps down, and take all out of the test's folder if RECORD names another one."""
        (self.folder / "steps.txt").write_text("\n".join(self.steps) + "\n")
        if kept := os.environ.get("RECORD"):
            shutil.copytree(self.folder, Path(kept) / name, dirs_exist_ok=True)


class Traveller:
    """A person in front of one browser, with their hands and their recorder."""

    def __init__(self, hands: Hands, recorder: Recorder, base: str) -> None:
        self.hands, self.recorder, self.base = hands, recorder, base
        self.page = hands.page

    def open(self, address: str) -> None:
        """Type an address, or follow a link of a mail: the only ways into a browser from outside."""
        self.page.goto(address)
        self.recorder.note(f"opened {urlsplit(address).path}")

    def arrives(self, heading: str) -> None:
        """Wait for the page that says so."""
        self.page.locator(HEADINGS).filter(has_text=heading).first.wait_for()
        self.page.wait_for_load_state()
        self.recorder.note(f"{heading}  {urlsplit(self.page.url).path}")

    def reads(self, selector: str) -> str:
        return str(self.page.locator(selector).first.text_content()).strip()

    def sees(self, heading: str) -> bool:
        return self.page.locator(HEADINGS).filter(has_text=heading).count() > 0


@contextmanager
def travelling(base: str, recorder: Recorder, hands: Callable[[Page], Hands]) -> Iterator[Traveller]:
    """Open a browser that knows nobody, film it, and close it as a person does who has had enough."""
    clipboard = ["clipboard-read", "clipboard-write"]
    film = recorder.folder / f"film-{len(list(recorder.folder.iterdir()))}.zip"
    with looking(base, permissions=clipboard) as looker:
        looker.context.on("request", recorder.request)
        looker.context.tracing.start(screenshots=True)
        try:
            yield Traveller(hands(looker.page), recorder, base)
        finally:
            (recorder.folder / "last.html").write_text(looker.page.content())
            looker.context.tracing.stop(path=film)
            looker.context.close()
            recorder.complaints += [each for each in looker.complaints if SLOW_FONT not in each]


class Mailbox:
    """The folder into which the mail lane sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def link(self, part: str) -> str:
        """Wait for a mail with a link whose address has this part."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for file in self.folder.glob("*"):
                message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
                body = message.get_body(("plain",))
                found = re.search(rf"https?://\S*{part}\S*", body.get_content() if body else "")
                if found:
                    return found[0]
            time.sleep(0.05)
        raise AssertionError(f"no mail with {part} has come")


@contextmanager
def working(folder: Path, *, payer_url: str, mailbox: Path) -> Iterator[None]:
    """Run `manage.py runworker` on this test's database; its mails go into a folder."""
    database = connection.settings_dict
    url = f"postgres://{database['USER']}:{database['PASSWORD']}@/{database['NAME']}?host={database['HOST']}"
    environment = {
        **os.environ, "DATABASE_URL": url, "VAR": str(folder), "SANDBOX_PAYER_URL": payer_url, "DEBUG": "1",
        "SECRET_KEY": settings.SECRET_KEY, "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
        "EMAIL_URL": f"filemail:///{mailbox}",
    }  # fmt: skip
    command = [sys.executable, str(Path(settings.BASE_DIR) / "manage.py"), "runworker"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    yield
    process.terminate()
    process.wait(60)
    sys.stdout.write((folder / "worker.log").read_text()[-4000:])  # pytest shows it when a test fails
