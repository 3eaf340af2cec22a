"""From a resource to its index entries: one walk over the element tree of its type's search parameters.

Owns the compiled tree; refuses a FHIRPath engine at run time: the definitions are paths already (D5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from apps.fhir import codec
from apps.fhir.definitions import Path, SearchParameter, Step, search_parameters

from . import readers, values
from .composites import holds, read_parts
from .entries import (
    IDENTIFIER,
    OF_TYPE,
    PRESENT,
    TEXT,
    Date,
    Entries,
    Link,
    Part,
    Quantity,
    Text,
    Token,
    Uri,
    parameter_id,
)

# Raise it when the same line would give other rows: partitions are then indexed anew.
EXTRACTOR_VERSION = 1
# Of every type; own rows, because meta is the same everywhere.
META_PARAMETERS = {"_tag": "token", "_security": "token", "_profile": "uri", "_source": "uri"}
ANY_TYPE = "Resource"


@dataclass(frozen=True, slots=True)
class Context:
    """What reading needs beside the element: where our own references begin."""

    base_url: str
    entries: Entries


# Says whether the element gave a row; None: it is none of the parameter's.
Emit = Callable[[Any, Context], bool | None]


@dataclass(slots=True)
class _Node:
    """An element of the tree: its emitters with the id that says "it is there", and what is below it."""

    emitters: list[tuple[Emit, int]] = field(default_factory=list)
    composites: list[Emit] = field(default_factory=list)
    below: dict[str, list[tuple[tuple[str, str] | None, _Node]]] = field(default_factory=dict)

    def child(self, step: Step) -> _Node:
        for condition, node in self.below.setdefault(step.key, []):
            if condition == step.filter:
                return node
        node = _Node()
        self.below[step.key].append((step.filter, node))
        return node


def extract(resource: dict[str, Any], *, base_url: str, tag_base: str | None = None) -> Entries:
    """Return what the resource is found by.

    Shape: decoded with numbers as int and Decimal; base_url is where our own absolute references begin. Tags of a
    system under tag_base are left out: they are the same on every resource of a partition (`shared_tags`).
    """
    entries = Entries()
    context = Context(base_url, entries)
    resource_type = resource.get("resourceType")
    if not isinstance(resource_type, str):
        return entries
    present: set[int] = set()
    given: set[int] = set()
    _walk(resource, _tree(resource_type), context, present, given)
    entries.tokens.update(Token(each, "", values.NO_SYSTEM) for each in present - given)
    _read_meta(resource.get("meta"), entries, tag_base)
    return entries


def decode_line(line: bytes) -> dict[str, Any]:
    """Return a stored line as `extract` reads it; a number that no arithmetic holds hides nothing else."""
    try:
        return codec.decode_values(line)
    except codec.CodecError:
        return codec.decode(line)


def shared_tags(resource: dict[str, Any], *, tag_base: str) -> set[Token]:
    """Return the tags that `extract` leaves out."""
    number = parameter_id(ANY_TYPE, "_tag")
    return {
        _token(number, *each)
        for coding in _codings(resource.get("meta"), "tag")
        if _is_under(coding, tag_base)
        for each in readers.read_tokens(coding, "Coding")
    }


def _walk(element: Any, node: _Node, context: Context, present: set[int], given: set[int]) -> None:
    for emit, presence in node.emitters:
        gave = emit(element, context)
        if gave is not None:
            (given if gave else present).add(presence)
    for emit in node.composites:
        emit(element, context)
    if not node.below or type(element) is not dict:
        return
    for key, branches in node.below.items():
        found = element.get(key)
        if found is None:
            continue
        for condition, child in branches:
            for each in found if type(found) is list else (found,):
                if each is not None and (condition is None or holds(each, condition)):
                    _walk(each, child, context, present, given)


@lru_cache(maxsize=256)
def _tree(resource_type: str) -> _Node:
    root = _Node()
    for parameter in search_parameters(resource_type).values():
        presence = parameter_id(resource_type, parameter.code, PRESENT)
        if parameter.kind == "composite":
            for steps in parameter.roots:
                _at(root, steps).composites.append(_composite(resource_type, parameter))
            continue
        for path in parameter.paths:
            _at(root, path.steps).emitters.append((_emitter(resource_type, parameter, path), presence))
    return root


def _at(node: _Node, steps: tuple[Step, ...]) -> _Node:
    for step in steps:
        node = node.child(step)
    return node


def _emitter(resource_type: str, parameter: SearchParameter, path: Path) -> Emit:
    number = parameter_id(resource_type, parameter.code)
    match parameter.kind:
        case "token":
            return _token_emitter(resource_type, parameter, path)
        case "string":
            return lambda element, to: _add(
                to.entries.texts, (text_entry(number, each) for each in readers.read_texts(element, path.type))
            )
        case "date":
            return lambda element, to: _add(
                to.entries.dates, (Date(number, *each) for each in readers.read_dates(element, path.type))
            )
        case "quantity" | "number":
            return lambda element, to: _add(
                to.entries.quantities,
                (
                    Quantity(number, low, high, values.key(code), values.system_key(system))
                    for low, high, code, system in readers.read_quantities(element, path.type)
                ),
            )
        case "reference":
            return _reference_emitter(resource_type, parameter, path)
        case "uri":
            return lambda element, to: _add(
                to.entries.uris, (Uri(number, values.uri_key(each)) for each in readers.read_uris(element))
            )
    raise ValueError(f"{resource_type}.{parameter.code} is of the unknown kind {parameter.kind}")


def _add(rows: set[Any], new: Iterator[Any]) -> bool:
    found = list(new)
    rows.update(found)
    return bool(found)


def text_entry(number: int, text: str) -> Text:
    return Text(number, values.normalise(text), values.digest(text))


def _token(number: int, code: str, system: str | None) -> Token:
    return Token(number, values.code_key(code), values.system_key(system))


def _token_emitter(resource_type: str, parameter: SearchParameter, path: Path) -> Emit:
    number = parameter_id(resource_type, parameter.code)
    texts = parameter_id(resource_type, parameter.code, TEXT)
    typed = parameter_id(resource_type, parameter.code, OF_TYPE)
    has_texts = path.type in ("CodeableConcept", "Coding", "Identifier")
    is_identifier = path.type == "Identifier"

    def emit(element: Any, to: Context) -> bool:
        found = [
            _token(number, code, system or path.system) for code, system in readers.read_tokens(element, path.type)
        ]
        to.entries.tokens.update(found)
        if has_texts:
            to.entries.texts.update(text_entry(texts, each) for each in readers.read_token_texts(element, path.type))
        if is_identifier:
            to.entries.tokens.update(_token(typed, *each) for each in readers.read_typed_identifiers(element))
        return bool(found)

    return emit


def _reference_emitter(resource_type: str, parameter: SearchParameter, path: Path) -> Emit:
    number = parameter_id(resource_type, parameter.code)
    identifiers = parameter_id(resource_type, parameter.code, IDENTIFIER)
    only = frozenset(parameter.targets) if parameter.only_targets else frozenset[str]()

    def emit(element: Any, to: Context) -> bool | None:
        kind = readers.read_target_type(element) if only else ""
        if kind and kind not in only:
            return None
        found: list[Link] = []
        if kind or not only:  # where some types alone count and none can be read, it is there and found by nothing
            found = [Link(number, *each) for each in readers.read_links(element, path.type, base_url=to.base_url)]
        to.entries.links.update(found)
        if isinstance(element, dict) and isinstance(element.get("identifier"), dict):
            to.entries.tokens.update(
                _token(identifiers, *each) for each in readers.read_tokens(element["identifier"], "Identifier")
            )
        return bool(found)

    return emit


def _composite(resource_type: str, parameter: SearchParameter) -> Emit:
    number = parameter_id(resource_type, parameter.code)

    def emit(element: Any, to: Context) -> bool:
        found = [set(read_parts(element, component, base_url=to.base_url)) for component in parameter.components]
        if not all(found):
            return False
        group = 1 + max((each.group for each in to.entries.parts if each.parameter == number), default=-1)
        for index, parts in enumerate(found):
            to.entries.parts.update(Part(number, index, *each, group) for each in parts)
        return True

    return emit


def _read_meta(meta: Any, entries: Entries, tag_base: str | None) -> None:
    if not isinstance(meta, dict):
        return
    for name, code in (("tag", "_tag"), ("security", "_security")):
        for coding in _codings(meta, name):
            if tag_base is None or not _is_under(coding, tag_base):
                number = parameter_id(ANY_TYPE, code)
                entries.tokens.update(_token(number, *each) for each in readers.read_tokens(coding, "Coding"))
    profiles = meta.get("profile")
    for profile in profiles if isinstance(profiles, list) else ():
        if isinstance(profile, str):
            number = parameter_id(ANY_TYPE, "_profile")
            entries.uris.update(Uri(number, values.uri_key(each)) for each in readers.canonical_forms(profile))
    source = parameter_id(ANY_TYPE, "_source")
    entries.uris.update(Uri(source, values.uri_key(each)) for each in readers.read_uris(meta.get("source")))


def _codings(meta: Any, name: str) -> Iterator[dict[str, Any]]:
    found = meta.get(name) if isinstance(meta, dict) else None
    return (each for each in (found if isinstance(found, list) else ()) if isinstance(each, dict))


def _is_under(coding: dict[str, Any], base: str) -> bool:
    system = coding.get("system")
    return isinstance(system, str) and system.startswith(base)
