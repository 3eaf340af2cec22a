"""How each datatype is read under each kind of parameter: elements in, comparable values out.

Owns one reader per (kind, datatype); an element of the wrong shape yields nothing and never raises, because
sources send such. Source: FHIR R4 "Search", 3.1.1.4.8 to 3.1.1.4.14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from apps.fhir.references import ReferenceForm, parse_reference

from . import values
from .values import BEGINNING, END, INFINITY, Instants

BOOLEAN_SYSTEM = "http://terminology.hl7.org/CodeSystem/special-values"
CURRENCY_SYSTEM = "urn:iso:std:iso:4217"

Tokens = Iterator[tuple[str, str | None]]  # (code, system)
_ZERO = Decimal(0)


def _texts_of(element: dict[str, Any], *names: str) -> Iterator[str]:
    for name in names:
        value = element.get(name)
        for each in value if isinstance(value, list) else (value,):
            if isinstance(each, str) and each:
                yield each


# Tokens


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _coding(element: Any) -> Tokens:
    if isinstance(element, dict) and (code := _text_or_none(element.get("code"))):
        yield code, _text_or_none(element.get("system"))


def _concept(element: Any) -> Tokens:
    codings = element.get("coding") if isinstance(element, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        yield from _coding(coding)


def _identifier(element: Any) -> Tokens:
    if isinstance(element, dict) and (value := _text_or_none(element.get("value"))):
        yield value, _text_or_none(element.get("system"))


def _contact_point(element: Any) -> Tokens:
    if isinstance(element, dict) and (value := _text_or_none(element.get("value"))):
        yield value, None


def _boolean(element: Any) -> Tokens:
    if isinstance(element, bool):
        yield ("true" if element else "false"), BOOLEAN_SYSTEM


def _plain(element: Any) -> Tokens:
    if isinstance(element, str) and element:
        yield element, None


def _deceased(element: Any) -> Tokens:
    is_so = isinstance(element, dict) and ("deceasedDateTime" in element or element.get("deceasedBoolean") is True)
    yield ("true" if is_so else "false"), BOOLEAN_SYSTEM


TOKENS: dict[str, Callable[[Any], Tokens]] = {
    "Coding": _coding,
    "CodeableConcept": _concept,
    "Identifier": _identifier,
    "ContactPoint": _contact_point,
    "boolean": _boolean,
    "deceased": _deceased,
}


def read_tokens(element: Any, datatype: str) -> Tokens:
    return TOKENS.get(datatype, _plain)(element)


def read_token_texts(element: Any, datatype: str) -> Iterator[str]:
    """Yield what `:text` searches: CodeableConcept.text, Coding.display, Identifier.type.text."""
    if not isinstance(element, dict):
        return
    if datatype == "CodeableConcept":
        yield from _texts_of(element, "text")
        codings = element.get("coding")
        for coding in codings if isinstance(codings, list) else ():
            if isinstance(coding, dict):
                yield from _texts_of(coding, "display")
    elif datatype == "Coding":
        yield from _texts_of(element, "display")
    elif datatype == "Identifier" and isinstance(element.get("type"), dict):
        yield from _texts_of(element["type"], "text")


def read_typed_identifiers(element: Any) -> Tokens:
    """Yield what `:of-type` searches: "code|value" in the system of the identifier's type."""
    if isinstance(element, dict) and (value := _text_or_none(element.get("value"))):
        for code, system in _concept(element.get("type")):
            yield f"{code}|{value}", system


# Strings

STRING_PARTS: dict[str, tuple[str, ...]] = {
    "HumanName": ("family", "given", "prefix", "suffix", "text"),
    "Address": ("line", "city", "district", "state", "postalCode", "country", "text"),
}


def read_texts(element: Any, datatype: str) -> Iterator[str]:
    if isinstance(element, str):
        if element:
            yield element
    elif isinstance(element, dict):
        yield from _texts_of(element, *STRING_PARTS.get(datatype, ()))


# Dates


def _period(element: Any) -> Iterator[Instants]:
    if not isinstance(element, dict):
        return
    start, end = element.get("start"), element.get("end")
    first = values.date_range(start) if isinstance(start, str) else None
    last = values.date_range(end) if isinstance(end, str) else None
    if first or last:
        yield Instants(first.low if first else BEGINNING, last.high if last else END)


def _timing(element: Any) -> Iterator[Instants]:
    if not isinstance(element, dict):
        return
    for text in _texts_of(element, "event"):
        yield from _moment(text)
    repeat = element.get("repeat")
    if isinstance(repeat, dict):
        yield from _period(repeat.get("boundsPeriod"))


def _moment(element: Any) -> Iterator[Instants]:
    found = values.date_range(element) if isinstance(element, str) else None
    if found:
        yield found


DATES: dict[str, Callable[[Any], Iterator[Instants]]] = {
    "date": _moment,
    "dateTime": _moment,
    "instant": _moment,
    "Period": _period,
    "Timing": _timing,
}


def read_dates(element: Any, datatype: str) -> Iterator[Instants]:
    reader = DATES.get(datatype)  # performedString, Age, Range and such are no dates
    return reader(element) if reader else iter(())


# Numbers and quantities

Range = tuple[Decimal, Decimal, str, str | None]  # low, high, code, system


def _quantity(element: Any) -> Iterator[Range]:
    if not isinstance(element, dict) or (value := values.decimal_of(element.get("value"))) is None:
        return
    comparator = element.get("comparator")
    low = -INFINITY if comparator in ("<", "<=") else value
    high = INFINITY if comparator in (">", ">=") else value
    yield from _with_units(low, high, element)


def _with_units(low: Decimal, high: Decimal, element: dict[str, Any]) -> Iterator[Range]:
    code, unit = _text_or_none(element.get("code")), _text_or_none(element.get("unit"))
    yield low, high, code or unit or "", _text_or_none(element.get("system")) if code else None
    if code and unit and unit != code:
        yield low, high, unit, None


def _money(element: Any) -> Iterator[Range]:
    if isinstance(element, dict) and (value := values.decimal_of(element.get("value"))) is not None:
        yield value, value, _text_or_none(element.get("currency")) or "", CURRENCY_SYSTEM


def _range(element: Any) -> Iterator[Range]:
    if not isinstance(element, dict):
        return
    ends = [element.get(name) for name in ("low", "high")]
    low, high = (values.decimal_of(end.get("value")) if isinstance(end, dict) else None for end in ends)
    if low is None and high is None:
        return
    unit = next(end for end in ends if isinstance(end, dict))
    yield from _with_units(-INFINITY if low is None else low, INFINITY if high is None else high, unit)


def _number(element: Any) -> Iterator[Range]:
    if (value := values.decimal_of(element)) is not None:
        yield value, value, "", None


QUANTITIES: dict[str, Callable[[Any], Iterator[Range]]] = {
    "Quantity": _quantity,
    "SimpleQuantity": _quantity,
    "Age": _quantity,
    "Duration": _quantity,
    "Count": _quantity,
    "Distance": _quantity,
    "Money": _money,
    "MoneyQuantity": _quantity,
    "Range": _range,
    "decimal": _number,
    "integer": _number,
    "positiveInt": _number,
    "unsignedInt": _number,
}


def read_quantities(element: Any, datatype: str) -> Iterator[Range]:
    reader = QUANTITIES.get(datatype)  # SampledData is a series and no quantity
    return reader(element) if reader else iter(())


# References and uris


def read_target_type(element: Any) -> str:
    """Return the type that a Reference's text names; empty where it names none."""
    text = element.get("reference") if isinstance(element, dict) else None
    return parse_reference(text).type if isinstance(text, str) else ""


def read_links(element: Any, datatype: str, *, base_url: str) -> Iterator[tuple[str, str]]:
    """Yield (id, type) of a reference to our own, (URL, "") of any other."""
    if datatype != "Reference":
        if isinstance(element, str) and element:
            yield from ((values.key(url), "") for url in canonical_forms(element))
        return
    text = element.get("reference") if isinstance(element, dict) else None
    if not isinstance(text, str) or not text:
        return
    target = local_or_url(text, base_url=base_url)
    if target is not None:
        yield target


@lru_cache(maxsize=16_384)
def local_or_url(text: str, *, base_url: str) -> tuple[str, str] | None:
    """Return how a reference is compared; None for one into the resource itself. Its version is left out."""
    found = parse_reference(text.removeprefix(base_url + "/"))
    if found.form is ReferenceForm.CONTAINED:
        return None
    if found.form is ReferenceForm.LITERAL:
        return values.key(found.id), found.type
    return values.key(text.removesuffix(f"/_history/{found.version}") if found.version else text), ""


def canonical_forms(text: str) -> Iterator[str]:
    """Yield a canonical as it is, and without its version."""
    yield text
    url, bar, _ = text.partition("|")
    if bar and url:
        yield url


def read_uris(element: Any) -> Iterator[str]:
    if isinstance(element, str) and element:
        yield element
