"""Back-off arithmetic."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.outbound.retries import backoff_seconds, retry_after_seconds

attempts = st.integers(1, 10**9)
jitters = st.floats(0, 1)


def test_waits_without_jitter_double_from_half_a_minute_to_an_hour() -> None:
    waits = [backoff_seconds(attempt, 1.0) for attempt in range(1, 11)]
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_least_jitter_waits_half() -> None:
    assert [backoff_seconds(attempt, 0.0) for attempt in (1, 2, 8)] == [15, 30, 1800]


@given(attempts, jitters)
def test_wait_lies_between_half_and_all_of_the_stated_time(attempt: int, jitter: float) -> None:
    stated = 3600 if attempt > 20 else min(3600, 30 * 2 ** (attempt - 1))
    assert stated / 2 <= backoff_seconds(attempt, jitter) <= stated


@given(attempts, jitters)
def test_a_later_attempt_never_waits_less(attempt: int, jitter: float) -> None:
    assert backoff_seconds(attempt + 1, jitter) >= backoff_seconds(attempt, jitter)


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.5), (-1, 0.5), (1, -0.1), (1, 1.1), (1, float("nan"))])
def test_senseless_arguments_are_refused(attempt: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="counts from 1"):
        backoff_seconds(attempt, jitter)


NOW = dt.datetime(2026, 11, 21, 12, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 13:00:30 +0100", 30.0),
        ("Sat, 21 Nov 2026 12:00:30 -0000", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 21 Nov 2027 12:00:00 GMT", 3600.0),
        ("99999999999999999999", 3600.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date_and_never_beyond_an_hour(header: str, seconds: float) -> None:
    assert retry_after_seconds(header, now=NOW) == seconds


@pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "²", "Sat, 99 Nov 2026 12:00:30 GMT"])
def test_retry_after_that_says_nothing_usable_is_none(header: str) -> None:
    assert retry_after_seconds(header, now=NOW) is None
