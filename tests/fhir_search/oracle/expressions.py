"""A naive interpreter of the FHIRPath that search parameters are written in, over parsed JSON.

Owns paths, choice types, `|`, `as`, `is`, `=`, `!=`, `and`, `where`, `exists`, `resolve`, `extension`, `ofType`;
refuses everything else. Source: FHIRPath 2.0.0; FHIR R4, "FHIRPath" (2.9) and "Choice of Data Types" (2.6.0.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

# The data types that can end the name of a choice element.
DATA_TYPES = re.findall(
    r"\w+",
    """
    Base64Binary Boolean Canonical Code Date DateTime Decimal Id Instant Integer Markdown Oid PositiveInt String Time
    UnsignedInt Uri Url Uuid Address Age Annotation Attachment CodeableConcept Coding ContactPoint Count Distance
    Duration HumanName Identifier Money Period Quantity Range Ratio Reference SampledData Signature Timing
    ContactDetail Contributor DataRequirement Expression ParameterDefinition RelatedArtifact TriggerDefinition
    UsageContext Dosage Meta
    """,
)

_TOKEN = re.compile(r"\s*('(?:[^'\\]|\\.)*'|%?[A-Za-z_]\w*|\d+|!=|[().\[\]|=,])")
_TYPE_AND_ID = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/[^/?#\s]+(?:/_history/[^/]+)?")
ANY_TYPE = "*"


@dataclass(frozen=True, slots=True)
class Node:
    """One value: its JSON, its type as far as a choice key or a resource says it, the keys that led to it."""

    value: Any
    type: str = ""
    trail: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Run:
    root: Node
    unknown_resolves: bool


Collection = list[Node]
_Step = Callable[[_Run, Collection], Collection]


def evaluate(expression: str, root: Node, *, unknown_resolves: bool = False) -> Collection:
    """List what an expression finds; `unknown_resolves` lets a reference whose type nobody can read pass `is`."""
    return compiled(expression)(_Run(root, unknown_resolves), [root])


@cache
def compiled(expression: str) -> _Step:
    return _Parser(expression).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = _TOKEN.findall(text)
        if "".join(self.tokens) != re.sub(r"\s+(?=(?:[^']*'[^']*')*[^']*$)", "", text):
            raise ValueError(f"Not a known expression: {text}")

    def peek(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def accept(self, *tokens: str) -> str:
        return self.tokens.pop(0) if self.peek() in tokens and self.tokens else ""

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise ValueError(f"{token} expected in {self.text}")

    def whole(self) -> _Step:
        step = self.conjunction()
        if self.tokens:
            raise ValueError(f"Unexpected {self.peek()} in {self.text}")
        return step

    def conjunction(self) -> _Step:
        left = self.comparison()
        while self.accept("and"):
            left = _both(left, self.comparison())
        return left

    def comparison(self) -> _Step:
        left = self.union()
        while operator := self.accept("=", "!="):
            left = _compare(left, self.union(), wanted=operator == "=")
        return left

    def union(self) -> _Step:
        left = self.typed()
        while self.accept("|"):
            left = _union(left, self.typed())
        return left

    def typed(self) -> _Step:
        step = self.path()
        while operator := self.accept("as", "is"):
            step = _then(step, (_as if operator == "as" else _is)(self.type_name()))
        return step

    def type_name(self) -> str:
        name = self.tokens.pop(0)
        while self.accept("."):
            name = self.tokens.pop(0)
        return str(name)

    def path(self) -> _Step:
        step = self.term()
        while True:
            if self.accept("."):
                step = _then(step, self.invocation())
            elif self.accept("["):
                step = _then(step, _index(int(self.tokens.pop(0))))
                self.expect("]")
            else:
                return step

    def term(self) -> _Step:
        if self.accept("("):
            step = self.conjunction()
            self.expect(")")
            return step
        token = self.peek()
        if token.startswith("'"):
            return _constant(self.tokens.pop(0)[1:-1])
        if self.accept("true", "false"):
            return _constant(token == "true")
        if self.accept("%resource"):
            return lambda run, _focus: [run.root]
        return self.invocation()

    def invocation(self) -> _Step:
        name = self.tokens.pop(0)
        if not self.accept("("):
            return _child(name)
        match name:
            case "where":
                step = _where(self.conjunction())
            case "as" | "ofType":
                step = _as(self.type_name())
            case "is":
                step = _is(self.type_name())
            case "extension":
                step = _extension(self.tokens.pop(0)[1:-1])
            case "exists":
                step = _exists
            case "resolve":
                step = _resolve
            case _:
                raise ValueError(f"Unknown function {name} in {self.text}")
        self.expect(")")
        return step


def _then(first: _Step, second: _Step) -> _Step:
    return lambda run, focus: second(run, first(run, focus))


def _constant(value: Any) -> _Step:
    return lambda _run, _focus: [Node(value)]


def _index(number: int) -> _Step:
    return lambda _run, focus: focus[number : number + 1]


def _union(left: _Step, right: _Step) -> _Step:
    return lambda run, focus: left(run, focus) + right(run, focus)


def _both(left: _Step, right: _Step) -> _Step:
    def step(run: _Run, focus: Collection) -> Collection:
        sides = [[node.value for node in side(run, focus)] for side in (left, right)]
        if [False] in sides:
            return [Node(False)]
        return [Node(True)] if sides == [[True], [True]] else []

    return step


def _compare(left: _Step, right: _Step, *, wanted: bool) -> _Step:
    def step(run: _Run, focus: Collection) -> Collection:
        ours, theirs = left(run, focus), right(run, focus)
        if not ours or not theirs:
            return []
        same = [(type(n.value), n.value) for n in ours] == [(type(n.value), n.value) for n in theirs]
        return [Node(same == wanted)]

    return step


def _where(condition: _Step) -> _Step:
    return lambda run, focus: [node for node in focus if [found.value for found in condition(run, [node])] == [True]]


def _exists(_run: _Run, focus: Collection) -> Collection:
    return [Node(bool(focus))]


def _as(name: str) -> _Step:
    return lambda _run, focus: [node for node in focus if not node.type or node.type.casefold() == name.casefold()]


def _is(name: str) -> _Step:
    return lambda _run, focus: [Node(node.type in (name, ANY_TYPE)) for node in focus]


def _resolve(run: _Run, focus: Collection) -> Collection:
    """Give the resource that a reference names; its type is all that is ever asked of it."""
    found = []
    for node in focus:
        text = node.value.get("reference", "") if isinstance(node.value, dict) else ""
        if named := _TYPE_AND_ID.fullmatch(text):
            found.append(Node(node.value, named[1]))
        elif run.unknown_resolves:
            found.append(Node(node.value, ANY_TYPE))
    return found


def _extension(url: str) -> _Step:
    return lambda run, focus: [node for node in _child("extension")(run, focus) if node.value.get("url") == url]


def _child(name: str) -> _Step:
    def step(_run: _Run, focus: Collection) -> Collection:
        found: Collection = []
        for node in focus:
            if node.type == name and not node.trail:
                found.append(node)
            elif isinstance(node.value, dict):
                found += _members(node, name)
        return found

    return step


def _members(node: Node, name: str) -> Collection:
    # `subscriberId` is no choice of `subscriber`: only `value` can be an id.
    choices = [suffix for suffix in DATA_TYPES if suffix != "Id" or name == "value"]
    keys = {name: ""} if name in node.value else {name + suffix: suffix for suffix in choices}
    return [
        Node(value, suffix, (*node.trail, key))
        for key, suffix in keys.items()
        if key in node.value
        for value in (node.value[key] if isinstance(node.value[key], list) else [node.value[key]])
    ]
