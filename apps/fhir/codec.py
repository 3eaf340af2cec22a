"""JSON in and out with every number's text unchanged, and the cutting of a source's pages.

Owns decoding, encoding and splitting; refuses to repair content: what the parser does not accept is a
`CodecError`, one resource at a time. Source: FHIR R4, "JSON Representation of Resources".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec import Raw

from apps.fhir.references import MAX_REFERENCE_LENGTH

BOM = b"\xef\xbb\xbf"

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
# The parser reads the integer -0 as 0; any other number it keeps or refuses.
_MINUS_ZERO = re.compile(rb"-0[\s,}\]]")
_STRING_OR_NUMBER = re.compile(_STRING + rb'|-?[0-9][0-9.eE+-]*+|"', re.DOTALL)
_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?")
_ORDINARY_NUMBER_LENGTH = 18
_KEY_OR_BRACKET = re.compile(rb"(" + _STRING + rb')(\s*+:)?|[{}\[\]]|"', re.DOTALL)


class CodecError(ValueError):
    """Bytes that are not the JSON we need; `code` is `malformed`, `too-deep` or `not-a-bundle`."""

    def __init__(self, message: str, *, code: str = "malformed") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """One resource of a source's page, not decoded yet."""

    full_url: str | None
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePage:
    """A page of a source; `outcomes` are its remarks (entries of search mode "outcome"), never records."""

    entries: list[SourceEntry]
    next_url: str | None
    total: int | None
    outcomes: list[bytes]


def decode(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object and keep the text of its numbers.

    Shape: integers as int; every other number, and -0, as `msgspec.Raw` that holds its text.
    Raises: CodecError.
    """
    body = raw.removeprefix(BOM)
    if _MINUS_ZERO.search(body):
        return _as_object(_parse_rare_numbers(body))
    try:
        return _as_object(_parse(_exact_decoder, body))
    except _OutOfRangeError:
        return _as_object(_parse_rare_numbers(body))


def decode_values(raw: bytes) -> dict[str, Any]:
    """Parse one JSON object to work with its values: fractions as Decimal. Never encode the result.

    Raises: CodecError.
    """
    try:
        return _as_object(_parse(_decimal_decoder, raw.removeprefix(BOM)))
    except (_OutOfRangeError, InvalidOperation):
        raise CodecError("The JSON holds a number that is out of range.") from None


def encode(value: Any) -> bytes:
    """Write compact UTF-8 JSON on one line; what `decode` read comes out with its number texts.

    Raises: CodecError.
    """
    try:
        return _encoder.encode(value)
    except RecursionError:
        raise CodecError("The JSON is nested too deeply.", code="too-deep") from None


def split_bundle(page: bytes) -> SourcePage:
    """Cut a Bundle into its resources without decoding them.

    When the parser refuses the page (NaN or a lone surrogate in one resource, say) it is cut by brackets
    instead, so that the fault stays with its resource.
    Raises: CodecError when it is no Bundle or its frame cannot be read.
    """
    body = page.removeprefix(BOM)
    try:
        return _source_page(_parse(_page_decoder, body), bytes)
    except (_OutOfRangeError, CodecError) as error:
        if isinstance(error, CodecError) and error.code == "not-a-bundle":
            raise
    frame, resources = _cut_by_brackets(body)
    try:
        return _source_page(_parse(_page_decoder, frame), lambda cut: resources.get(bytes(cut), bytes(cut)))
    except _OutOfRangeError:
        raise CodecError("The frame of the Bundle has an unexpected shape.") from None


class _OutOfRangeError(Exception):
    """The parser met a number that it cannot hold, or a shape that was not declared."""


class _Entry(msgspec.Struct):
    full_url: Any = msgspec.field(name="fullUrl", default=None)
    resource: Raw = Raw()
    search: Any = None
    request: Any = None
    response: Any = None


class _Page(msgspec.Struct):
    resource_type: Any = msgspec.field(name="resourceType", default=None)
    total: Any = None
    link: Any = None
    entry: list[_Entry] | None = None


def _exact(text: str) -> Raw:
    return Raw(text.encode())


_exact_decoder = msgspec.json.Decoder(float_hook=_exact)
_decimal_decoder = msgspec.json.Decoder(float_hook=Decimal)
_page_decoder = msgspec.json.Decoder(_Page)
_encoder = msgspec.json.Encoder()


def _parse(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    """Run the parser; its refusals name positions and never content, so they may be shown."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise _OutOfRangeError from None
    except msgspec.DecodeError as error:
        raise CodecError(f"The JSON cannot be parsed: {error}.") from None
    except UnicodeDecodeError:
        raise CodecError("The JSON is not valid UTF-8.") from None
    except RecursionError:
        raise CodecError("The JSON is nested too deeply.", code="too-deep") from None


def _as_object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CodecError("The JSON is not an object.")
    return value


def _parse_rare_numbers(raw: bytes) -> Any:
    """Parse with -0, long and exponent numbers behind placeholders; slow, and seldom needed."""
    zeros = b"0"
    while b"." + zeros in raw:
        zeros += b"0"
    kept: dict[str, bytes] = {}

    def hide(match: re.Match[bytes]) -> bytes:
        token = match[0]
        is_rare = token == b"-0" or len(token) > _ORDINARY_NUMBER_LENGTH or b"e" in token.lower()
        if not is_rare or not _NUMBER.fullmatch(token):
            return token
        placeholder = b"%d.%b" % (len(kept), zeros)
        kept[placeholder.decode()] = token
        return placeholder

    def restore(text: str) -> Raw:
        return Raw(kept[text]) if text in kept else _exact(text)

    try:
        return _parse(msgspec.json.Decoder(float_hook=restore), _STRING_OR_NUMBER.sub(hide, raw))
    except _OutOfRangeError:
        raise CodecError("The JSON holds a number that is out of range.") from None


def _source_page(page: _Page, resource_of: Callable[[Raw], bytes]) -> SourcePage:
    if page.resource_type != "Bundle":
        raise CodecError("The source's answer is not a Bundle.", code="not-a-bundle")
    entries: list[SourceEntry] = []
    outcomes: list[bytes] = []
    for entry in page.entry or ():
        has_resource = bool(bytes(entry.resource))
        if not has_resource and (entry.request or entry.response):
            continue  # what a batch answers, or a deletion in a history: no record
        # A match without a resource is a broken one, and as such somebody's to count.
        raw = resource_of(entry.resource) if has_resource else b""
        if isinstance(entry.search, dict) and entry.search.get("mode") == "outcome":
            outcomes.append(raw)
        else:
            entries.append(SourceEntry(full_url=_full_url(entry), raw=raw))
    total = page.total if type(page.total) is int and 0 <= page.total < 2**31 else None
    return SourcePage(entries=entries, next_url=_next_url(page.link), total=total, outcomes=outcomes)


def _full_url(entry: _Entry) -> str | None:
    """Return the entry's fullUrl; None for what is no URI, as a name that nobody can refer to."""
    url = entry.full_url
    return url if isinstance(url, str) and url.isprintable() and len(url) <= MAX_REFERENCE_LENGTH else None


def _next_url(links: Any) -> str | None:
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return None


def _cut_by_brackets(page: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """Find each `entry[].resource` by its brackets.

    Shape: the page with a number in the place of each resource; the resources by that number.
    Raises: CodecError when a string does not end.
    """
    resources: dict[bytes, bytes] = {}
    frame: list[bytes] = []
    depth, kept_until, start = 0, 0, -1
    keys: dict[int, bytes] = {}
    for match in _KEY_OR_BRACKET.finditer(page):
        token = match[0]
        if token == b'"':
            raise CodecError("The JSON has a string that does not end.")
        if token.startswith(b'"'):
            if match[2]:
                keys[depth] = match[1]
        elif token in b"{[":
            depth += 1
            # 1 the Bundle, 2 its entries, 3 an entry, 4 a resource
            if depth == 4 and token == b"{" and keys.get(3) == b'"resource"':
                start = match.start()
        else:
            if depth == 4 and start >= 0:
                number = b"%d" % len(resources)
                frame += [page[kept_until:start], number]
                resources[number] = page[start : match.end()]
                kept_until, start = match.end(), -1
            depth -= 1
    return b"".join(frame) + page[kept_until:], resources
