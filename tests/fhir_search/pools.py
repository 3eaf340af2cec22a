"""The few values that random stores and random queries share, so that queries hit: near misses of one another.

Owns values of the FHIR data types; knows no resource type.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.fhir_search import chance as st

Json = dict[str, Any]

LOINC, SNOMED, UCUM = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
OID = "urn:oid:1.2.36.146"
SYSTEMS = (LOINC, SNOMED, OID)
CODES = ("8480-6", "8462-4", "ABC", "abc", "abcd", "a,b", "a|b", "x$y", "back\\slash", "Straße", "50% & more", "a_c")
TEXTS = (
    "Müller",
    "MULLER",
    "Mull",
    "O'Neil",
    "Smith, John",
    "a|b",
    "x$y",
    "back\\slash",
    "Ångström",
    "ﬁnal",
    "Final answer",
    "Straße",
    "strasse 5",
    "Ñandú",
    "Ε\u0313λλάς",
    "李小龙",
    "100% sure",
    "100 per cent",
    "under_score",
    "underXscore",
    "İzmir",
    "two  spaces",
    "Z",
    "zoë",
)
DATES = (
    "2024",
    "2023",
    "1850-06",
    "2024-02",
    "2024-03",
    "2024-02-29",
    "2024-03-01",
    "2023-12-31",
    "9999-12-31",
    "2016-12-31",
)
INSTANTS = (
    "2024-02-29T10:30:00Z",
    "2024-02-29T10:30:00",
    "2024-02-29T10:30:00.5Z",
    "2024-02-29T10:30:00.500Z",
    "2024-02-29T10:30:00.123456789Z",
    "2024-02-29T10:30:59+00:00",
    "2024-02-29T23:30:00-05:00",
    "2024-03-01T00:00:00+02:00",
    "2024-03-01T00:00:00Z",
    "2024-02-29T23:59:59.999Z",
    "2023-12-31T23:59:59Z",
    "2024-01-01T00:00:00Z",
    "2024-02-29T24:00:00Z",
    "2016-12-31T23:59:60Z",
    "2017-01-01T00:00:00Z",
)
_WRITTEN = "0 -3 0.001 5.4 5.40 5.395 5.404 5.405 5.41 99 99.4 99.5 100 100.0 100.4 100.5 101 149.9 150 12345678.9"
NUMBERS = tuple(map(Decimal, _WRITTEN.split(" ")))
PROFILES = ("http://example.org/profile", "http://example.org/profile|1.0", "http://example.org/profile|2.0")
URIS = (
    "http://example.org/a",
    "http://example.org/a/b",
    "http://example.org/A",
    "http://example.org/ab",
    "urn:oid:1.2.3",
)
LETTERS = "abcdef7890"


def known_id(letter: str) -> str:
    """Make an id that reads as the UUID that it must be; the same letter names resources of many types."""
    return f"{letter * 8}-0000-4000-8000-00000000000{letter}"


def element(required: Mapping[str, Any] | None = None, /, **optional: Any) -> st.Strategy[Json]:
    """Make objects with these members; a key that Python reserves is written with a low line behind it."""
    plain = {key.rstrip("_"): strategy for key, strategy in optional.items()}
    return st.dictionaries(required or {}, plain)


def some(strategy: st.Strategy[Any], most: int = 2) -> st.Strategy[list[Any]]:
    return st.lists(strategy, least=1, most=most)


def one_of(*values: Any) -> st.Strategy[Any]:
    return st.sampled_from(values)


texts = st.sampled_from(TEXTS)
codes = st.sampled_from(CODES)
systems = st.sampled_from(SYSTEMS)
codings = st.one_of(
    element({"code": codes}, system=systems, display=texts),
    element({"code": codes, "system": systems}),
    element({"display": texts}),
)
concepts = st.one_of(
    element({"coding": some(codings)}, text=texts), element({"text": texts}), element({"coding": some(codings, 1)})
)
identifiers = element(
    {"value": codes}, system=systems, type=element({"coding": some(codings)}, text=texts), use=one_of("usual", "old")
)
contact_points = element(
    {"system": one_of("phone", "email"), "value": one_of("555-0100", "555-0101", "A@example.org", "a@example.org")}
)
human_names = element(
    {"family": texts}, given=some(texts), prefix=some(texts, 1), suffix=some(texts, 1), text=texts, use=one_of("usual")
)
addresses = element(
    {"city": texts}, line=some(texts), district=texts, state=texts, postalCode=one_of("02139", "02139-1234"),
    country=texts, text=texts, use=one_of("home", "work"),
)  # fmt: skip
dates = st.sampled_from(DATES)
date_times = st.sampled_from(DATES + INSTANTS)
instants = st.sampled_from([each for each in INSTANTS if each.endswith("Z") or each[-6] in "+-"])
periods = st.one_of(
    element({"start": date_times}), element({"end": date_times}), element({"start": date_times, "end": date_times})
)
timings = st.one_of(
    element({"event": some(date_times)}),
    element({"repeat": element({"boundsPeriod": periods})}),
    element({"event": some(date_times), "repeat": element({"boundsPeriod": periods})}),
)
numbers = st.sampled_from(NUMBERS)
units = one_of("mg", "kg", "MG", "mmHg")
quantities = st.one_of(
    element({"value": numbers}, unit=units, comparator=one_of("<", "<=", ">", ">=")),
    element({"value": numbers, "system": one_of(UCUM), "code": units}, unit=units),
    element({"value": numbers, "system": one_of(UCUM, SNOMED), "code": units}, comparator=one_of("<", ">=")),
)
simple_quantities = element({"value": numbers}, system=one_of(UCUM), code=units)
ranges = st.one_of(
    element({"low": simple_quantities}),
    element({"high": simple_quantities}),
    element({"low": simple_quantities, "high": simple_quantities}),
)
money = element({"value": numbers}, currency=one_of("USD", "EUR"))
sampled_data = st.just({"origin": {"value": 100}, "period": 10, "dimensions": 1, "data": "1 2 3"})


def references(base_url: str, strangers: str, *types: str) -> st.Strategy[Json]:
    """Make references of every form; `strangers` are letters of ids that live in another partition."""
    mostly_there = LETTERS[:4] * 2 + LETTERS
    local = st.builds("{}/{}".format, st.sampled_from(types), st.sampled_from([*map(known_id, mostly_there)]))
    foreign = st.builds("{}/{}".format, st.sampled_from(types), st.sampled_from([*map(known_id, strangers)]))
    text = st.one_of(
        local,
        local,
        local,
        foreign,
        st.builds("{}/_history/2".format, local),
        st.builds((base_url + "/{}").format, local),
        st.builds("https://other.example/fhir/{}".format, local),
        st.builds("https://other.example/fhir/{}/_history/1".format, local),
        one_of("#contained", "urn:uuid:aaaaaaaa-0000-4000-8000-00000000000a"),
    )
    return st.one_of(
        element({"reference": local}),
        element({"reference": text}, display=texts, identifier=identifiers),
        element({"identifier": identifiers}, display=texts),
        element({"display": texts}),
    )
