"""The code samples of a documentation page kept as text: shell and JavaScript, with the answer shown below."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HOST = "https://api.flexpa.com"
SHELL = re.compile(r"(?:GET\s*|[A-Z_]+=\S|# Base64|curl )")
SCRIPT = re.compile(r"const ")
ADDRESS = re.compile(rf"{re.escape(HOST)}(/[^\s'\"?]*)")
ANSWER = ("Response", "Reponse", "Resolved Resource")
# The page's text has the route of a sample on one line with the sample's first.
ROUTE = re.compile(r"/fhir/\S*?(?=[A-Z]+_TOKEN=|const )")
STRING_OR_ELISION = re.compile(r'("(?:\\.|[^"\\])*")|\.\.\.')
COMMA_TOO_MANY = re.compile(r",(?=\s*[}\],])")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: its lines, the line of the page that it begins on, the answer shown (None if there is none)."""

    text: str
    line: int
    answer: Any

    @property
    def address(self) -> str:
        found = ADDRESS.search(self.text)
        return found[1] if found else ""

    @property
    def is_shell(self) -> bool:
        return "curl " in self.text

    def __str__(self) -> str:
        grant = re.search(r'"grant_type": "(\w+)"', self.text)
        return f"{self.address}{f' ({grant[1]})' if grant else ''}, line {self.line}"


def read_samples(page: str) -> list[Sample]:
    """Return every curl call, with the variables set right above it, and every script that fetches."""
    lines, samples, at = _lines_of(page), [], 0
    while at < len(lines):
        end = _end_of(lines, at)
        if end is None:
            at += 1
            continue
        text = "\n".join(lines[at:end])
        answers = _shown_below(lines, end, ANSWER, within=3)
        samples.append(Sample(text.replace("GET\n", ""), at + 1, answers[0] if answers else None))
        at = end
    return samples


def read_shown(page: str, title: str) -> Any:
    """Return the JSON below a title of the page."""
    lines = _lines_of(page)
    (found,) = _shown_below(lines, 0, [title], within=len(lines))
    return found


def _lines_of(page: str) -> list[str]:
    return [ROUTE.sub("", line) for line in page.splitlines()]


def _end_of(lines: list[str], start: int) -> int | None:
    """Return the line behind the sample that begins at `start`, None if none does."""
    if SHELL.match(lines[start]):
        for at in range(start, min(start + 25, len(lines))):
            text = "\n".join(lines[start : at + 1])
            if "curl " in text and not lines[at].endswith("\\") and _is_closed(text):
                return at + 1
            if "curl " not in text and not SHELL.match(lines[at]) and lines[at].strip():
                return None
    elif SCRIPT.match(lines[start]):
        for at in range(start, min(start + 25, len(lines))):
            if ".json()" in lines[at]:
                return at + 1
    return None


def _is_closed(text: str) -> bool:
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return False
    return True


def _shown_below(lines: list[str], start: int, titles: Sequence[str], *, within: int) -> list[Any]:
    """Read the JSON below each of the titles that stands in the next lines."""
    ends = range(start, min(start + within, len(lines)))
    return [_json_below(lines, at) for at in ends if lines[at] in titles and lines[at + 1 : at + 2] == ["{"]]


def _json_below(lines: list[str], at: int) -> Any:
    """The page has commas too many, a semicolon, and dots for what it leaves out."""
    for last in range(at + 1, len(lines)):
        text = STRING_OR_ELISION.sub(lambda found: found[1] or "", "\n".join(lines[at + 1 : last + 1]))
        try:
            return json.loads(COMMA_TOO_MANY.sub("", text).removesuffix(";"))
        except ValueError:
            continue
    return None
