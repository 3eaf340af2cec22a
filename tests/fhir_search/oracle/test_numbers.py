"""Numbers and quantities by the examples of R4 3.1.1.4.6 and 3.1.1.4.11, and at the edges of implied precision."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fhir_search.oracle import Unsupported
from tests.fhir_search.oracle.shelf import ids, is_match


@pytest.mark.parametrize(
    ("query", "value", "expected"),
    [
        ("100", 100, True),
        ("100", 99.5, True),
        ("100", 100.49, True),
        ("100", 100.5, False),
        ("100", 99.49, False),
        ("100.00", 100.004, True),
        ("100.00", 100.005, False),
        ("100.00", 99.994, False),
        ("1e2", 50, True),
        ("1e2", 149.9, True),
        ("1e2", 150, False),
        ("5.40", 5.4, True),
        ("5.40", 5.404, True),
        ("5.40", 5.405, False),
        ("5.4e-1", 0.54, True),
        ("-3", -3, True),
        ("-3", -2.5, False),
        ("-3", -3.5, True),
        ("ne100", 100.4, False),
        ("ne100", 100.5, True),
        ("gt100", 100.1, True),
        ("gt100", 100, False),
        ("ge100", 100, True),
        ("ge100", 99.9, False),
        ("lt100", 99.9, True),
        ("lt100", 100, False),
        ("le100", 100, True),
        ("sa100", 100.1, True),
        ("eb100", 99.9, True),
        ("ap100", 90, True),
        ("ap100", 110, True),
        ("ap100", 110.1, False),
        ("ap-100", -90, True),
        ("ap-100", -111, False),
    ],
)
def test_number_means_what_its_digits_say(query: str, value: float, expected: bool) -> None:
    risk = {"resourceType": "RiskAssessment", "prediction": [{"probabilityDecimal": value}]}
    observation = {"resourceType": "Observation", "valueQuantity": {"value": value}}
    assert is_match(f"probability={query}", risk) is expected
    assert is_match(f"value-quantity={query}", observation) is expected


MG = {"value": 5.4, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}


@pytest.mark.parametrize(
    ("query", "quantity", "expected"),
    [
        ("5.4|http://unitsofmeasure.org|mg", MG, True),
        ("5.4|http://unitsofmeasure.org|MG", MG, False),
        ("5.4|http://other|mg", MG, False),
        ("5.4||mg", MG, True),
        ("5.4||mg", {"value": 5.4, "unit": "mg"}, True),
        ("5.4|http://unitsofmeasure.org|mg", {"value": 5.4, "unit": "mg"}, False),
        ("5.4", {"value": 5.4}, True),
        ("le5.4|http://unitsofmeasure.org|mg", MG, True),
        ("6.4||mg", MG, False),
        # "<5" is every number up to five, ">5" every number from there.
        ("lt3", {"value": 5, "comparator": "<"}, True),
        ("gt4", {"value": 5, "comparator": "<"}, True),
        ("gt5", {"value": 5, "comparator": "<"}, False),
        ("5", {"value": 5, "comparator": "<"}, False),
        ("ne5", {"value": 5, "comparator": "<"}, True),
        ("eb6", {"value": 5, "comparator": "<"}, True),
        ("sa4", {"value": 5, "comparator": ">="}, True),
        ("gt1000", {"value": 5, "comparator": ">"}, True),
        ("ne5", {"unit": "mg"}, False),
    ],
)
def test_quantity_with_units_and_comparators(query: str, quantity: dict[str, Any], expected: bool) -> None:
    assert is_match(f"value-quantity={query}", {"resourceType": "Observation", "valueQuantity": quantity}) is expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [("10||USD", True), ("10|urn:iso:std:iso:4217|USD", True), ("10||EUR", False), ("10|http://x|USD", False)],
)
def test_money_has_its_currency_for_a_unit(query: str, expected: bool) -> None:
    item = {"resourceType": "ChargeItem", "priceOverride": {"value": 10, "currency": "USD"}}
    assert is_match(f"price-override={query}", item) is expected


@pytest.mark.parametrize(
    ("query", "limits", "expected"),
    [
        ("20", {"low": {"value": 19.6}, "high": {"value": 20.2}}, True),
        ("20", {"low": {"value": 19}, "high": {"value": 21}}, False),
        ("gt100", {"low": {"value": 19}}, True),
        ("sa18", {"low": {"value": 19}}, True),
        ("lt-5", {"high": {"value": 19}}, True),
        ("eb19", {"high": {"value": 19}}, False),
        ("ap20", {"low": {"value": 22}, "high": {"value": 30}}, True),
    ],
)
def test_range_is_open_where_it_says_nothing(query: str, limits: dict[str, Any], expected: bool) -> None:
    assert is_match(f"onset-age={query}", {"resourceType": "Condition", "onsetRange": limits}) is expected


def test_sampled_data_is_no_quantity_and_not_missing() -> None:
    observation = {"resourceType": "Observation", "valueSampledData": {"origin": {"value": 5}}}
    assert not is_match("value-quantity=5", observation)
    assert is_match("value-quantity:missing=false", observation)


@pytest.mark.parametrize("value", ["x", "5|mg", "5|a|b|c", "|http://unitsofmeasure.org|mg", "gt", "1,x"])
def test_what_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(Unsupported):
        ids(f"Observation?value-quantity={value}")
