"""Test connection: the delivery's own write, probed; kept with who ran it (D9)."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from django.conf import settings
from django.db import transaction

from apps.audit.events import Actor
from apps.audit.services import record_event

from ..connectors.base import StepResult
from ..models import ConnectionTest, Destination
from ..selectors import connector_for, place_of
from ..states import DestinationState
from .destinations import lock_destination


class TooManyTests(Exception):
    def __init__(self) -> None:
        super().__init__("This destination was tested too often in the last minute. Wait a minute and try again.")


def test_connection(*, destination: Destination, by: Actor, now: dt.datetime) -> ConnectionTest:
    """Run every step and keep the result; a pass makes an untested destination READY.

    No transaction is open while AWS is asked; a destination that changed meanwhile stays untested.
    Raises: TooManyTests.
    """
    recent = ConnectionTest.objects.filter(destination=destination, ran_at__gt=now - dt.timedelta(minutes=1))
    if recent.count() >= settings.TESTS_PER_MINUTE:
        raise TooManyTests
    version = destination.config_version
    steps = list(connector_for(destination).probe())
    passed = all(step.result in (StepResult.PASS, StepResult.WARN) for step in steps)
    with transaction.atomic():
        locked = lock_destination(destination)
        test = ConnectionTest.objects.create(
            destination=locked,
            config_version=version,
            passed=passed,
            steps=[{**asdict(step), "result": step.result.value} for step in steps],
            ran_at=now,
            ran_by=by.label,
        )
        if passed and version == locked.config_version:
            locked.tested_version, locked.test_passed_at = version, now
            if locked.state == DestinationState.UNTESTED:
                locked.state = DestinationState.READY
            locked.save(update_fields=["tested_version", "test_passed_at", "state"])
        record_event(
            action="destination.tested",
            by=by,
            place=place_of(locked),
            target_type="destination",
            target_id=locked.pk,
            detail={
                "passed": passed,
                "failed_step": next((s.name for s in steps if s.result == StepResult.FAIL), ""),
            },
        )
    return test
