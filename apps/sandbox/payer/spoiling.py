r"""Resources as no server should send them: each kind takes a sound resource's text and spoils it.

Owns KINDS. Those of BROKEN make the resource unusable by FHIR or by JSON itself; those of NASTY are legal JSON
that a careless reader trips over. Source: RFC 8259; FHIR R4 "JSON representation", "id".
"""

from __future__ import annotations

from collections.abc import Callable

from apps.sandbox.payer.generator.json_text import Json, number, read, write

DEFAULT_BYTES = 2**20
DEFAULT_DEPTH = 20_000

_MARK = "@spoilt@"
_URL = "https://sandbox.example/spoilt"

# What stands in the place of the whole resource.
_INSTEAD = {"text": b'"not a resource"', "list": b"[]", "null": b"null", "no-resource": b""}
# Values of an extension, written as they are.
_BROKEN_VALUES = {
    "nan": b"NaN",
    "infinity": b"Infinity",
    "minus-infinity": b"-Infinity",
    "leading-zero": b"007",
    "lone-surrogate": rb'"\ud800"',
    "invalid-utf8": b'"caf\xe9"',
    "control-character": b'"\x01"',
}
_NASTY_VALUES = {
    "nul-escape": rb'"a\u0000b"',
    "huge-number": b"1e400",
    "huge-integer": b"9" * 5000,
}


def _without(element: str) -> Callable[[Json], Json]:
    return lambda value: {name: inner for name, inner in value.items() if name != element}


def _with_id(make: Callable[[str], str]) -> Callable[[Json], Json]:
    return lambda value: value | {"id": make(value["id"])}


_CHANGES: dict[str, Callable[[Json], Json]] = {
    "no-resource-type": _without("resourceType"),
    "unknown-type": lambda value: value | {"resourceType": "Nonsense"},
    "no-id": _without("id"),
    "empty-id": _with_id(lambda id_: ""),
    "bad-id": _with_id(lambda id_: "a/b c"),
    "long-id": _with_id(lambda id_: f"{id_}{'x' * 65}"[:65]),
    "number-id": _with_id(lambda id_: number("12")),
}

BROKEN = (*_INSTEAD, *_CHANGES, *_BROKEN_VALUES, "deep-nesting")
NASTY = (*_NASTY_VALUES, "duplicate-keys", "oversized")
KINDS = (*BROKEN, *NASTY)


def spoil(text: bytes, kind: str, *, size: int = DEFAULT_BYTES, depth: int = DEFAULT_DEPTH) -> bytes:
    """Spoil a resource; empty means that its entry holds none. Units: `size` in bytes."""
    if kind in _INSTEAD:
        return _INSTEAD[kind]
    value = read(text)
    if kind in _CHANGES:
        return write(_CHANGES[kind](value))
    if kind == "duplicate-keys":
        return b'{"language":"en","language":"de",' + write(_without("language")(value))[1:]
    if kind == "oversized":
        return _with_extension(value, "valueString", b'"' + b"x" * size + b'"')
    if kind == "deep-nesting":
        inner = b'[{"url":"deeper","extension":' * depth + b"[]" + b"}]" * depth
        return _with_extension(value, "extension", inner)
    raw = (_BROKEN_VALUES | _NASTY_VALUES)[kind]
    return _with_extension(value, "valueString" if raw.startswith(b'"') else "valueDecimal", raw)


def _with_extension(value: Json, element: str, raw: bytes) -> bytes:
    extension = [*value.get("extension", []), {"url": _URL, element: _MARK}]
    return write(value | {"extension": extension}).replace(f'"{_MARK}"'.encode(), raw)
