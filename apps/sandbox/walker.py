"""Walks the consent pages as a synthetic member would: over HTTP, form by form, without a shortcut.

Owns a tiny browser (cookies, redirects, forms); refuses to call any service: what it does, a patient can do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urljoin, urlsplit

from apps.outbound.http import Door
from apps.sandbox.payer.members import Member

STEPS = 20


class WalkFailed(Exception):
    """The pages did not lead to the end; the message is for the developer."""


@dataclass
class Form:
    """One form of a page: where it goes, what it holds, which buttons it has."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Page(HTMLParser):
    """The forms, the onward link and the public token of a page."""

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.url = url
        self.forms: list[Form] = []
        self.onward = ""
        self.public_token = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(Form(urljoin(self.url, given.get("action", ""))))
        elif tag == "a" and "primary" in given.get("class", "").split():
            self.onward = urljoin(self.url, given.get("href", ""))
        elif tag == "input" and given.get("id") == "public-token":
            self.public_token = given.get("value", "")
        elif tag in ("input", "button") and self.forms and given.get("name"):
            form = self.forms[-1]
            form.names.add(given["name"])
            if tag == "button":
                form.buttons.append((given["name"], given.get("value", "")))
            elif given.get("type") not in ("radio", "checkbox"):
                form.fields[given["name"]] = given.get("value", "")

    def form_with(self, name: str) -> Form | None:
        return next((form for form in self.forms if name in form.names), None)


class Walker:
    """One browser: our own pages and the payer's, nothing else."""

    def __init__(self, *, public_url: str, payer_url: str) -> None:
        self.hosts = {urlsplit(public_url).netloc, urlsplit(payer_url).netloc}
        self.door = Door(allowed=frozenset(_host_port(url) for url in (public_url, payer_url)))
        self.cookies: dict[str, dict[str, str]] = {}

    def walk(self, start: str, *, member: Member, endpoint_id: str) -> str:
        """Go from `start` to the end; return the application's redirect URI, or the public token.

        Raises: WalkFailed.
        """
        page = self._get(start)
        for _ in range(STEPS):
            if isinstance(page, str):
                return page
            if page.public_token:
                return page.public_token
            page = self._step(page, member, endpoint_id)
        raise WalkFailed("The consent pages did not come to an end.")

    def _step(self, page: Page, member: Member, endpoint_id: str) -> Page | str:
        if form := page.form_with("login"):
            answers = {"login": member.login, "password": member.password}
            return self._post(form, {name: answers[name] for name in form.names & set(answers)}, "decision", "continue")
        if form := page.form_with("agreed"):
            return self._post(form, {"agreed": "yes"}, "allow", "yes")
        if form := page.form_with("endpoint"):
            if ("endpoint", endpoint_id) not in form.buttons:
                raise WalkFailed("The endpoint is not offered on the consent page.")
            return self._post(form, {}, "endpoint", endpoint_id)
        if (form := page.form_with("decision")) and ("decision", "allow") in form.buttons:
            return self._post(form, {}, "decision", "allow")
        if page.onward:
            return self._get(page.onward)
        raise WalkFailed(f"The page {urlsplit(page.url).path} offers no way on.")

    def _post(self, form: Form, answers: dict[str, str], button: str, value: str) -> Page | str:
        return self._ask("POST", form.action, {**form.fields, **answers, button: value})

    def _get(self, url: str) -> Page | str:
        return self._ask("GET", url, None)

    def _ask(self, method: str, url: str, data: dict[str, str] | None) -> Page | str:
        for _ in range(STEPS):
            host = urlsplit(url).netloc
            if host not in self.hosts:
                return url  # the application's own address: the walk is over
            sent = "; ".join(f"{name}={value}" for name, value in self.cookies.get(host, {}).items())
            headers = {"Cookie": sent} if sent else {}
            answer = self.door.request(method, url, headers=headers, data=data, max_bytes=2**20)
            for name, morsel in SimpleCookie(answer.headers.get("set-cookie", "")).items():
                self.cookies.setdefault(host, {})[name] = morsel.value
            if answer.status not in (301, 302, 303, 307):
                if answer.status >= 400:
                    raise WalkFailed(f"{urlsplit(url).path} answered {answer.status}.")
                return Page(url, answer.body.decode("utf-8", "replace"))
            url, method, data = urljoin(url, answer.headers["location"]), "GET", None
        raise WalkFailed("Too many redirects.")


def _host_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def read_answer(redirect_uri: str) -> dict[str, str]:
    """Return the query of the application's redirect URI as single values."""
    return {name: values[0] for name, values in parse_qs(urlsplit(redirect_uri).query).items()}
