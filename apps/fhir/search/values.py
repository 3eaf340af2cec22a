"""Values of search: dates and numbers as ranges, text as it is compared, long keys as digests.

Both sides of a comparison come from here: what is stored and what is asked for. Source: FHIR R4 "Search", 3.1.1.4.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

# The ends of an open period: microseconds far outside the years 1 to 9999.
BEGINNING, END = -(2**61), 2**61
INFINITY = Decimal("Infinity")
NO_SYSTEM = 0

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
# What a b-tree page takes: PostgreSQL refuses an index row of more than about 2,700 bytes.
_LONGEST_KEY = 200
LONGEST_TEXT = 600
_LARGEST_EXPONENT = 1000


class Instants(NamedTuple):
    """A range of time: microseconds since 1970 in UTC, both ends inclusive."""

    low: int
    high: int


@lru_cache(maxsize=16_384)  # the dates of one patient repeat
def date_range(text: str) -> Instants | None:
    """Return the range that a date of any precision stands for; None when it is none. No zone means UTC."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    part = found.groupdict()
    try:
        return _range_of(part)
    except (ValueError, OverflowError):
        return None


def _range_of(part: dict[str, str | None]) -> Instants:
    year, month, day = int(part["year"] or 0), int(part["month"] or 1), int(part["day"] or 1)
    start = dt.datetime(year, month, day, tzinfo=dt.UTC)
    if part["hour"] is None:
        return Instants(_micros(start), _end_of_calendar(start, part))
    hour, minute, second = int(part["hour"]), int(part["minute"] or 0), int(part["second"] or 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        raise ValueError("no time of a day")
    low = _micros(start) + ((hour * 60 + minute) * 60 + second) * 1_000_000 - _offset(part["zone"])
    if part["second"] is None:
        return Instants(low, low + 60_000_000 - 1)
    fraction = part["fraction"]
    if fraction is None:
        return Instants(low, low + 1_000_000 - 1)
    digits = fraction[:6]
    unit = 10 ** (6 - len(digits))
    low += int(digits) * unit
    return Instants(low, low + unit - 1)


def _end_of_calendar(start: dt.datetime, part: dict[str, str | None]) -> int:
    if part["day"] is not None:
        days = 1
    elif part["month"] is not None:
        days = _days_of_month(start.year, start.month)
    else:
        days = 366 if _is_leap(start.year) else 365
    return _micros(start) + days * 86_400_000_000 - 1


def _days_of_month(year: int, month: int) -> int:
    if month == 2:
        return 29 if _is_leap(year) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[4:6])
    if hours > 14 or minutes > 59:
        raise ValueError("no offset of a zone")
    micros = (hours * 60 + minutes) * 60_000_000
    return -micros if zone[0] == "-" else micros


def _micros(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def instant(moment: dt.datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return _micros(moment)


def moment(micros: int) -> dt.datetime:
    """Return microseconds since 1970 as a moment."""
    return _EPOCH + micros * _MICROSECOND


class Number(NamedTuple):
    """A number that was asked for: its value, and half a unit of its last written digit."""

    value: Decimal
    half: Decimal


def parse_number(text: str) -> Number | None:
    """Return the number with its implied precision; None when it is none. Source: FHIR R4 3.1.1.4.3."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:  # pragma: no cover - the pattern leaves nothing that Decimal refuses
        return None
    exponent = value.as_tuple().exponent
    return Number(value, Decimal(5).scaleb(int(exponent) - 1))  # a finite number's exponent is one


def decimal_of(value: object) -> Decimal | None:
    """Return a decoded JSON number as Decimal; None for anything else, and for what no column holds."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        return None
    return value


def normalise(text: str) -> str:
    """Return text as strings are compared: without case and accents. Source: FHIR R4 3.1.1.4.8."""
    text = text.replace("\x00", "")  # which no database takes as text
    if text.isascii():
        return text.lower()[:LONGEST_TEXT]
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return plain.casefold()[:LONGEST_TEXT]


def key(text: str, *, longest: int = _LONGEST_KEY) -> str:
    """Return an exact text as an index key: itself, or a digest when it is long."""
    text = text.replace("\x00", "")
    if len(text) <= longest:
        return text
    return "blake2b:" + blake2b(text.encode("utf-8", "replace"), digest_size=32).hexdigest()


def uri_key(uri: str) -> str:
    """Return a uri as an index key; longer ones than usual stay legible, for `:below` compares beginnings."""
    return key(uri, longest=LONGEST_TEXT)


@lru_cache(maxsize=16_384)
def code_key(code: str) -> str:
    """Return a code as tokens are compared: without case, for R4 says "when in doubt" so."""
    return key(code.casefold())


def digest(text: str) -> int:
    """Return 63 bits that stand for a text whose equality alone matters (a system, an exact string)."""
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "big") >> 1 or 1


@lru_cache(maxsize=4_096)
def system_key(system: str | None) -> int:
    """Return what stands for a system in the index; 0 for none."""
    return digest(system) if system else NO_SYSTEM
