"""JSON read token by token, independent of every parser that the product or Python uses.

Owns RFC 8259's grammar and the path of each token; refuses to turn a token into a value: texts are compared.
Source: RFC 8259, sections 2 to 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"
_TOKEN = re.compile(rf"[ \t\n\r]*+(?:({_STRING})|({_NUMBER}|true|false|null)|([\[\]{{}},:]))")
_BLANK = re.compile(r"[ \t\n\r]*+")
_ESCAPE = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u(.{4})|(.))")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class NotJson(ValueError):
    """The text does not follow the grammar; says where, in characters."""


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Yield (path, token) of every string, number, literal and empty container, in the text's order.

    Shape: `.entry[0].total`, `1.00`; strings with their quotes and escapes, empty containers as `{}` and `[]`.
    Raises: NotJson.
    """
    open_containers: list[tuple[str, int]] = []  # path, and the index of the item; -1 in an object
    path, at, expected = "", 0, "value"
    while expected != "end":
        match = _TOKEN.match(text, at)
        if match is None:
            raise NotJson(at)
        string, scalar, mark = match.groups()
        if expected in ("key", "first key") and string:
            path, expected = f"{open_containers[-1][0]}.{unescaped(string)}", "colon"
        elif expected == "colon" and mark == ":":
            expected = "value"
        elif expected in ("value", "first item") and mark in ("{", "["):
            is_array = mark == "["
            open_containers.append((path, 0 if is_array else -1))
            path, expected = f"{path}[0]", "first item"
            if not is_array:
                expected = "first key"
        elif expected in ("value", "first item") and (string or scalar):
            yield path, string or scalar
            expected = "comma" if open_containers else "end"
        elif expected == "comma" and mark == ",":
            parent, index = open_containers[-1]
            if index >= 0:
                open_containers[-1] = (parent, index + 1)
                path, expected = f"{parent}[{index + 1}]", "value"
            else:
                expected = "key"
        elif mark == ("}" if open_containers and open_containers[-1][1] < 0 else "]") and (
            expected in ("comma", "first key", "first item")
        ):
            path, _ = open_containers.pop()
            if expected != "comma":
                yield path, "{}" if mark == "}" else "[]"
            expected = "comma" if open_containers else "end"
        else:
            raise NotJson(match.start())
        at = match.end()
    if _BLANK.match(text, at).end() != len(text):  # type: ignore[union-attr]
        raise NotJson(at)


def is_number(token: str) -> bool:
    return token[0] in "-0123456789"


def is_string(token: str) -> bool:
    return token[0] == '"'


def unescaped(string: str) -> str:
    """Return the characters that a string token stands for; a lone surrogate stays one."""
    inner = string[1:-1]
    return _ESCAPE.sub(_character, inner) if "\\" in inner else inner


def _character(match: re.Match[str]) -> str:
    high, low, unit, short = match.groups()
    if high:
        return chr(0x10000 + (int(high, 16) - 0xD800) * 0x400 + int(low, 16) - 0xDC00)
    return chr(int(unit, 16)) if unit else _SHORT.get(short, short)
