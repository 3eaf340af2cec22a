"""`adopt_if_accepted`: the external ID that waits is tried when the old one is refused; only a whole pass counts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.audit.events import SYSTEM
from apps.destinations import services
from apps.destinations.models import Destination
from tests.destinations.s3_world import Control
from tests.factories import make_world
from tests.flows import world as flows
from tests.flows.customer import clear_faults, fault

from .lake import Lake
from .test_drift import close_writes, open_writes, trust

pytestmark = pytest.mark.django_db


@pytest.fixture
def lake(db: None, cloud_url: str, tmp_path: Path) -> Iterator[Lake]:
    clear_faults(cloud_url)
    yield Lake.make(make_world("acme"), cloud_url, tmp_path, readable=False)
    clear_faults(cloud_url)


def loaded(lake: Lake) -> Destination:
    return Destination.objects.select_related("secret", "application__workspace").get(pk=lake.destination.pk)


def ids(lake: Lake) -> tuple[str, str | None]:
    secret = loaded(lake).secret
    return secret.external_id.reveal(), secret.next_external_id.reveal() if secret.next_external_id else None


def prepared(lake: Lake) -> str:
    return services.prepare_external_id(destination=lake.destination, by=SYSTEM)


def test_waiting_id_that_the_role_takes_is_adopted_and_the_destination_holds_it(lake: Lake) -> None:
    waiting, destination = prepared(lake), loaded(lake)
    trust(lake, waiting)
    assert services.adopt_if_accepted(destination)
    assert destination.secret.external_id.reveal() == waiting
    assert ids(lake) == (waiting, None)


def test_waiting_id_that_the_role_refuses_costs_one_request_and_keeps_nothing(lake: Lake) -> None:
    waiting, destination = prepared(lake), loaded(lake)
    trust(lake, "somebody-else")
    control = Control(lake.cloud_url)
    control.clear()
    assert not services.adopt_if_accepted(destination)
    assert len(control.log(role_arn=lake.destination.role_arn)) == 1
    assert (ids(lake), lake.destination.tests.filter(cause="candidate").count()) == ((lake.external_id, waiting), 0)


def test_without_a_waiting_id_nothing_is_asked(lake: Lake) -> None:
    control = Control(lake.cloud_url)
    control.clear()
    assert not services.adopt_if_accepted(loaded(lake))
    assert control.log() == []


def test_id_that_somebody_else_adopted_meanwhile_is_taken_over(lake: Lake) -> None:
    waiting, stale = prepared(lake), loaded(lake)
    trust(lake, waiting)
    assert services.adopt_if_accepted(loaded(lake))
    assert services.adopt_if_accepted(stale)
    assert stale.secret.external_id.reveal() == waiting
    assert lake.destination.tests.filter(cause="candidate").count() == 1


def test_waiting_id_is_not_adopted_when_the_rest_of_the_test_fails_and_is_not_tried_for_a_minute(lake: Lake) -> None:
    waiting = prepared(lake)
    trust(lake, waiting)
    close_writes(lake)
    assert not services.adopt_if_accepted(loaded(lake))
    assert not services.adopt_if_accepted(loaded(lake))
    assert (ids(lake), lake.destination.tests.filter(cause="candidate").count()) == ((lake.external_id, waiting), 1)
    open_writes(lake)
    lake.destination.tests.filter(cause="candidate").delete()
    assert services.adopt_if_accepted(loaded(lake))


def test_role_that_takes_any_id_is_not_adopted_but_paused(lake: Lake) -> None:
    waiting = prepared(lake)
    any_id = {"StringLike": {"sts:ExternalId": "*"}}
    lake.iam.update_assume_role_policy(RoleName=lake.role, PolicyDocument=open_trust(any_id))
    assert not services.adopt_if_accepted(loaded(lake))
    assert (ids(lake), loaded(lake).state) == ((lake.external_id, waiting), "PAUSED")


def open_trust(condition: object) -> str:
    principal = {"AWS": flows.DELIVERY_ROLE}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_fault_of_the_network_adopts_nothing_and_raises_nothing(lake: Lake) -> None:
    waiting = prepared(lake)
    trust(lake, waiting)
    fault(lake.cloud_url, service="sts", count=99, status=503, code="ServiceUnavailable")
    assert not services.adopt_if_accepted(loaded(lake))
    assert ids(lake) == (lake.external_id, waiting)
