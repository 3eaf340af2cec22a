"""A new external ID beside the old one: deliveries go on with the old until a test has passed with the new.

Owns the overlap; refuses a second one inside it. The customer's trust policy names both meanwhile, or changes from one
to the other at once: whoever is refused with the old ID then, a delivery or the daily look, tries the new one.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from contextlib import suppress

from django.db import transaction
from django.utils import timezone

from apps.audit.events import SYSTEM, Actor
from apps.audit.services import record_event
from apps.outbound.failures import DeliveryError

from ..connectors.base import TOO_OPEN, Step
from ..models import ConnectionTest, Destination, DestinationSecret
from ..selectors import connector_for, place_of
from ..states import DestinationState, ProbeCause
from .destinations import lock_destination
from .telling import tell_live_change
from .testing import check_may_test, close_to_deliveries, failed_step, keep_test, note_pass

# A destination that has never passed has nothing that an overlap could save.
WORTH_KEEPING = (DestinationState.READY, DestinationState.ENABLED, DestinationState.PAUSED)


class NoOverlap(Exception):
    """Says why there is no external ID to replace step by step, or none that waits."""


@transaction.atomic
def prepare_external_id(*, destination: Destination, by: Actor) -> str:
    """Make the next external ID; the present one stays in use. Raises: NoOverlap."""
    locked = lock_destination(destination)
    secret = DestinationSecret.objects.select_for_update().filter(destination=locked).first()
    if secret is None or locked.state not in WORTH_KEEPING:
        raise NoOverlap("No connection has passed with the old external ID. Make a new one that replaces it at once.")
    if secret.next_external_id is not None:
        raise NoOverlap("A new external ID waits already. Test with it, or discard it first.")
    external_id = str(uuid.uuid4())
    secret.next_external_id = external_id
    secret.save(update_fields=["next_external_id"])
    _record("destination.external_id_prepared", locked, by)
    return external_id


@transaction.atomic
def discard_next_external_id(*, destination: Destination, by: Actor) -> None:
    """Stay with the present external ID; the other is never used. Raises: NoOverlap."""
    locked = lock_destination(destination)
    waiting = DestinationSecret.objects.filter(destination=locked, next_external_id__isnull=False)
    if not waiting.update(next_external_id=None):
        raise NoOverlap("No new external ID waits.")
    _record("destination.external_id_discarded", locked, by)


def adopt_external_id(*, destination: Destination, by: Actor, now: dt.datetime) -> ConnectionTest:
    """Test with the next external ID; if that passes it is the only one from now on.

    A failure changes nothing but what a storage that is open to others loses. Raises: NoOverlap, TooManyTests.
    """
    check_may_test(destination, now)
    candidate = _next(destination)
    steps = list(connector_for(destination, external_id=candidate).probe())
    return _keep(destination, candidate, steps, by=by, now=now)


def adopt_if_accepted(destination: Destination) -> bool:
    """Try the external ID that waits, after the present one was refused; True when another try may succeed.

    A pass of the whole test adopts it, as if a person had asked. What the test needs is asked first by one request: a
    trust policy that names neither costs no more. `destination` holds the ID in use afterwards.
    """
    secret = DestinationSecret.objects.filter(destination=destination).first()
    if secret is None:
        return False
    is_replaced = secret.external_id.reveal() != destination.secret.external_id.reveal()
    destination.secret = secret
    if is_replaced:  # somebody else has adopted it since `destination` was loaded
        return True
    if secret.next_external_id is None or _has_just_failed(destination):
        return False
    candidate = str(secret.next_external_id.reveal())
    connector = connector_for(destination, external_id=candidate)
    try:
        if not connector.admits_us():
            return False
    except DeliveryError:  # on our side: the refusal that brought us here stands
        return False
    with suppress(NoOverlap):  # it was adopted or discarded meanwhile
        _keep(destination, candidate, list(connector.probe()), by=SYSTEM, now=timezone.now())
    destination.secret.refresh_from_db()
    return bool(destination.secret.external_id.reveal() == candidate)


def _has_just_failed(destination: Destination) -> bool:
    """Many deliveries may be refused at once: the whole test is run for them once a minute."""
    recent = destination.tests.filter(ran_at__gt=timezone.now() - dt.timedelta(minutes=1))
    return recent.filter(cause=ProbeCause.CANDIDATE, passed=False).exists()


@transaction.atomic
def _keep(
    destination: Destination, candidate: str, steps: Sequence[Step], *, by: Actor, now: dt.datetime
) -> ConnectionTest:
    """Write down how the test with the next external ID went; a pass makes it the only one. Raises: NoOverlap."""
    locked, version = lock_destination(destination), destination.config_version
    test = keep_test(locked, version=version, cause=ProbeCause.CANDIDATE, steps=steps, by=by, now=now)
    if version != locked.config_version or _next(locked) != candidate:
        return test
    failed = failed_step(steps)
    if failed is None:
        secret = {"external_id": candidate, "next_external_id": None}
        DestinationSecret.objects.update_or_create(destination=locked, defaults=secret)
        note_pass(locked, now)
        _record("destination.external_id_rotated", locked, by)
        tell_live_change(locked, "external_id_rotated", by)
    elif failed.code == TOO_OPEN:
        close_to_deliveries(locked, failed, found_by="A connection test", by=by)
    return test


def _next(destination: Destination) -> str:
    """Raises: NoOverlap."""
    secret = DestinationSecret.objects.filter(destination=destination).first()
    if secret is None or secret.next_external_id is None:
        raise NoOverlap("No new external ID waits.")
    return str(secret.next_external_id.reveal())


def _record(action: str, destination: Destination, by: Actor) -> None:
    record_event(
        action=action,
        by=by,
        place=place_of(destination),
        target_type="destination",
        target_id=destination.pk,
        detail={},
    )
