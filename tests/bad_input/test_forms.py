"""Every form of the portal: found on its page, filled with nonsense, its complaints beside the field.

A page that takes POST and whose form is on no page fails here: it needs a page that shows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import pytest

from .conftest import Place
from .refusals import Fields, ask
from .routes import Face, Route, routes_of

TYPED = ("text", "email", "url", "search", "number", "textarea", "hidden")
WRONG: dict[str, str | list[str]] = {
    "nothing": "", "NUL": "a\x00b", "100,000 characters": "x" * 100_000, "half a character": "\ufffd", "spaces": "   ",
    "markup": "<script>alert(1)</script>", "a line break": "a\r\nb", "twice": ["a", "b"],
}  # fmt: skip
MUST_REFUSE = {"NUL", "100,000 characters"}
# A value that each text field takes, by its name.
GOOD = {
    "name": "Care, again", "slug": "care-again", "email": "nobody@example.com", "uri": "https://care.example/other",
    "purpose": "Care.", "notes": "Seen.", "bucket": "clinic-new", "region": "us-east-1", "note": "In the vault.",
    "role_arn": "arn:aws:iam::222222222222:role/relay", "prefix": "in/", "typed": "nonsense",
}  # fmt: skip


@dataclass
class Form:
    action: str
    values: dict[str, str] = field(default_factory=dict)
    typed: set[str] = field(default_factory=set)


class Forms(HTMLParser):
    """The POST forms of a page with what a browser would send."""

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.url, self.forms, self._select, self._inside = url, list[Form](), "", False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("method", "get").lower() == "post"
            if self._inside:
                self.forms.append(Form(given.get("action") or self.url))
        if not self._inside or not self.forms:
            return
        form, name = self.forms[-1], given.get("name", "")
        if tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in given or self._select not in form.values):
            form.values[self._select] = given.get("value", "")
        elif name and tag in ("input", "textarea"):
            kind = given.get("type", "text") if tag == "input" else "textarea"
            if kind not in ("radio", "checkbox") or "checked" in given or name not in form.values:
                form.values[name] = given.get("value", "")
            if kind in TYPED and kind != "hidden":
                form.typed.add(name)

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"


PAGES = (Face.PORTAL, Face.PAGES, Face.SUPPORT)


def pages() -> list[Route]:
    """The live portal is the test portal with other objects: its forms are the same."""
    return [route for route in routes_of(*PAGES) if not route.pattern.startswith("/live/")]


def forms_of(place: Place) -> dict[str, Form]:
    """Return the forms of all pages, by where they are sent."""
    found: dict[str, Form] = {}
    for route in pages():
        assert route.face is not None
        path = place.path(route)
        answer = place.client(route.face).get(path)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            for form in Forms(path, answer.content.decode()).forms:
                found[form.action] = form
    return found


def send(place: Place, face: Face, form: Form, changes: dict[str, Any]) -> Any:
    values = {name: value or GOOD.get(name, "") for name, value in form.values.items()}
    client = place.client(face)
    if "ticket" in values:  # it is spent by its first POST, so each gets its own
        shown = [
            each
            for each in Forms(form.action, client.get(form.action).content.decode()).forms
            if "ticket" in each.values
        ]
        values["ticket"] = shown[0].values["ticket"] if shown else values["ticket"]
    return ask(client.post, form.action, {**values, **changes})


def test_every_page_that_takes_post_has_its_form_on_some_page(place: Place) -> None:
    actions, missing = set(forms_of(place)), []
    for route in pages():
        assert route.face is not None
        path = place.path(route)
        answer = ask(place.client(route.face).generic, "BREW", path)
        if "POST" in answer.headers.get("Allow", "") and path not in actions:
            missing.append(str(route))
    # Buttons that show only in a state that no object of this world is in.
    assert set(missing) <= {
        "/test/deliveries/<uuid:delivery_id>/replay/", "/test/destinations/<uuid:destination_id>/enable/",
        "/test/destinations/<uuid:destination_id>/disable/", "/test/destinations/<uuid:destination_id>/backfill/",
        "/test/destinations/<uuid:destination_id>/set-region/", "/test/settings/live-access/",
        "/test/destinations/<uuid:destination_id>/rotate/test/",
        "/test/destinations/<uuid:destination_id>/rotate/discard/",
        "/test/destinations/<uuid:destination_id>/setup/external-id/",
        "/w/<slug:workspace>/settings/second-factor/", "/invite/<str:token>/",
    }  # fmt: skip


@pytest.mark.parametrize("what", sorted(WRONG))
def test_nonsense_in_a_text_field_is_said_beside_the_field(place: Place, what: str) -> None:
    wrong: dict[str, str] = {}
    for action, form in forms_of(place).items():
        face = Face.SUPPORT if action.startswith("/support/") else Face.PORTAL
        for name in sorted(form.typed):
            answer = send(place, face, form, {name: WRONG[what]})
            where = f"{re.sub(r'[0-9a-f-]{36}', '<id>', action)} {name}"
            if answer.status_code >= 400 or answer.status_code not in (200, 302):
                wrong[where] = f"{answer.status_code}"
            elif answer.status_code == 200:
                fields = Fields(answer.content.decode())
                if fields.faults:
                    wrong[where] = f"complaints that no field points to: {fields.faults}"
                elif fields.complaints and (answer.rows_changed or name not in fields.invalid):
                    wrong[where] = f"changed {answer.rows_changed}, marked {fields.invalid}"
            is_refused = answer.status_code == 200 and not answer.rows_changed
            if what in MUST_REFUSE and not is_refused and where not in wrong:
                wrong[where] = "taken"
    assert wrong == {}


@pytest.mark.parametrize("value", ["nonsense", "", "\x00", "x" * 10_000])
def test_a_choice_that_is_not_offered_is_refused(place: Place, value: str) -> None:
    wrong: dict[str, str] = {}
    for action, form in forms_of(place).items():
        face = Face.SUPPORT if action.startswith("/support/") else Face.PORTAL
        for name in sorted(set(form.values) - form.typed - {"csrfmiddlewaretoken", "ticket", "back"}):
            answer = send(place, face, form, {name: value})
            if answer.status_code >= 500 or (answer.status_code == 200 and Fields(answer.content.decode()).faults):
                wrong[f"{action} {name}"] = f"{answer.status_code}"
    assert wrong == {}
