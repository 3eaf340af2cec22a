"""The spine: a member's records through a sync into the developer's own bucket."""

from __future__ import annotations

import hashlib
import json

import pytest

from apps.destinations.models import Delivery
from apps.destinations.services import deliver_next
from apps.records.selectors import find_view

from . import world

pytestmark = pytest.mark.django_db(transaction=True)


def test_first_sync_of_a_member_lands_once_in_the_bucket(payer_url: str, cloud_url: str) -> None:
    team = world.make_team()
    destination = world.make_destination(team, cloud_url, bucket="first-sync")
    authorization = world.link_member(team, "patient2@flexpa.com", payer_url=payer_url)
    job = world.sync(authorization)
    assert (job.state, job.gaps) == ("COMPLETED", [])
    assert deliver_next()
    assert not deliver_next()
    delivery = Delivery.objects.get(destination=destination)
    assert delivery.state == "DELIVERED", (delivery.error_code, delivery.error_message)
    ((key, body),) = world.objects(cloud_url, "first-sync").items()
    assert key == delivery.object_key
    assert hashlib.sha256(body).hexdigest() == delivery.sha256
    lines = body.splitlines()
    assert len(lines) == delivery.resources == sum(job.resource_counts.values())
    assert json.loads(lines[0])["resourceType"] == "Patient"
    view = find_view(authorization)
    assert view is not None
    assert [line for _, _, line in view.lines()] == lines
