"""Test connection: the delivery's own write, probed; kept with who ran it and why (D9).

Owns what a result changes: a pass of the current settings allows enabling, a failure takes that back, and a
storage that is open to others is used no more.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict

from django.conf import settings
from django.db import transaction

from apps.audit.events import Actor
from apps.audit.services import record_event
from apps.outbound.failures import FaultOwner
from apps.outbox.transitions import IllegalTransition

from ..connectors.base import TOO_OPEN, Step, StepResult
from ..models import ConnectionTest, Destination
from ..selectors import connector_for, place_of
from ..states import DestinationState, ProbeCause
from .destinations import lock_destination, pause_destination, withdraw_pass


class StillDraft(IllegalTransition):
    """A destination that lacks its role or its external ID cannot be tested."""

    def __init__(self) -> None:
        super().__init__(DestinationState.DRAFT, DestinationState.READY)

    def __str__(self) -> str:
        return "Finish the set-up first: a destination needs its role and its external ID before it can be tested."


class TooManyTests(Exception):
    def __init__(self) -> None:
        super().__init__("This destination was tested too often in the last minute. Wait a minute and try again.")


def test_connection(*, destination: Destination, by: Actor, now: dt.datetime) -> ConnectionTest:
    """Run every step and keep the result; a pass makes an untested destination READY.

    No transaction is open while AWS is asked; a destination that changed meanwhile stays untested.
    Raises: TooManyTests, StillDraft.
    """
    check_may_test(destination, now)
    version = destination.config_version
    steps = list(connector_for(destination).probe())
    with transaction.atomic():
        locked = lock_destination(destination)
        test = keep_test(locked, version=version, cause=ProbeCause.ASKED, steps=steps, by=by, now=now)
        if version != locked.config_version:
            return test
        failed = failed_step(steps)
        if failed is None:
            note_pass(locked, now)
        elif failed.code == TOO_OPEN:
            close_to_deliveries(locked, failed, found_by="A connection test", by=by)
        elif failed.owner != FaultOwner.US:  # a fault of ours says nothing of the destination
            withdraw_pass(locked)
    return test


def check_may_test(destination: Destination, now: dt.datetime) -> None:
    """Raises: TooManyTests, StillDraft."""
    if destination.state == DestinationState.DRAFT:
        raise StillDraft
    recent = ConnectionTest.objects.filter(destination=destination, ran_at__gt=now - dt.timedelta(minutes=1))
    if recent.exclude(cause=ProbeCause.SCHEDULED).count() >= settings.TESTS_PER_MINUTE:
        raise TooManyTests


def keep_test(
    locked: Destination, *, version: int, cause: ProbeCause, steps: Sequence[Step], by: Actor, now: dt.datetime
) -> ConnectionTest:
    """Write down how a test of configuration `version` went; the caller has a transaction open."""
    failed = failed_step(steps)
    record_event(
        action="destination.retested" if cause == ProbeCause.SCHEDULED else "destination.tested",
        by=by,
        place=place_of(locked),
        target_type="destination",
        target_id=locked.pk,
        detail={
            "passed": failed is None,
            "failed_step": failed.name if failed else "",
            "code": failed.code if failed else "",
        },
    )
    return ConnectionTest.objects.create(
        destination=locked,
        cause=cause,
        config_version=version,
        passed=failed is None,
        steps=[{**asdict(step), "result": step.result.value} for step in steps],
        ran_at=now,
        ran_by=by.label,
    )


def failed_step(steps: Sequence[Step]) -> Step | None:
    return next((step for step in steps if step.result is StepResult.FAIL), None)


def close_to_deliveries(locked: Destination, failed: Step, *, found_by: str, by: Actor) -> None:
    """Use a storage that is open to others no more: pause it, or take back that it may be enabled."""
    withdraw_pass(locked)
    if locked.state == DestinationState.ENABLED:
        reason = f"{found_by} found: {failed.message} Correct it, test the connection and enable again."
        pause_destination(destination=locked, reason=reason, cause="open", code=failed.code, by=by)


def next_retest(destination: Destination, now: dt.datetime) -> dt.datetime:
    """Return when to look at the trust again: each destination in a rhythm of its own, up to a quarter shorter."""
    share = 1 - (destination.pk.int % 1000) / 4000
    return now + dt.timedelta(seconds=settings.RETEST_SECONDS * share)


def note_pass(locked: Destination, now: dt.datetime) -> None:
    """Allow enabling: the settings as they are have passed; the caller holds the lock."""
    locked.tested_version, locked.test_passed_at = locked.config_version, now
    locked.retest_at = next_retest(locked, now)
    if locked.state == DestinationState.UNTESTED:
        locked.state = DestinationState.READY
    locked.save(update_fields=["tested_version", "test_passed_at", "retest_at", "state"])
