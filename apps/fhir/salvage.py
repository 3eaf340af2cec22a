"""Who a broken resource says it is: its type and id, read from bytes that no parser accepts.

Owns the scan by brackets; refuses nested elements (a contained resource has an id of its own) and values that are
no plain text. What is read here names a resource, it never becomes content.
"""

from __future__ import annotations

import re

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_TOKEN = re.compile(rb"(" + _STRING + rb")\s*+:\s*+(" + _STRING + rb")?|[{}\[\]]|" + _STRING, re.DOTALL)
_PLAIN = re.compile(rb'"([!#-\[\]-~]{1,256})"')
_KEYS = {b'"resourceType"', b'"id"'}


def claimed_identity(raw: bytes) -> tuple[str, str]:
    """Return (resourceType, id) as the first member of each name says at the top level; empty where unreadable."""
    found: dict[bytes, str] = {}
    depth = 0
    for match in _TOKEN.finditer(raw):
        token = match[0]
        if token in b"{[":
            depth += 1
        elif token in b"}]":
            depth -= 1
        elif depth == 1 and match[1] in _KEYS and match[1] not in found:
            plain = _PLAIN.fullmatch(match[2] or b"")
            found[match[1]] = plain[1].decode("ascii") if plain else ""
            if len(found) == len(_KEYS):
                break
    return found.get(b'"resourceType"', ""), found.get(b'"id"', "")
