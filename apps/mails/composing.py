"""Compose a mail: one set of words, laid out as text and as HTML, so that the two cannot say different things.

Owns the allow-list's enforcement and the taming of names: every value becomes one line without control
characters, so that no name can add a header, a paragraph or markup.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import textwrap
import unicodedata
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from django.conf import settings
from django.template import Context, engines

from apps.audit.events import Actor, ActorKind

from .kinds import KINDS, Kind, MailKind
from .places import MailPlace

Value = str | int | uuid.UUID | dt.datetime | None
LONGEST = 200  # characters of one value
TEXT_WIDTH = 76
MODES = {"test": "Test (synthetic patients)", "live": "Live"}
# A link's own part; it is never cut.
PATH = re.compile(r"(/[A-Za-z0-9._~:=-]+)+/?")
# Marks that turn the direction of the text around them: a name could make a line read as another.
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class RefusedContext(Exception):
    """A mail was asked to tell what its kind does not list, or without something that it needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A mail as it leaves."""

    subject: str
    text: str
    html: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Composed:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a mail says, before it is laid out."""

    heading: str
    paragraphs: Sequence[str]
    facts: Sequence[tuple[str, str]] = ()
    mode: str = ""
    button: str = ""
    link: str = ""
    advice: str = ""
    advice_title: str = "Not expected?"
    why: str = ""


def compose(kind: MailKind, *, context: Mapping[str, Value], place: MailPlace, by: Actor, now: dt.datetime) -> Composed:
    """Raises: RefusedContext."""
    row = KINDS[kind]
    values = _values(row, context) | {
        "who": _name_of(by),
        "workspace": one_line(place.workspace),
        "application": one_line(place.application),
    }
    page = row.page.format(**values)
    words = Words(
        heading=one_line(row.subject.format(**values)),
        paragraphs=paragraphs_of(row.template, values),
        facts=_facts(values, place, by, now),
        mode=place.mode,
        button=row.button,
        link=public_link(page if page.startswith("/") else place.path + page),
        advice=row.advice.format(**values),
        advice_title=row.advice_title,
        why=row.why.format(**values),
    )
    return lay_out(words)


def paragraphs_of(template: str, values: Mapping[str, object]) -> list[str]:
    """Render words without escaping: the layout escapes them, whole, where that is needed."""
    found = engines["django"].engine.get_template(template)  # type: ignore[attr-defined]
    rendered = found.render(Context(dict(values), autoescape=False))
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", rendered) if part.strip()]


def lay_out(words: Words) -> Composed:
    prefix = f"[{settings.BRAND_NAME}] " + ("[TEST] " if words.mode == "test" else "")
    shown = {
        **asdict(replace(words, facts=[fact for fact in words.facts if fact[1]])),
        "brand_name": settings.BRAND_NAME,
        "home": settings.PUBLIC_URL,
    }
    wrapped = {name: _wrap(str(shown[name])) for name in ("advice", "why")}
    in_text = {**shown, **wrapped, "paragraphs": [_wrap(each) for each in words.paragraphs]}
    engine = engines["django"].engine  # type: ignore[attr-defined]
    text = engine.get_template("mails/layout.txt").render(Context(in_text, autoescape=False))
    return Composed(
        subject=one_line(prefix + words.heading, longest=2 * LONGEST),
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        html=engine.get_template("mails/layout.html").render(Context(shown)),
    )


def one_line(value: object, *, longest: int = LONGEST) -> str:
    """Return a text that is one line, however it was written, and not too long."""
    flat = "".join(" " if unicodedata.category(each) in ("Cc", "Zl", "Zp") else each for each in str(value))
    told = " ".join(TURNING.sub("", flat).split())
    return told if len(told) <= longest else told[: longest - 1] + "…"


def moment(at: dt.datetime) -> str:
    """Shape: "20 Nov 2026, 22:37 UTC"."""
    return at.astimezone(dt.UTC).strftime("%d %b %Y, %H:%M UTC")


def public_link(path: str) -> str:
    """Return an address of ours: the public one, whatever host the request named."""
    return str(settings.PUBLIC_URL) + path


def _values(kind: Kind, context: Mapping[str, Value]) -> dict[str, str]:
    if context.keys() != kind.fields:
        names = ", ".join(sorted(context.keys() ^ kind.fields))
        raise RefusedContext(f"{kind.template} takes exactly its own fields; wrong or missing: {names}.")
    return {name: _value(kind, name, value) for name, value in context.items()}


def _value(kind: Kind, name: str, value: Value) -> str:
    if name in kind.choices:
        if value not in kind.choices[name]:
            raise RefusedContext(f"{kind.template} knows no such {name}.")
        return kind.choices[name][str(value)]
    if name == "path":
        if not PATH.fullmatch(str(value)):
            raise RefusedContext(f"{kind.template} needs a path below our own address.")
        return str(value)
    if isinstance(value, dt.datetime):
        return moment(value)
    return "" if value is None else one_line(value)


def _name_of(by: Actor) -> str:
    """Name a person or a key; of everybody else only what they are (a label might say who a patient is)."""
    if by.kind == ActorKind.PERSON and by.label:
        return one_line(by.label)
    if by.kind == ActorKind.KEY:
        return f"The key {one_line(by.label)}"
    if by.kind == ActorKind.SUPPORT:
        return f"{settings.BRAND_NAME} support"
    return str(settings.BRAND_NAME)


def _facts(values: Mapping[str, str], place: MailPlace, by: Actor, now: dt.datetime) -> list[tuple[str, str]]:
    return [
        ("Who", values["who"]),
        ("When", moment(now)),
        ("From address", one_line(by.ip)),
        ("Workspace", values["workspace"]),
        ("Application", values["application"]),
        ("Mode", MODES.get(place.mode, "")),
    ]


def _wrap(text: str) -> str:
    return textwrap.fill(text, TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
