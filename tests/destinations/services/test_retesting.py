"""The daily look: who is looked at, when again, and what follows from each answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.destinations import services
from apps.destinations.models import ConnectionTest, Destination
from apps.destinations.services import retesting
from apps.encryption.envelope import EnvelopeError
from tests import factories

from .bucket import ScriptedBucket

DAY = dt.timedelta(days=1)


@pytest.fixture
def bucket() -> Iterator[ScriptedBucket]:
    scripted = ScriptedBucket()
    with (
        mock.patch("apps.destinations.services.testing.connector_for", scripted),
        mock.patch("apps.destinations.services.retesting.connector_for", scripted),
    ):
        yield scripted


def make_ready(count: int = 1, *, enabled: bool = False) -> list[Destination]:
    """Make destinations that passed a test just now."""
    application = factories.make_world("acme").application
    made = []
    for number in range(count):
        fields = {"name": f"Lake {number}", "bucket": f"lake-{number}", "region": "us-east-1"}
        created = services.create_destination(
            application=application, mode=Mode.TEST, by=SYSTEM, fields=fields | {"role_arn": factories.ROLE_ARN}
        )
        services.test_connection(destination=created.destination, by=SYSTEM, now=timezone.now())
        if enabled:
            services.enable_destination(destination=created.destination, by=SYSTEM, now=timezone.now())
        created.destination.refresh_from_db()
        made.append(created.destination)
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("enabled", [False, True])
def test_pass_is_kept_and_due_again_within_a_day(bucket: ScriptedBucket, enabled: bool) -> None:
    (destination,) = make_ready(enabled=enabled)
    now = timezone.now()
    assert services.retest_due(now=now) == 0
    assert services.retest_due(now=now + DAY) == 1
    state = destination.state
    destination.refresh_from_db()
    kept = destination.tests.latest("ran_at")
    assert (kept.cause, kept.passed, kept.ran_by, destination.state) == ("scheduled", True, "system", state)
    assert destination.retest_at is not None
    assert DAY * 0.75 <= destination.retest_at - (now + DAY) <= DAY


@pytest.mark.django_db
def test_open_trust_pauses_an_enabled_destination_with_a_reason_and_an_event(bucket: ScriptedBucket) -> None:
    (destination,) = make_ready(enabled=True)
    bucket.trust = "open"
    services.retest_due(now=timezone.now() + DAY)
    destination.refresh_from_db()
    assert (destination.state, "daily check" in destination.paused_reason) == ("PAUSED", True)
    actions = list(
        AuditEvent.objects.filter(target_id=str(destination.pk)).order_by("pk").values_list("action", flat=True)
    )
    assert actions[-2:] == ["destination.retested", "destination.paused"]
    with pytest.raises(services.NotTested):
        services.enable_destination(destination=destination, by=SYSTEM, now=timezone.now())
    assert services.retest_due(now=timezone.now() + 2 * DAY) == 0


@pytest.mark.django_db
def test_open_trust_of_a_destination_that_is_off_takes_its_pass_back(bucket: ScriptedBucket) -> None:
    (destination,) = make_ready()
    bucket.trust = "open"
    services.retest_due(now=timezone.now() + DAY)
    destination.refresh_from_db()
    assert (destination.state, destination.tested_version) == ("UNTESTED", None)


@pytest.mark.django_db
def test_paused_destination_that_is_disabled_untested_needs_a_test(bucket: ScriptedBucket) -> None:
    (destination,) = make_ready(enabled=True)
    bucket.trust = "open"
    services.retest_due(now=timezone.now() + DAY)
    services.disable_destination(destination=destination, by=SYSTEM)
    destination.refresh_from_db()
    assert destination.state == "UNTESTED"


@pytest.mark.django_db
def test_answer_that_says_nothing_changes_nothing_and_is_asked_again_soon(
    bucket: ScriptedBucket, settings: Settings
) -> None:
    (destination,) = make_ready(enabled=True)
    bucket.trust = "unknown"
    now = timezone.now() + DAY
    assert services.retest_due(now=now) == 1
    destination.refresh_from_db()
    assert (destination.state, destination.test_passed_at is not None) == ("ENABLED", True)
    assert destination.tests.filter(cause="scheduled", passed=False).count() == 1
    assert services.retest_due(now=now) == 0
    bucket.trust = "open"
    assert services.retest_due(now=now + dt.timedelta(seconds=settings.RETEST_SECONDS / 24)) == 1
    destination.refresh_from_db()
    assert destination.state == "PAUSED"


@pytest.mark.django_db
def test_secret_that_cannot_be_opened_is_our_fault_and_changes_nothing(bucket: ScriptedBucket) -> None:
    (destination,) = make_ready(enabled=True)
    with mock.patch("apps.destinations.services.retesting.connector_for", side_effect=EnvelopeError("sealed")):
        assert services.retest_due(now=timezone.now() + DAY) == 1
    destination.refresh_from_db()
    (step,) = destination.tests.latest("ran_at").steps
    assert (destination.state, step["owner"], step["code"]) == ("ENABLED", "us", "secret-sealed")


@pytest.mark.django_db
def test_configuration_that_changes_during_the_look_is_left_alone(bucket: ScriptedBucket) -> None:
    (destination,) = make_ready(enabled=True)
    bucket.trust = "open"
    claimed = retesting._claim(timezone.now() + DAY)
    assert claimed is not None
    services.update_destination(destination=destination, fields={"bucket": "elsewhere"}, by=SYSTEM)
    services.test_connection(destination=Destination.objects.get(pk=destination.pk), by=SYSTEM, now=timezone.now())
    retesting._retest(claimed, timezone.now())
    destination.refresh_from_db()
    assert (destination.state, destination.config_version) == ("READY", 2)
    assert destination.tests.filter(cause="scheduled", config_version=1, passed=False).exists()


@pytest.mark.django_db
def test_scheduled_looks_do_not_count_against_the_tests_that_people_may_run(
    bucket: ScriptedBucket, settings: Settings
) -> None:
    settings.TESTS_PER_MINUTE = 2
    (destination,) = make_ready()
    for _ in range(3):
        Destination.objects.update(retest_at=None)
        services.retest_due(now=timezone.now())
    services.test_connection(destination=destination, by=SYSTEM, now=timezone.now())


@pytest.mark.django_db
def test_looks_are_spread_over_the_day(bucket: ScriptedBucket) -> None:
    made = make_ready(12)
    assert len({destination.retest_at for destination in made}) == 12
    assert services.retest_due(now=timezone.now() + DAY * 0.74) == 0


@pytest.mark.django_db(transaction=True)
def test_two_sweepers_look_at_each_destination_once(bucket: ScriptedBucket, django_db_blocker: DjangoDbBlocker) -> None:
    made = make_ready(10, enabled=True)
    now = timezone.now() + DAY

    def sweep(_: int) -> int:
        with django_db_blocker.unblock():
            try:
                return services.retest_due(now=now)
            finally:
                connection.close()

    with ThreadPoolExecutor(4) as pool:
        looked_at = sum(pool.map(sweep, range(4)))
    kept = ConnectionTest.objects.filter(cause="scheduled")
    assert looked_at == kept.count() == len(made)
    assert kept.values("destination").distinct().count() == len(made)
