"""The text of a query taken apart: pairs, commas, bars, dollars and their escapes.

Source: FHIR R4, 3.1.1.4.0.1 "Escaping Search Parameters"; RFC 3986.
"""

from __future__ import annotations

from urllib.parse import parse_qsl


def pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query.removeprefix("?"), keep_blank_values=True)


def split(text: str, separator: str) -> list[str]:
    """Cut at every separator that has no backslash before it; the pieces keep their escapes."""
    pieces, at = [""], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            pieces[-1] += text[at : at + 2]
            at += 2
        elif text[at] == separator:
            pieces.append("")
            at += 1
        else:
            pieces[-1] += text[at]
            at += 1
    return pieces


def unescape(text: str) -> str:
    r"""Read `\,` `\|` `\$` and `\\`; any other backslash stands for itself."""
    plain, at = "", 0
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] in tuple(",|$\\"):
            at += 1
        plain += text[at]
        at += 1
    return plain


def escape(text: str) -> str:
    """The other way, for whoever writes a query."""
    return "".join("\\" + letter if letter in ",|$\\" else letter for letter in text)
