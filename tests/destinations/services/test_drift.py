"""The daily look does what a delivery does, and warns once before the next one would fail."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import set_script_prefix
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.destinations import services
from apps.destinations.models import ConnectionTest, Destination
from apps.destinations.policies import role_policy, trust_policy
from apps.destinations.selectors import find_drift
from apps.mails.composing import Composed
from apps.mails.models import Mail
from apps.workspaces.models import Role
from tests.destinations.s3_world import Control
from tests.factories import World, client_of
from tests.flows import world as flows
from tests.flows.customer import clear_faults, fault

from .lake import Lake

pytestmark = pytest.mark.django_db
KINDS = ["destination_drifted"]


@pytest.fixture
def lake(acme: World, cloud_url: str, tmp_path: Path) -> Iterator[Lake]:
    clear_faults(cloud_url)
    made = Lake.make(acme, cloud_url, tmp_path, readable=False)
    Mail.objects.all().delete()
    yield made
    clear_faults(cloud_url)


def look(lake: Lake) -> ConnectionTest | None:
    """Have the daily look now, and return it if it was kept."""
    before = ConnectionTest.objects.filter(cause="scheduled").count()
    Destination.objects.update(retest_at=timezone.now() + dt.timedelta(days=9))
    Destination.objects.filter(pk=lake.destination.pk).update(retest_at=None)
    assert services.retest_due(now=timezone.now()) == 1
    lake.destination.refresh_from_db()
    kept = ConnectionTest.objects.filter(cause="scheduled").order_by("-ran_at")
    return kept.first() if kept.count() > before else None


def mailed() -> list[str]:
    return list(Mail.objects.order_by("created_at", "recipient").values_list("kind", flat=True))


def close_writes(lake: Lake) -> None:
    lake.iam.delete_role_policy(RoleName=lake.role, PolicyName="write")


def open_writes(lake: Lake) -> None:
    lake.permit(role_policy(lake.destination.bucket, lake.destination.prefix))


def trust(lake: Lake, *external_ids: str) -> None:
    """Have the role trust us with these external IDs."""
    policy = trust_policy(flows.DELIVERY_ROLE, external_ids)
    lake.iam.update_assume_role_policy(RoleName=lake.role, PolicyDocument=json.dumps(policy))


def test_look_writes_an_object_exactly_as_a_delivery_does(lake: Lake) -> None:
    control = Control(lake.cloud_url)
    control.clear()
    kept = look(lake)
    assert kept is not None
    assert (kept.passed, find_drift(lake.destination)) == (True, None)
    assert [step["name"] for step in kept.steps] == [
        "refuse_without_external_id", "refuse_wrong_external_id", "assume_role", "region", "write_object",
        "encryption", "delete_object",
    ]  # fmt: skip
    (put,) = control.log(service="s3", action="PutObject")
    assert put["path"].startswith(f"/{lake.destination.bucket}/flexpa/_connection-test/")
    assert (put["headers"]["if-none-match"], put["headers"]["x-amz-server-side-encryption"]) == ("*", "AES256")
    assert "x-amz-checksum-sha256" in put["headers"]
    assert mailed() == []


def test_destination_that_is_off_is_asked_for_refusals_alone(lake: Lake) -> None:
    services.disable_destination(destination=lake.destination, by=SYSTEM)
    control = Control(lake.cloud_url)
    control.clear()
    kept = look(lake)
    assert kept is not None
    assert {step["name"] for step in kept.steps} == {"refuse_without_external_id", "refuse_wrong_external_id"}
    assert control.log(service="s3") == []


def test_drift_is_mailed_once_and_again_only_after_it_was_over(lake: Lake, acme: World) -> None:
    close_writes(lake)
    for _ in range(3):
        look(lake)
    assert (mailed(), lake.destination.state) == (KINDS * 2, "ENABLED")
    assert set(Mail.objects.values_list("recipient", flat=True)) == {
        acme.people[Role.OWNER].email, acme.people[Role.ADMIN].email,
    }  # fmt: skip
    mail = Mail.objects.first()
    assert mail is not None
    assert mail.body is not None
    text = Composed.from_json(mail.body.reveal()).text
    assert "could not be written" in text
    for hidden in (lake.external_id, "arn:aws", lake.destination.bucket + "/"):
        assert hidden not in text
    open_writes(lake)
    kept = look(lake)
    assert kept is not None
    assert (kept.passed, find_drift(lake.destination)) == (True, None)
    close_writes(lake)
    look(lake)
    assert mailed() == KINDS * 4


def test_drift_is_looked_at_again_soon_and_a_test_that_passes_ends_it(lake: Lake, settings: Any) -> None:
    close_writes(lake)
    look(lake)
    soon = timezone.now() + dt.timedelta(seconds=settings.RETEST_SECONDS / 24)
    assert lake.destination.retest_at is not None
    assert lake.destination.retest_at < soon
    assert find_drift(lake.destination) is not None
    open_writes(lake)
    assert services.test_connection(destination=lake.destination, by=SYSTEM, now=timezone.now()).passed
    assert find_drift(lake.destination) is None


def test_role_that_trusts_us_no_more_is_drift_and_the_page_says_so(lake: Lake, acme: World) -> None:
    trust(lake, "somebody-else")
    kept = look(lake)
    assert kept is not None
    assert [step["name"] for step in kept.steps if step["result"] == "fail"] == ["assume_role"]
    assert mailed() == KINDS * 2
    set_script_prefix("/")
    page = f"{acme.base('test')}destinations/{lake.destination.pk}/"
    text = client_of(acme.people[Role.VIEWER]).get(page).content.decode()
    assert "The next delivery would fail." in text
    assert "Role not found, or not trusting us" in text


def test_fault_on_our_side_is_told_to_nobody_and_hides_no_drift(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    fault(lake.cloud_url, service="s3", count=99, status=503, code="SlowDown")
    look(lake)
    assert (mailed(), find_drift(lake.destination), lake.destination.state) == ([], None, "ENABLED")
    assert "SlowDown" in caplog.text
    clear_faults(lake.cloud_url)
    close_writes(lake)
    look(lake)
    fault(lake.cloud_url, service="s3", count=99, status=503, code="SlowDown")
    look(lake)
    clear_faults(lake.cloud_url)
    look(lake)
    assert mailed() == KINDS * 2


def test_trust_that_is_open_pauses_and_is_no_drift(lake: Lake) -> None:
    policy: Any = trust_policy(flows.DELIVERY_ROLE)
    del policy["Statement"][0]["Condition"]
    lake.iam.update_assume_role_policy(RoleName=lake.role, PolicyDocument=json.dumps(policy))
    close_writes(lake)
    look(lake)
    assert (lake.destination.state, mailed()) == ("PAUSED", ["destination_paused"] * 2)


def test_external_id_that_waits_is_adopted_when_the_trust_policy_names_it_alone(lake: Lake) -> None:
    waiting = services.prepare_external_id(destination=lake.destination, by=SYSTEM)
    kept = look(lake)
    assert kept is not None
    assert kept.passed
    trust(lake, waiting)
    assert look(lake) is None
    secret = Destination.objects.get(pk=lake.destination.pk).secret
    assert (secret.external_id.reveal(), secret.next_external_id, mailed()) == (waiting, None, [])
    candidate = lake.destination.tests.get(cause="candidate")
    assert (candidate.passed, candidate.ran_by) == (True, "system")
    later = look(lake)
    assert later is not None
    assert later.passed


def test_old_looks_are_forgotten_but_the_last_of_each_destination(lake: Lake, acme: World) -> None:
    now = timezone.now()
    ConnectionTest.objects.all().delete()
    other = acme.test.destination
    wanted = set()
    for destination, cause, days, is_kept in (
        (lake.destination, "scheduled", 40, False),
        (lake.destination, "scheduled", 31, False),
        (lake.destination, "scheduled", 29, True),
        (lake.destination, "asked", 90, True),
        (lake.destination, "candidate", 90, True),
        (other, "scheduled", 400, False),
        (other, "scheduled", 300, True),
        (other, "asked", 1, True),
    ):
        made = ConnectionTest.objects.create(
            destination=destination, cause=cause, config_version=1, passed=True, ran_at=now - dt.timedelta(days=days)
        )
        wanted |= {made.pk} if is_kept else set()
    assert services.prune_tests(now=now) == 3
    assert set(ConnectionTest.objects.values_list("pk", flat=True)) == wanted
    assert services.prune_tests(now=now) == 0
