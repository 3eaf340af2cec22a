"""What one resource is found by: the rows of the seven index tables, without a database.

Owns their shapes and the ids of parameters; refuses to know how they are read out of a resource or kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

TEXT, IDENTIFIER, OF_TYPE, PRESENT = ":text", ":identifier", ":of-type", ":present"


@lru_cache(maxsize=16_384)
def parameter_id(resource_type: str, code: str, variant: str = "") -> int:
    """Return the number that stands for a parameter of a type in the index tables: 31 bits, the same for ever.

    Shape: `variant` is "" or one of the constants above: what `:text`, say, compares is indexed apart.
    """
    name = f"{resource_type}.{code}{variant}"
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), "big") >> 1


class Token(NamedTuple):
    """A code in a system; `system` 0 stands for none."""

    parameter: int
    code: str
    system: int


class Text(NamedTuple):
    """A string as it is compared, and a digest of it as it is written."""

    parameter: int
    normal: str
    exact: int


class Date(NamedTuple):
    """A range of time in microseconds, ends inclusive."""

    parameter: int
    low: int
    high: int


class Link(NamedTuple):
    """What a reference points at: (id, type) of ours, or (URL, "")."""

    parameter: int
    target: str
    target_type: str


class Quantity(NamedTuple):
    """A number or a range of numbers, with its unit's code and system."""

    parameter: int
    low: Decimal
    high: Decimal
    code: str
    system: int


class Uri(NamedTuple):
    parameter: int
    uri: str


class Part(NamedTuple):
    """One component's value within one root element (`group`) of a composite parameter.

    Columns that its kind does not need are "" and 0; a reference has its id as code and its type's digest as system.
    """

    parameter: int
    component: int
    code: str
    system: int
    low: Decimal
    high: Decimal
    group: int


@dataclass(slots=True)
class Entries:
    """All rows of one resource, each once."""

    tokens: set[Token] = field(default_factory=set)
    texts: set[Text] = field(default_factory=set)
    dates: set[Date] = field(default_factory=set)
    links: set[Link] = field(default_factory=set)
    quantities: set[Quantity] = field(default_factory=set)
    uris: set[Uri] = field(default_factory=set)
    parts: set[Part] = field(default_factory=set)
