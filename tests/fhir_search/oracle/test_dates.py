"""Dates by the table of R4 3.1.1.4.7 and by the rows that servers got wrong: precision, zones, open periods."""

from __future__ import annotations

import pytest

from tests.fhir_search.oracle import Unsupported
from tests.fhir_search.oracle.dates import parse_date
from tests.fhir_search.oracle.shelf import ids, is_match


@pytest.mark.parametrize(
    ("query", "birth_date", "expected"),
    [
        # The examples of the specification.
        ("eq2013-01-14", "2013-01-14", True),
        ("eq2013-01-14", "2013-01-14T00:00", True),
        ("eq2013-01-14", "2013-01-14T10:00", True),
        ("eq2013-01-14", "2013-01-15T00:00", False),
        ("ne2013-01-14", "2013-01-15T00:00", True),
        ("ne2013-01-14", "2013-01-14T10:00", False),
        ("lt2013-01-14T10:00", "2013-01-14", True),
        ("lt2013-01-14T10:00", "2013-01-14T10:00", False),
        ("gt2013-01-14T10:00", "2013-01-14", True),
        ("gt2013-01-14T10:00", "2013-01-14T10:01", True),
        ("sa2013-03-14", "2013-03-15", True),
        ("sa2013-03-14", "2013-03-14", False),
        ("eb2013-03-14", "2013-03-13", True),
        ("eb2013-03-14", "2013-03-14T00:00", False),
        # The target is wider than what was asked: contained by nothing, but earlier and later.
        ("2013-01-14", "2013", False),
        ("2013-01-14", "2013-01", False),
        ("2013-01", "2013-01-14", True),
        ("2013", "2013-01-14", True),
        ("gt2013-01-14", "2013-01", True),
        ("lt2013-01-14", "2013-01", True),
        ("sa2013-01-14", "2013-01", False),
        ("eb2013-01-14", "2013-01", False),
        ("ge2013-01-14", "2013-01-14", True),
        ("le2013-01-14", "2013-01-14", True),
        ("gt2013-01-14", "2013-01-14", False),
        ("lt2013-01-14", "2013-01-14", False),
        ("gt2013-01-14", "2013-01-14T23:59:59.999", False),
        ("ge2013-01-14", "2013-01-13", False),
        ("le2013-01-14", "2013-01-15", False),
        ("ne2013-01-14", "2013-01", True),
        # Zones, seconds, fractions, hours and seconds that roll over.
        ("2013-01-14", "2013-01-14T23:30:00-05:00", False),
        ("2013-01-15", "2013-01-14T23:30:00-05:00", True),
        ("2013-01-14T10:00:00+02:00", "2013-01-14T08:00:00Z", True),
        ("2013-01-14T10:00:00 02:00", "2013-01-14T08:00:00Z", True),
        ("2013-01-14T10:00:00Z", "2013-01-14T10:00:00.123Z", True),
        ("2013-01-14T10:00:00.1Z", "2013-01-14T10:00:00.123Z", True),
        ("2013-01-14T10:00:00.1234567Z", "2013-01-14T10:00:00.1234569Z", True),
        ("2013-01-15T00:00:00Z", "2013-01-14T24:00:00Z", True),
        ("2017-01-01T00:00:00Z", "2016-12-31T23:59:60Z", True),
        ("9999-12-31", "9999-12-31", True),
        ("2012-02-29", "2012-02-29", True),
        # Near: a tenth of the time between then and now (2024-03-10); eleven years give some thirteen months.
        ("ap2013-01-14", "2013-12-14", True),
        ("ap2013-01-14", "2011-01-14", False),
        ("ap2024-03-01", "2024-03-02", True),
        ("ap2024-03-01", "2024-03-04", False),
    ],
)
def test_date_of_any_precision_is_compared_as_a_range(query: str, birth_date: str, expected: bool) -> None:
    encoded = query.replace("+", "%2B")
    assert is_match(f"birthdate={encoded}", {"resourceType": "Patient", "birthDate": birth_date}) is expected


@pytest.mark.parametrize(
    ("query", "period", "expected"),
    [
        ("2013", {"start": "2013-01-14", "end": "2013-05-01"}, True),
        ("2013", {"start": "2013-01-14"}, False),
        ("ne2013", {"start": "2013-01-14"}, True),
        ("gt2030", {"start": "2013-01-14"}, True),
        ("sa2030", {"start": "2013-01-14"}, False),
        ("lt1800", {"end": "2013-01-14"}, True),
        ("eb1800", {"end": "2013-01-14"}, False),
        ("eb2014", {"end": "2013-01-14"}, True),
        ("sa2012", {"start": "2013-01-14"}, True),
        ("ap2023", {"start": "2013", "end": "2022-12-30"}, True),
    ],
)
def test_period_is_open_where_it_says_nothing(query: str, period: dict[str, str], expected: bool) -> None:
    assert is_match(f"date={query}", {"resourceType": "Encounter", "period": period}) is expected


@pytest.mark.parametrize(
    ("query", "expected"), [("2013-02", True), ("2013-06", True), ("2013-05", False), ("gt2013-12", False)]
)
def test_each_event_of_a_timing_and_its_bounds_are_values(query: str, expected: bool) -> None:
    timing = {"event": ["2013-02-03"], "repeat": {"boundsPeriod": {"start": "2013-06-01", "end": "2013-06-02"}}}
    assert is_match(f"date={query}", {"resourceType": "Observation", "effectiveTiming": timing}) is expected


def test_a_string_under_a_date_is_no_date_and_not_missing() -> None:
    immunization = {"resourceType": "Immunization", "occurrenceString": "2013"}
    assert not is_match("date=2013", immunization)
    assert not is_match("date=ne2013", immunization)
    assert is_match("date:missing=false", immunization)


def test_last_updated_is_a_point_in_our_own_time() -> None:
    patients = [{"resourceType": "Patient"}] * 3
    assert ids("Patient?_lastUpdated=2024-02-01T02:00:00Z", *patients) == ["2"]
    assert ids("Patient?_lastUpdated=gt2024-02-01T02:00:00Z", *patients) == ["3"]
    assert ids("Patient?_lastUpdated=ge2024-02-01T02:00:00Z&_lastUpdated=lt2024-02-01T03:00Z", *patients) == ["2"]


@pytest.mark.parametrize("text", ["2013-13", "2013-02-29", "0000", "13", "2013-01-14T25:00", "2013-01-14T10", "x", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    assert parse_date(text) is None
    with pytest.raises(Unsupported):
        ids(f"Patient?birthdate={text}")
