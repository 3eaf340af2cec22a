"""The daily look at every destination that may be used: does its trust policy still refuse all but us?

Owns when and what follows. Refuses to call anything open or safe on an answer that says neither: then nothing
changes, and it is asked again soon. Source: aws-and-sftp section 4.10; lessons rank 5 and 18.
"""

from __future__ import annotations

import datetime as dt
import time

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from apps.audit.events import SYSTEM
from apps.encryption.envelope import EnvelopeError
from apps.outbound.failures import FaultOwner

from ..connectors.base import TOO_OPEN, Step, StepResult
from ..models import Destination
from ..selectors import connector_for
from ..states import DestinationState, ProbeCause
from .destinations import lock_destination
from .testing import close_to_deliveries, failed_step, keep_test, next_retest

WATCHED = (DestinationState.READY, DestinationState.ENABLED)
# What one sweep may spend: the sweeper has other duties.
SECONDS_PER_SWEEP = 5.0
# An inconclusive look, or one that was cut off, is repeated so many times a period.
TRIES_PER_PERIOD = 24


def retest_due(*, now: dt.datetime) -> int:
    """Look at the destinations that are due, as many as there is time for; return how many."""
    ends = time.monotonic() + SECONDS_PER_SWEEP
    looked_at = 0
    while (destination := _claim(now)) is not None:
        _retest(destination, now)
        looked_at += 1
        if time.monotonic() > ends:
            break
    return looked_at


@transaction.atomic
def _claim(now: dt.datetime) -> Destination | None:
    """Take the one that has waited longest, and make it due again soon in case we are lost."""
    due = Destination.objects.filter(Q(retest_at__lte=now) | Q(retest_at=None), state__in=WATCHED)
    destination = (
        due.select_for_update(of=("self",), no_key=True, skip_locked=True)
        .select_related("application__workspace", "secret")
        .order_by(F("retest_at").asc(nulls_first=True), "id")
        .first()
    )
    if destination is not None:
        again = now + dt.timedelta(seconds=settings.RETEST_SECONDS / TRIES_PER_PERIOD)
        Destination.objects.filter(pk=destination.pk).update(retest_at=again)
    return destination


def _retest(destination: Destination, now: dt.datetime) -> None:
    steps = _look(destination)
    with transaction.atomic():
        locked = lock_destination(destination)
        version = destination.config_version
        keep_test(locked, version=version, cause=ProbeCause.SCHEDULED, steps=steps, by=SYSTEM, now=now)
        if locked.config_version != version or locked.state not in WATCHED:
            return
        failed = failed_step(steps)
        if failed is None:
            locked.retest_at = next_retest(locked, now)
            locked.save(update_fields=["retest_at"])
        elif failed.code == TOO_OPEN:
            close_to_deliveries(locked, failed, found_by="The daily check", by=SYSTEM)


def _look(destination: Destination) -> list[Step]:
    """Ask AWS; no transaction is open."""
    try:
        return list(connector_for(destination).probe_refusals())
    except EnvelopeError:
        return [
            Step(
                name="our_identity",
                result=StepResult.FAIL,
                code="secret-sealed",
                message="This is on our side: the external ID cannot be opened with FIELD_ENCRYPTION_KEYS.",
                owner=FaultOwner.US.value,
            )
        ]
