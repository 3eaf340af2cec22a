"""The daily look at every destination that may be used: does its trust policy still refuse all but us, and would the
next delivery still get through?

Owns when and what follows. Refuses to call anything open or safe on an answer that says neither: then nothing
changes, and it is asked again soon. Source: aws-and-sftp section 4.10; lessons rank 5 and 18.
"""

from __future__ import annotations

import datetime as dt
import logging
import time

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q

from apps.audit.events import SYSTEM
from apps.encryption.envelope import EnvelopeError
from apps.mails.kinds import MailKind
from apps.mails.places import mail_place
from apps.mails.services import mail_owners_and_admins
from apps.outbound.failures import FaultOwner

from ..connectors.base import TOO_OPEN, Step, StepResult
from ..models import Destination
from ..selectors import DELIVERY_STEPS, connector_for, find_drift
from ..states import DestinationState, ProbeCause
from .destinations import lock_destination
from .replacing import adopt_if_accepted
from .testing import close_to_deliveries, failed_step, keep_test, next_retest

logger = logging.getLogger("relay.retesting")
WATCHED = (DestinationState.READY, DestinationState.ENABLED)
# What one sweep may spend: the sweeper has other duties.
SECONDS_PER_SWEEP = 5.0
# An inconclusive look, or one that was cut off, is repeated so many times a period.
TRIES_PER_PERIOD = 24
KEPT_DAYS = 30
# By destination, because a look is found by its destination and time only.
PRUNE = """
DELETE FROM destinations_connectiontest WHERE id IN (
    SELECT old.id FROM destinations_destination d CROSS JOIN LATERAL (
        SELECT t.id FROM destinations_connectiontest t
        WHERE t.destination_id = d.id AND t.ran_at < %s AND t.cause = 'scheduled'
          AND EXISTS (SELECT 1 FROM destinations_connectiontest n
                      WHERE n.destination_id = d.id AND n.ran_at > t.ran_at AND n.cause = 'scheduled')
        LIMIT 1000) old)
"""


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
    if not steps:
        return
    with transaction.atomic():
        locked = lock_destination(destination)
        version = destination.config_version
        was_drifting = find_drift(locked) is not None
        keep_test(locked, version=version, cause=ProbeCause.SCHEDULED, steps=steps, by=SYSTEM, now=now)
        if locked.config_version != version or locked.state not in WATCHED:
            return
        opened = next((step for step in steps if step.code == TOO_OPEN), None)
        failed = failed_step([step for step in steps if step.name in DELIVERY_STEPS])
        if opened is not None:
            close_to_deliveries(locked, opened, found_by="The daily check", by=SYSTEM)
        elif failed_step(steps) is None:
            locked.retest_at = next_retest(locked, now)
            locked.save(update_fields=["retest_at"])
        elif failed is not None and failed.owner == FaultOwner.CUSTOMER and not was_drifting:
            _tell_drift(locked, failed)
        elif failed is not None and failed.owner == FaultOwner.US:
            logger.warning("daily look at destination %s stopped at %s by %s", locked.pk, failed.name, failed.code)


def _look(destination: Destination) -> list[Step]:
    """Ask AWS, and do what a delivery does if there are any; no transaction is open.

    An external ID that waits is tried first: one that is adopted has just passed all of it, and nothing is returned.
    """
    try:
        if adopt_if_accepted(destination):
            return []
        connector = connector_for(destination)
        steps = list(connector.probe_refusals())
        return [*steps, *connector.probe_delivery()] if destination.enabled else steps
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


def _tell_drift(destination: Destination, failed: Step) -> None:
    """Warn before the next sync breaks: deliveries decide about a pause, once there are any."""
    application = destination.application
    mail_owners_and_admins(
        kind=MailKind.DESTINATION_DRIFTED,
        context={
            "destination": destination.name,
            "destination_id": destination.pk,
            "code": failed.code,
            "step": failed.name,
        },
        place=mail_place(application.workspace, application, destination.mode),
        by=SYSTEM,
    )


def prune_tests(*, now: dt.datetime) -> int:
    """Forget daily looks of long ago, but the last one of each destination; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(PRUNE, [now - dt.timedelta(days=KEPT_DAYS)])
        return int(cursor.rowcount)
