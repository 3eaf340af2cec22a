"""JSON text whose numbers and escapes are exactly what the generator meant.

Owns writing and re-reading; refuses floats, whose text Python would choose. Source: FHIR R4 "JSON
representation" (a decimal's precision is part of its value).
"""

from __future__ import annotations

import json
import re
from typing import Any

Json = dict[str, Any]

# Private-use characters mark strings that are written in another way; no text of ours contains them.
_NUMBER_MARKS = ("\ue000", "\ue001")
_ESCAPED_MARKS = ("\ue002", "\ue003")
_NUMBER = re.compile('"\ue000([^\ue001]*)\ue001"')
_ESCAPED = re.compile('"\ue002([^\ue003]*)\ue003"')


def _refuse(value: object) -> Any:
    raise TypeError(f"The generator writes no {type(value).__name__}.")


_compact = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=_refuse)
_spread = json.JSONEncoder(ensure_ascii=False, check_circular=False, indent=2, default=_refuse)


def number(text: str) -> str:
    """Mark a text to be written as a bare number, character for character."""
    return f"{_NUMBER_MARKS[0]}{text}{_NUMBER_MARKS[1]}"


def escaped(text: str) -> str:
    r"""Mark a text to be written in ASCII only, with `\u00e9` for é and `\/` for a slash."""
    return f"{_ESCAPED_MARKS[0]}{text}{_ESCAPED_MARKS[1]}"


def write(value: Json, *, lines: bool = False) -> bytes:
    """Write a resource as UTF-8; `lines` spreads it over indented lines, as some servers do."""
    text = (_spread if lines else _compact).encode(value)
    if _NUMBER_MARKS[0] in text:
        text = _NUMBER.sub(r"\1", text)
    if _ESCAPED_MARKS[0] in text:
        text = _ESCAPED.sub(_in_ascii, text)
    return text.encode()


def read(text: bytes) -> Json:
    """Parse what `write` wrote, numbers marked again, so that it can be changed and written back."""
    value: Json = json.loads(text, parse_float=number, parse_int=number)
    return value


def _in_ascii(match: re.Match[str]) -> str:
    return json.dumps(json.loads(f'"{match[1]}"')).replace("/", "\\/")
