"""Newline-delimited JSON: one resource a line.

Owns the line ends; refuses to look inside a line. Source: FHIR Bulk Data Access, NDJSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

MEDIA_TYPE = "application/fhir+ndjson"


def split_lines(body: bytes) -> Iterator[bytes]:
    """Yield the lines that hold something; a byte order mark and CR LF ends are dropped."""
    for line in body.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        if stripped := line.strip():
            yield stripped


def join_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each line with its end; the last line has one too."""
    for line in lines:
        yield line + b"\n"
