"""What a mail says: everything of its context in both forms, nothing beyond its list, and no markup of strangers."""

from __future__ import annotations

import dataclasses
import datetime as dt
import html.parser
import re
from email.message import Message

import pytest
from django.core.mail import EmailMultiAlternatives
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from apps.audit.events import SYSTEM, Actor, ActorKind
from apps.mails.composing import Composed, RefusedContext, Value, compose, one_line
from apps.mails.kinds import KINDS, MailKind
from apps.mails.places import MailPlace, mail_place
from apps.workspaces.models import Role, Workspace
from tests.mails.samples import BY, CONTEXTS, LIVE, NOW

KIND_NAMES = list(MailKind)
HOSTILE = "<script>alert(1)</script>\r\nBcc: all@evil.example\n\nPay “now” & here {who} {{ who }} %s\u202e\x00"


def composed(kind: MailKind, place: MailPlace = LIVE, by: Actor = BY, **changes: Value) -> Composed:
    return compose(kind, context={**CONTEXTS[kind], **changes}, place=place, by=by, now=NOW)


class Seen(html.parser.HTMLParser):
    """The text, the elements and the addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.elements, self.addresses = "", set[str](), set[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.addresses |= {str(value) for name, value in attrs if name in ("href", "src", "background", "action")}

    def handle_data(self, data: str) -> None:
        self.text += data


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_every_kind_has_a_row_and_a_sample() -> None:
    assert set(KINDS) == set(CONTEXTS) == set(MailKind)


def test_the_roles_are_those_of_workspaces() -> None:
    assert set(KINDS[MailKind.INVITATION].choices["role"]) == set(Role.values)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_mail_says_who_when_from_where_and_what_to_do_in_both_forms(kind: MailKind, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://relay.example"
    mail = composed(kind)
    row, seen = KINDS[kind], Seen(mail.html)
    for form in (squeezed(mail.text), squeezed(seen.text)):
        for wanted in ("ada@acme.example", "20 Nov 2026, 22:37 UTC", "203.0.113.7", "Acme Health", "Care app", "Live"):
            assert wanted in form
        assert row.advice_title in form
        assert row.button in form
        assert mail.subject.removeprefix("[Record Relay] ") in form
    (link,) = seen.addresses - {"https://relay.example"}
    assert link.startswith("https://relay.example/")
    assert link in mail.text
    assert "{" not in mail.text + mail.subject


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_both_forms_have_the_same_words(kind: MailKind) -> None:
    mail = composed(kind)
    body = squeezed(re.sub(r"<title>.*?</title>|<style>.*?</style>", "", mail.html, flags=re.DOTALL))
    shown = Seen(body).text
    for line in mail.text.split("\n\n"):
        words = squeezed(line)
        if ":" not in words and not words.startswith("--"):
            assert words.removeprefix(KINDS[kind].advice_title + " ") in squeezed(shown)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_every_allowed_field_is_told_somewhere(kind: MailKind) -> None:
    """A field that no text shows should not be asked for."""
    for name in KINDS[kind].fields:
        if name in KINDS[kind].choices:
            first, second, *_ = [*KINDS[kind].choices[name], ""]
            if not second:
                continue
            pair = {name: first}, {name: second}
        elif name == "path":
            pair = {name: "/a/"}, {name: "/b/"}
        else:
            pair = {name: "one"}, {name: "another"}
        assert composed(kind, **pair[0]).text != composed(kind, **pair[1]).text, name  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KIND_NAMES)
@pytest.mark.parametrize("extra", ["external_id", "secret", "value", "patient", "object_key", "resource", "who"])
def test_a_field_that_is_not_listed_is_refused(kind: MailKind, extra: str) -> None:
    with pytest.raises(RefusedContext, match=extra) as refused:
        composed(kind, **{extra: "canary-7319"})  # type: ignore[arg-type]
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_field_that_is_missing_is_refused(kind: MailKind) -> None:
    for name in CONTEXTS[kind]:
        less = {each: value for each, value in CONTEXTS[kind].items() if each != name}
        with pytest.raises(RefusedContext, match=name):
            compose(kind, context=less, place=LIVE, by=BY, now=NOW)


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_choice_takes_its_own_names_only(kind: MailKind) -> None:
    for name, choices in KINDS[kind].choices.items():
        for wrong in ("somebody's text", None, next(iter(choices.values())) + "!"):
            with pytest.raises(RefusedContext, match=name):
                composed(kind, **{name: wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_hostile_names_add_no_element_no_line_and_no_header(kind: MailKind) -> None:
    place = dataclasses.replace(LIVE, workspace=HOSTILE, application=HOSTILE)
    by = dataclasses.replace(BY, label=HOSTILE, ip=HOSTILE)
    free = dict.fromkeys(KINDS[kind].fields - set(KINDS[kind].choices) - {"path", "destination_id"}, HOSTILE)
    mail, plain = composed(kind, place, by, **free), composed(kind)
    seen = Seen(mail.html)
    assert seen.elements == Seen(plain.html).elements
    assert "<script>alert(1)</script> Bcc: all@evil.example Pay" in squeezed(seen.text)
    assert not re.search(r"[\x00\r\u202e]", mail.text + mail.html + mail.subject)
    assert mail.text.count("\n\n") == plain.text.count("\n\n")
    written: Message = EmailMultiAlternatives(mail.subject, mail.text, "a@b.example", ["c@d.example"]).message()
    assert written["Bcc"] is None
    assert "\n" not in mail.subject


@given(st.text(max_size=400))
def test_one_line_is_one_line_whatever_comes(text: str) -> None:
    told = one_line(text)
    assert len(told.splitlines()) <= 1
    assert len(told) <= 200
    assert told == one_line(told)
    if len(text) <= 200 and text.isascii() and text.isprintable():
        assert told == " ".join(text.split())


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "invitations/x", "/a b/", "/a?next=//evil", "/x\n/", "//evil.example", "", None]
)
def test_a_link_of_a_mail_stays_below_our_own_address(path: str | None) -> None:
    with pytest.raises(RefusedContext):
        composed(MailKind.INVITATION, path=path)


def test_a_long_path_is_not_cut(settings: Settings) -> None:
    path = "/invitations/" + "a" * 400 + "/"
    assert settings.PUBLIC_URL + path in composed(MailKind.INVITATION, path=path).text


def test_test_mode_is_marked_in_subject_and_both_forms_and_live_is_not() -> None:
    test = composed(MailKind.KEY_ISSUED, dataclasses.replace(LIVE, mode="test", path="/w/acme/a/care/test/"))
    live = composed(MailKind.KEY_ISSUED)
    assert test.subject == "[Record Relay] [TEST] New secret key for Care app"
    assert live.subject == "[Record Relay] New secret key for Care app"
    assert test.text.startswith("TEST MODE: synthetic patients only")
    assert "TEST mode: synthetic patients only" in Seen(test.html).text
    assert "TEST" not in live.text + live.html


def test_the_brand_is_the_operators(settings: Settings) -> None:
    settings.BRAND_NAME = "Beech & Co"
    mail = composed(MailKind.KEY_ISSUED, by=SYSTEM)
    assert mail.subject.startswith("[Beech & Co] ")
    assert "Beech & Co created the secret key" in squeezed(mail.text)
    assert "Beech &amp; Co created the secret key" in squeezed(mail.html)


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        (ActorKind.PERSON, "member-00203"),
        (ActorKind.KEY, "The key member-00203"),
        (ActorKind.SUPPORT, "Record Relay support"),
        (ActorKind.SYSTEM, "Record Relay"),
        (ActorKind.PATIENT, "Record Relay"),
        (ActorKind.TOKEN, "Record Relay"),
    ],
)
def test_only_persons_and_keys_are_named(kind: ActorKind, who: str) -> None:
    mail = composed(MailKind.KEY_ISSUED, by=Actor(kind=kind, label="member-00203"))
    assert f"\nWho: {who}\n" in mail.text
    assert "From address" not in mail.text


def test_a_roll_without_overlap_says_so() -> None:
    assert "works until 21 Nov 2026, 22:37 UTC" in squeezed(composed(MailKind.KEY_ROLLED).text)
    assert "is refused from now on" in squeezed(composed(MailKind.KEY_ROLLED, ends_at=None).text)


def test_times_are_utc_wherever_they_come_from() -> None:
    tokyo = dt.timezone(dt.timedelta(hours=9))
    mail = composed(MailKind.KEY_ROLLED, ends_at=NOW.astimezone(tokyo))
    assert "20 Nov 2026, 22:37 UTC" in squeezed(mail.text)


def test_html_is_whole_and_asks_nobody() -> None:
    mail = composed(MailKind.DESTINATION_PAUSED)
    seen = Seen(mail.html)
    assert not seen.elements & {"img", "script", "link", "iframe", "form", "video", "object"}
    assert not re.search(r"url\(|@import|src=", mail.html)
    assert all(address.startswith("http://localhost:8000") for address in seen.addresses)
    assert len(mail.html) < 20_000  # a tenth of what mail programs cut off


def test_a_place_knows_its_addresses() -> None:
    workspace = Workspace(name="Acme Health", slug="acme")
    whole = mail_place(workspace)
    assert (whole.workspace_id, whole.workspace, whole.path, whole.mode) == (
        str(workspace.pk),
        "Acme Health",
        "/w/acme/",
        "",
    )
    inside = mail_place(workspace, Workspace(name="Care app", slug="care"), "test")
    assert (inside.application, inside.path, inside.mode) == ("Care app", "/w/acme/a/care/test/", "test")


def test_a_composed_mail_survives_its_row() -> None:
    mail = composed(MailKind.KEY_ISSUED)
    assert Composed.from_json(mail.to_json()) == mail
