"""The external ID changes while deliveries go on: none of them fails, whichever way the customer changes the policy."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.destinations import services
from apps.destinations.connectors.s3 import identity
from apps.destinations.models import Delivery, DeliveryAttempt, Destination
from apps.destinations.policies import trust_policy
from apps.destinations.services import adopt_external_id, deliver_next, replay_delivery
from tests.destinations.s3_world import Control

from . import world

pytestmark = pytest.mark.django_db(transaction=True)
EACH = 4


def trust(cloud_url: str, destination: Destination, *external_ids: str) -> None:
    iam = world.aws("iam", cloud_url, world.CUSTOMER_ACCOUNT)
    policy = json.dumps(trust_policy(world.DELIVERY_ROLE, external_ids))
    iam.update_assume_role_policy(RoleName=destination.role_arn.rpartition("/")[2], PolicyDocument=policy)


@pytest.fixture(autouse=True)
def _no_session_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write assumes the role again: nothing is delivered by a session from before the change."""
    monkeypatch.setattr(identity, "RENEW_BEFORE", dt.timedelta(days=1))


def at_once(destination: Destination, cloud_url: str, waiting: str) -> None:
    """Replace the old ID: the next delivery that assumes the role finds out."""
    trust(cloud_url, destination, waiting)


def with_overlap(destination: Destination, cloud_url: str, waiting: str) -> None:
    """Name both, test with the new one, then name that alone."""
    old = destination.secret.external_id.reveal()
    trust(cloud_url, destination, old, waiting)
    assert adopt_external_id(destination=destination, by=SYSTEM, now=timezone.now()).passed
    trust(cloud_url, destination, waiting)


@pytest.mark.parametrize("change", [at_once, with_overlap])
def test_no_delivery_fails_while_the_external_id_changes(
    payer_url: str, cloud_url: str, change: Callable[[Destination, str, str], None]
) -> None:
    team = world.make_team()
    destination = world.make_destination(team, cloud_url, bucket=f"rotate-{change.__name__.replace('_', '-')}")
    old = destination.secret.external_id.reveal()
    authorization = world.link_member(team, "patient2@flexpa.com", payer_url=payer_url)
    assert world.sync(authorization).state == "COMPLETED"
    assert deliver_next()
    first = Delivery.objects.get(destination=destination)
    rotated = threading.Event()

    def deliver() -> None:
        """Deliver until everything is delivered and the ID has changed."""
        try:
            while not (rotated.is_set() and not Delivery.objects.filter(state="PENDING").exists()):
                deliver_next()
        finally:
            connection.close()

    workers = [threading.Thread(target=deliver) for _ in range(2)]
    for each in workers:
        each.start()
    try:
        add_deliveries(first)
        waiting = services.prepare_external_id(destination=destination, by=SYSTEM)
        add_deliveries(first)
        change(Destination.objects.get(pk=destination.pk), cloud_url, waiting)
        add_deliveries(first)
    finally:
        rotated.set()
        for each in workers:
            each.join()
    check_nothing_failed(destination, 3 * EACH + 1)
    check_old_is_gone(destination, cloud_url, old, waiting)


def add_deliveries(first: Delivery) -> None:
    """Make deliveries of one attempt each: a failure would stand."""
    for _ in range(EACH):
        replay_delivery(delivery=first, by=SYSTEM, now=timezone.now())


def check_nothing_failed(destination: Destination, count: int) -> None:
    rows = Delivery.objects.filter(destination=destination)
    assert set(rows.values_list("state", flat=True)) == {"DELIVERED"}
    assert rows.count() == count == DeliveryAttempt.objects.count()
    assert list(DeliveryAttempt.objects.filter(succeeded=False)) == []
    destination.refresh_from_db()
    assert (destination.state, destination.fail_streak, destination.refused_streak) == ("ENABLED", 0, 0)


def check_old_is_gone(destination: Destination, cloud_url: str, old: str, waiting: str) -> None:
    secret = Destination.objects.get(pk=destination.pk).secret
    assert (secret.external_id.reveal(), secret.next_external_id) == (waiting, None)
    control = Control(cloud_url)
    control.clear()
    replay_delivery(delivery=Delivery.objects.first(), by=SYSTEM, now=timezone.now())  # type: ignore[arg-type]
    assert deliver_next()
    asked = {entry["external_id"] for entry in control.log(role_arn=destination.role_arn)}
    assert asked == {waiting}
    ours = world.aws("sts", cloud_url, world.OUR_ACCOUNT)
    with pytest.raises(ours.exceptions.ClientError, match="AccessDenied"):
        ours.assume_role(RoleArn=destination.role_arn, RoleSessionName="old", ExternalId=old)
