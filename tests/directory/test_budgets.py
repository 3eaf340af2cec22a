"""The bucket of an endpoint against its promise: no minute sees more than the budget, and nobody waits for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.test import TestCase
from django.utils import timezone
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as PropertyCase

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.directory.models import Endpoint, EndpointBudget
from apps.directory.services import close_endpoint, set_endpoint_limits, spend_request
from apps.directory.services.budgets import burst_of
from tests import factories

START = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(seconds=60)
budgets = st.sampled_from([6, 7, 12, 13, 60, 61, 100, 600])
# How long nobody asks, and how many requests are then paid at once.
arrivals = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(0, 0.5), st.floats(0, 90)), st.sampled_from([1, 1, 1, 2])),
    max_size=120,
)


def most_in_a_minute(granted: list[dt.datetime]) -> int:
    """Count by brute force: the fullest 60 seconds that begin with any request."""
    return max((sum(first <= each < first + MINUTE for each in granted) for first in granted), default=0)


@contextmanager
def statements_run() -> Iterator[list[str]]:
    """Count at the driver: the hot paths go past Django's cursor."""
    found, execute = list[str](), psycopg.Cursor.execute

    def note(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        found.append(str(query))
        return execute(self, query, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", note)
        yield found


class Budget(PropertyCase):
    @given(per_minute=budgets, arrivals=arrivals)
    @example(per_minute=6, arrivals=[(0.0, 1)] * 40)
    @example(per_minute=60, arrivals=[(0.0, 1)] * 20 + [(0.6, 1)] * 100)
    def test_no_minute_sees_more_requests_than_the_budget(
        self, per_minute: int, arrivals: list[tuple[float, int]]
    ) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        now, granted = START, list[dt.datetime]()
        for pause, count in arrivals:
            now += dt.timedelta(seconds=pause)
            if not spend_request(endpoint.pk, per_minute=per_minute, count=count, now=now):
                granted += [now] * count
        assert most_in_a_minute(granted) <= per_minute

    @given(per_minute=budgets, counts=st.lists(st.sampled_from([1, 2]), min_size=1, max_size=40))
    def test_whoever_waits_as_long_as_told_gets_it_and_the_budget_is_nearly_used_up(
        self, per_minute: int, counts: list[int]
    ) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        now = START
        for count in counts:
            if wait := spend_request(endpoint.pk, per_minute=per_minute, count=count, now=now):
                now += dt.timedelta(seconds=wait, microseconds=1)  # the clock of the database has no smaller unit
                assert not spend_request(endpoint.pk, per_minute=per_minute, count=count, now=now)
        beyond_the_burst = max(0, sum(counts) - burst_of(per_minute))
        assert (now - START).total_seconds() <= beyond_the_burst * 60 / (per_minute * 2 / 3) + 0.001


class Rows(TestCase):
    def test_endpoint_without_a_limit_costs_no_query(self) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        with statements_run() as run:
            assert spend_request(endpoint.pk, per_minute=None) == 0
        assert run == []
        assert not EndpointBudget.objects.exists()

    def test_limited_endpoint_costs_one_statement(self) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        spend_request(endpoint.pk, per_minute=60)
        with statements_run() as run:
            assert spend_request(endpoint.pk, per_minute=60) == 0
        assert len(run) == 1

    def test_closed_endpoint_takes_no_token_and_says_how_long(self) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        spend_request(endpoint.pk, per_minute=60)
        close_endpoint(endpoint.pk, seconds=300)
        close_endpoint(endpoint.pk, seconds=20)
        assert 299 < spend_request(endpoint.pk, per_minute=60) <= 300
        after = timezone.now() + dt.timedelta(seconds=301)
        for _ in range(10):
            assert spend_request(endpoint.pk, per_minute=60, now=after) == 0
        assert spend_request(endpoint.pk, per_minute=60, now=after) > 0

    def test_limit_that_gets_nowhere_is_refused(self) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        for wrong in (
            {"concurrent_syncs": 0, "requests_per_minute": None},
            {"concurrent_syncs": 1, "requests_per_minute": 5},
        ):
            with pytest.raises(ValidationError):
                set_endpoint_limits(endpoint=endpoint, by=SYSTEM, **wrong)
        with pytest.raises(IntegrityError):
            Endpoint.objects.update(requests_per_minute=5)

    def test_limits_are_kept_once_and_stand_in_the_audit(self) -> None:
        endpoint = factories.make_endpoint(Mode.TEST)
        assert set_endpoint_limits(endpoint=endpoint, concurrent_syncs=2, requests_per_minute=60, by=SYSTEM)
        assert not set_endpoint_limits(endpoint=endpoint, concurrent_syncs=2, requests_per_minute=60, by=SYSTEM)
        endpoint.refresh_from_db()
        assert (endpoint.concurrent_syncs, endpoint.requests_per_minute) == (2, 60)


@pytest.mark.django_db(transaction=True)
def test_many_processes_share_one_bucket_to_the_token() -> None:
    endpoint = factories.make_endpoint(Mode.TEST)
    now = timezone.now()

    def spend(_: int) -> bool:
        try:
            return not spend_request(endpoint.pk, per_minute=60, now=now)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(64))) == burst_of(60)
