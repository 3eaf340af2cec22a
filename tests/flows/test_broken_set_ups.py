"""Test connection over every broken set-up: it stops where the fault is and its offer, taken verbatim, mends it.

What passes can be enabled and delivers a real sync; what fails cannot be enabled and delivers nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from apps.audit.events import SYSTEM
from apps.authorizations.smart import door
from apps.destinations import policies, services
from apps.destinations.connectors.s3 import sessions
from apps.destinations.models import ConnectionTest, Delivery
from apps.destinations.selectors import s3_sessions
from apps.directory.services import register_sandbox_endpoints
from apps.sandbox.payer.server import LocalPayer

from . import world
from .broken_set_ups import BROKEN, Broken
from .conftest import LocalAws
from .customer import Customer, Document, allow, clear_faults, fault


class Shared(NamedTuple):
    team: world.Team
    cloud_url: str
    resources: int


@pytest.fixture(scope="module")
def shared(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, payer: LocalPayer, local_aws: LocalAws
) -> Iterator[Shared]:
    """One team with one member's first sync for all rows: what each of them delivers."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "SANDBOX_PAYER_URL", payer.url)
        for name, value in {"AWS_ENDPOINT_URL": local_aws.url, "AWS_REGION": "us-east-1", **local_aws.our_key}.items():
            patch.setenv(name, value)
        door.cache_clear()
        s3_sessions.cache_clear()
        register_sandbox_endpoints(payer_url=payer.url, client_id="record-relay-sandbox")
        team = world.make_team()
        job = world.sync(world.link_member(team, "patient2@flexpa.com", payer_url=payer.url))
        assert job.state == "COMPLETED"
        yield Shared(team, local_aws.url, sum(job.resource_counts.values()))
        call_command("flush", interactive=False, verbosity=0)
        door.cache_clear()
        s3_sessions.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def transactional_db(shared: Shared) -> None:
    """In place of pytest-django's, which empties the database after each test: all rows share one world."""


@pytest.fixture(autouse=True)
def no_faults(shared: Shared) -> Iterator[None]:
    s3_sessions.cache_clear()
    yield
    clear_faults(shared.cloud_url)


def fill(customer: Customer) -> Delivery:
    """Ask for what the destination has not received yet: one object."""
    services.backfill_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    while services.run_next_backfill_step():
        pass
    return Delivery.objects.get(destination=customer.destination)


def must_not_deliver(customer: Customer) -> None:
    with pytest.raises(services.NotTested):
        services.enable_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    begun = services.backfill_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    while services.run_next_backfill_step():
        pass
    begun.refresh_from_db()
    assert (begun.state, begun.planned_count, begun.made_count) == ("PENDING", 1, 0)  # it waits
    assert not services.deliver_next()
    assert customer.delivered() == []


def must_deliver(customer: Customer, shared: Shared) -> None:
    services.enable_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    fill(customer)
    assert services.deliver_next()
    made = Delivery.objects.get(destination=customer.destination)
    assert (made.state, made.resources) == ("DELIVERED", shared.resources), (made.error_code, made.error_message)
    assert customer.delivered() == [made.object_key]
    services.delete_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row.name.replace(" ", "_"))
def test_broken_set_up_fails_at_its_step_and_the_offer_mends_it(row: Broken, shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url, with_key=row.with_key)
    row.breaks(customer)
    test = customer.test()
    assert customer.external_id not in repr(test.steps)
    results = [step["result"] for step in test.steps]
    failed = results.index("fail")
    step = test.steps[failed]
    assert (step["name"], step["code"], step["owner"]) == (row.step, row.code, row.owner)
    assert set(results[:failed]) <= {"pass", "warn"}
    assert set(results[failed + 1 :]) <= {"not_run"}
    assert row.says in step["advice"]
    assert [step["where"], *(each["where"] for each in step["also"])] == (row.where.split() or [""])
    assert step["request_id"]
    assert not test.passed
    if row.owner == "us":
        assert "on our side" in step["message"] or "by ourselves" in step["advice"]
    must_not_deliver(customer)
    if row.mend:
        row.mend(customer)
    else:
        customer.paste_all(step)
    again = customer.test()
    assert again.passed, again.steps
    must_deliver(customer, shared)


def first(test_steps: list[Document], name: str) -> Document:
    return next(step for step in test_steps if step["name"] == name)


def test_right_set_up_passes_and_delivers_although_delete_is_denied(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    test = customer.test()
    assert {step["result"] for step in test.steps} == {"pass"}
    note = first(test.steps, "delete_object")
    assert (note["code"], "stays" in note["message"]) == ("AccessDenied", True)
    must_deliver(customer, shared)


def test_right_set_up_with_a_key_passes_and_delivers(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url, with_key=True)
    test = customer.test()
    assert {step["result"] for step in test.steps} == {"pass"}
    assert customer.destination.kms_key_arn in first(test.steps, "encryption")["message"]
    must_deliver(customer, shared)


def test_key_that_names_the_role_without_delegating_passes_with_the_roles_policy(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url, with_key=True)
    customer.set_key_policy(policies.key_policy_statement(customer.destination.role_arn))
    assert customer.test().passed
    must_deliver(customer, shared)


def test_our_whole_account_as_principal_passes_with_the_id(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    customer.set_trust(customer.trust(f"arn:aws:iam::{world.OUR_ACCOUNT}:root"))
    assert customer.test().passed
    must_deliver(customer, shared)


def test_shortest_session_that_a_role_can_demand_is_long_enough_for_us(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    customer.aws("iam").update_role(RoleName=customer.role, MaxSessionDuration=3600)
    assert customer.test().passed
    must_deliver(customer, shared)


def test_role_that_may_do_everything_passes_with_a_warning_and_still_delivers(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    customer.set_permissions(allow("s3:*", "*"))
    test = customer.test()
    wide = first(test.steps, "refuse_outside_prefix")
    assert (test.passed, wide["result"], wide["code"], wide["where"]) == (True, "warn", "RoleTooWide", "role_policy")
    customer.paste(wide["where"], wide["snippet"])
    assert first(customer.test().steps, "refuse_outside_prefix")["result"] == "pass"
    must_deliver(customer, shared)


@pytest.mark.parametrize("seconds", [7200, 60])
def test_session_of_a_length_that_aws_does_not_give_is_our_fault(
    shared: Shared, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chaining allows an hour at most, whatever the role's MaxSessionDuration; nothing gives less than 900 s."""
    customer = Customer.make(shared.team, shared.cloud_url)
    monkeypatch.setattr(sessions, "SESSION_SECONDS", seconds)
    _fails_by_our_fault(customer, "assume_role")
    monkeypatch.undo()
    assert customer.test().passed
    must_deliver(customer, shared)


def test_clock_of_ours_that_is_wrong_is_our_fault(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    monkeypatch.setattr(
        "botocore.auth.get_current_datetime", lambda: (timezone.now() - timedelta(hours=1)).replace(tzinfo=None)
    )
    step = _fails_by_our_fault(customer, "our_identity")
    assert "clock" in step["advice"]
    monkeypatch.undo()
    assert customer.test().passed
    must_deliver(customer, shared)


def test_role_of_ours_that_may_not_assume_is_named_for_the_operator(shared: Shared) -> None:
    """AWS gives the same answer as for a closed trust policy, so both are said."""
    customer = Customer.make(shared.team, shared.cloud_url)
    iam = world.aws("iam", shared.cloud_url, world.OUR_ACCOUNT)
    role = world.DELIVERY_ROLE.rpartition("/")[2]
    iam.delete_role_policy(RoleName=role, PolicyName="assume")
    try:
        step = _failed(customer.test())
    finally:
        permission = world.policy(Action="sts:AssumeRole", Resource="*")
        iam.put_role_policy(RoleName=role, PolicyName="assume", PolicyDocument=permission)
    assert (step["name"], step["code"]) == ("assume_role", "AccessDenied")
    assert "our own role may lack sts:AssumeRole" in step["advice"]
    assert customer.test().passed
    must_deliver(customer, shared)


def test_session_that_ends_between_two_steps_is_renewed_as_in_a_delivery(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    fault(shared.cloud_url, service="s3", status=400, code="ExpiredToken", count=1)
    assert customer.test().passed
    must_deliver(customer, shared)


def test_delivery_that_fails_by_our_fault_does_not_blame_the_destination(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    assert customer.test().passed
    services.enable_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    fill(customer)
    fault(shared.cloud_url, service="s3", status=403, code="RequestTimeTooSkewed", count=4)
    assert services.deliver_next()
    made = fill(customer)
    customer.destination.refresh_from_db()
    assert (made.state, made.error_owner, made.error_code) == ("RETRYING", "us", "RequestTimeTooSkewed")
    assert "on our side" in made.error_message
    assert (customer.destination.state, customer.destination.refused_streak) == ("ENABLED", 0)
    services.delete_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())


def test_trust_that_is_loosened_after_enabling_pauses_the_destination_within_a_day(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    assert customer.test().passed
    services.enable_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    customer.set_trust(customer.trust(condition={}))
    assert services.retest_due(now=timezone.now() + timedelta(days=1)) >= 1
    customer.destination.refresh_from_db()
    test = customer.destination.tests.latest("ran_at")
    assert (customer.destination.state, test.cause, test.passed) == ("PAUSED", "scheduled", False)
    assert "without an external ID" in customer.destination.paused_reason
    must_not_deliver(customer)
    customer.paste_all(_failed(test))
    assert customer.test().passed
    services.enable_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
    waiting = fill(customer)
    assert services.deliver_next()
    assert customer.delivered() == [waiting.object_key]
    services.delete_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())


def _failed(test: ConnectionTest) -> Document:
    return next(step for step in test.steps if step["result"] == "fail")


def _fails_by_our_fault(customer: Customer, name: str) -> Document:
    """Run the test with a fault of ours: it says so, gives nothing to paste and blames nobody else."""
    s3_sessions.cache_clear()
    step = _failed(customer.test())
    s3_sessions.cache_clear()
    assert (step["name"], step["owner"], step["where"], step["snippet"]) == (name, "us", "", "")
    assert "on our side" in step["message"]
    assert step["advice"].startswith("Nothing to do for you")
    must_not_deliver(customer)
    return step


def test_key_of_another_region_than_the_bucket_is_refused_by_the_form(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url, with_key=True)
    elsewhere = customer.aws("kms", "eu-west-1").create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(services.InvalidDestination) as refused:
        customer.change(kms_key_arn=elsewhere)
    assert "eu-west-1" in str(refused.value.errors["kms_key_arn"])


def test_pass_of_a_set_up_that_was_broken_afterwards_no_longer_allows_enabling(shared: Shared) -> None:
    customer = Customer.make(shared.team, shared.cloud_url)
    assert customer.test().passed
    customer.set_permissions(allow("s3:GetObject", "*"))
    assert not customer.test().passed
    assert customer.destination.state == "UNTESTED"
    must_not_deliver(customer)
    services.delete_destination(destination=customer.destination, by=SYSTEM, now=timezone.now())
