"""The code samples of a documentation page kept as text: shell and JavaScript, with the answer shown below."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

HOST = "https://api.flexpa.com"
SHELL = re.compile(r"(?:GET\s*|[A-Z_]+=\S|# Base64|curl )")
SCRIPT = re.compile(r"const ")
ADDRESS = re.compile(rf"{re.escape(HOST)}(/[^\s'\"?]*)")
ANSWER = ("Response", "Reponse")


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
    lines, samples, at = page.splitlines(), [], 0
    while at < len(lines):
        end = _end_of(lines, at)
        if end is None:
            at += 1
            continue
        text = "\n".join(lines[at:end])
        samples.append(Sample(text.replace("GET\n", ""), at + 1, _answer_below(lines, end)))
        at = end
    return samples


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


def _answer_below(lines: list[str], end: int) -> Any:
    """Read the JSON that is shown next; the page has commas too many."""
    at = next((at for at in range(end, min(end + 3, len(lines))) if lines[at] in ANSWER), None)
    if at is None:
        return None
    for last in range(at + 1, len(lines)):
        text = re.sub(r",(\s*[}\]])", r"\1", "\n".join(lines[at + 1 : last + 1]))
        try:
            return json.loads(text)
        except ValueError:
            continue
    return None
