"""What the string in `Reference.reference` can be.

Owns reading it; refuses to resolve it. Source: FHIR R4, "References" (2.3.0) and "Conditional References".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_REFERENCE_LENGTH = 2048

_TYPE = r"(?P<type>[A-Z][A-Za-z]{1,63})"
_VERSION = r"(?:/_history/(?P<version>[^\s/?#]+))?"
# Wider than the standard's id (64 of [A-Za-z0-9-.]): sources use underscores, bars and even slashes.
_LITERAL = re.compile(_TYPE + r"/(?P<id>[^\s?#\x00-\x1f\x7f]{1,256}?)" + _VERSION)
_ABSOLUTE = re.compile(r"(?P<base>https?://[^\s?#]+)/" + _TYPE + r"/(?P<id>[^\s/?#\x00-\x1f\x7f]{1,256})" + _VERSION)
_CONDITIONAL = re.compile(_TYPE + r"\?\S+")


class ReferenceForm(StrEnum):
    """How a reference says what it points at."""

    LITERAL = "literal"  # Type/id
    ABSOLUTE = "absolute"  # http(s) URL; type and id are filled when it ends in Type/id
    CONTAINED = "contained"  # "#" and a local id
    CONDITIONAL = "conditional"  # Type?query
    URN = "urn"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One reference string, taken apart; a part that the string does not have is empty."""

    form: ReferenceForm
    type: str = ""
    id: str = ""
    version: str = ""
    base: str = ""


def parse_reference(value: str) -> Reference:
    """Say what a reference string is; never raises."""
    if len(value) > MAX_REFERENCE_LENGTH:
        return Reference(form=ReferenceForm.OTHER)
    if value.startswith("#"):
        return Reference(form=ReferenceForm.CONTAINED, id=value[1:])
    if value.startswith("urn:"):
        return Reference(form=ReferenceForm.URN)
    if match := _LITERAL.fullmatch(value):
        return Reference(form=ReferenceForm.LITERAL, type=match["type"], id=match["id"], version=match["version"] or "")
    if match := _ABSOLUTE.fullmatch(value):
        return Reference(
            form=ReferenceForm.ABSOLUTE,
            type=match["type"],
            id=match["id"],
            version=match["version"] or "",
            base=match["base"],
        )
    if value.startswith(("http://", "https://")):
        return Reference(form=ReferenceForm.ABSOLUTE)
    if match := _CONDITIONAL.fullmatch(value):
        return Reference(form=ReferenceForm.CONDITIONAL, type=match["type"])
    return Reference(form=ReferenceForm.OTHER)
