"""The destination's page: the steps as a person reads them, and the button that sets the region."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import pytest
from django.test import Client
from django.urls import set_script_prefix
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.models import AuditEvent
from apps.destinations.connectors.base import TOO_OPEN, Paste, Step, StepResult
from apps.destinations.models import ConnectionTest, Destination
from apps.workspaces.models import Role
from tests.factories import World, client_of

REGION_STEP = Step(
    name="region",
    result=StepResult.FAIL,
    code="AuthorizationHeaderMalformed",
    message="The bucket is not in the region us-east-1.",
    advice="Set the region of this destination to the bucket's.",
    fix={"region": "eu-central-1"},
    owner="customer",
    request_id="REQ-1",
    milliseconds=63,
)
NOT_RUN = Step(name="write_object", result=StepResult.NOT_RUN)


@pytest.fixture(autouse=True)
def quick(settings: Settings) -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    set_script_prefix("/")


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


def keep(destination: Destination, *steps: Step, **more: Any) -> ConnectionTest:
    return ConnectionTest.objects.create(
        destination=destination,
        passed=all(step.result is not StepResult.FAIL for step in steps),
        ran_at=more.pop("ran_at", timezone.now()),
        steps=[{**asdict(step), "result": step.result.value} for step in steps],
        config_version=destination.config_version,
        **more,
    )


def page(world: World, tail: str = "") -> str:
    return world.base("test") + f"destinations/{world.test.destination.pk}/{tail}"


def shown(client: Client, world: World) -> str:
    return client.get(page(world)).content.decode()


def test_page_shows_each_step_with_its_time_request_and_who_ran_it(owner: Client, acme: World) -> None:
    keep(acme.test.destination, REGION_STEP, NOT_RUN, ran_by="dev@acme.example")
    text = shown(owner, acme)
    for words in ("Region checked", "63 ms", "REQ-1", "AuthorizationHeaderMalformed", "dev@acme.example", "not run"):
        assert words in text


def test_each_text_to_paste_has_its_policy_and_a_place_of_its_own(owner: Client, acme: World) -> None:
    step = Step(
        name="write_object",
        result=StepResult.FAIL,
        code="AccessDenied",
        message="The role may not use the KMS key.",
        advice="Both policies must allow it.",
        where="role_policy",
        snippet='{"of": "the role"}',
        also=(Paste(where="key_policy", snippet='{"of": "the key"}'),),
        owner="customer",
    )
    keep(acme.test.destination, step)
    text = shown(owner, acme)
    assert "policy of the role" in text
    assert "policy of the KMS key" in text
    ids = re.findall(r'<pre id="([^"]+)"', text)
    assert len(ids) == len(set(ids)) == 5  # two to paste, two policies, the command
    for each in ids:
        assert f'data-copy="#{each}"' in text


def test_fault_of_ours_is_said_to_be_ours(owner: Client, acme: World) -> None:
    step = Step(name="our_identity", result=StepResult.FAIL, message="x", advice="y", owner="us")
    keep(acme.test.destination, step)
    assert "On our side: nothing to do for you." in shown(owner, acme)


def test_test_of_an_older_version_is_shown_as_it_was_kept(owner: Client, acme: World) -> None:
    old = {
        "name": "write_object", "result": "fail", "code": "AccessDenied", "message": "No.", "advice": "Do.",
        "snippet": "{}", "request_id": "R", "milliseconds": 3,
    }  # fmt: skip
    test = keep(acme.test.destination)
    ConnectionTest.objects.filter(pk=test.pk).update(steps=[old], passed=False)
    assert "What to add" in shown(owner, acme)


def test_region_that_a_test_found_is_set_by_one_press_and_must_be_tested_again(owner: Client, acme: World) -> None:
    keep(acme.test.destination, REGION_STEP, NOT_RUN)
    assert "Set region to eu-central-1" in shown(owner, acme)
    answer = owner.post(page(acme, "set-region/"), follow=True)
    assert b"The region is eu-central-1 now. Test the connection again." in answer.content
    assert b"Set region to" not in answer.content
    destination = Destination.objects.get(pk=acme.test.destination.pk)
    assert (destination.region, destination.state, destination.config_version) == ("eu-central-1", "UNTESTED", 2)
    event = AuditEvent.objects.get(action="destination.changed", target_id=str(destination.pk))
    assert (event.detail["fields"], event.actor_label) == (["region"], "owner@acme.example")


def test_region_cannot_be_set_when_no_test_found_one(owner: Client, acme: World) -> None:
    assert (
        b"has found another region"
        in owner.post(page(acme, "set-region/"), {"region": "eu-west-1"}, follow=True).content
    )
    keep(acme.test.destination, REGION_STEP)
    Destination.objects.filter(pk=acme.test.destination.pk).update(config_version=5)
    assert "Set region to" not in shown(owner, acme)
    assert b"has found another region" in owner.post(page(acme, "set-region/"), follow=True).content
    assert Destination.objects.get(pk=acme.test.destination.pk).region == "us-east-1"


def test_region_that_the_key_is_not_in_is_refused_with_words(owner: Client, acme: World) -> None:
    key = "arn:aws:kms:us-east-1:222222222222:key/11111111-2222-3333-4444-555555555555"
    Destination.objects.filter(pk=acme.test.destination.pk).update(kms_key_arn=key)
    keep(acme.test.destination, REGION_STEP)
    assert b"Use a key of the bucket" in owner.post(page(acme, "set-region/"), follow=True).content


def test_viewer_neither_sees_nor_presses_the_button(acme: World) -> None:
    viewer = client_of(acme.people[Role.VIEWER])
    keep(acme.test.destination, REGION_STEP)
    assert "Set region to" not in shown(viewer, acme)
    assert viewer.post(page(acme, "set-region/")).status_code == 403
    assert viewer.get(page(acme, "set-region/")).status_code in (403, 405)


def test_history_lists_tests_and_daily_looks_and_a_passed_look_hides_no_steps(owner: Client, acme: World) -> None:
    keep(acme.test.destination, REGION_STEP, ran_by="dev@acme.example")
    keep(acme.test.destination, Step(name="refuse_without_external_id", result=StepResult.PASS), cause="scheduled")
    text = shown(owner, acme)
    assert "Daily check" in text
    assert "Asked for by dev@acme.example" in text
    assert "Region checked —" in text.replace("</strong>", "")


def test_daily_look_that_found_the_trust_open_is_shown_with_its_statement(owner: Client, acme: World) -> None:
    keep(acme.test.destination, Step(name="check_form", result=StepResult.PASS))
    hole = Step(
        name="refuse_without_external_id", result=StepResult.FAIL, code=TOO_OPEN, message="Open.", advice="Close it.",
        where="trust_policy", snippet='{"close": "it"}', owner="customer",
    )  # fmt: skip
    keep(acme.test.destination, hole, cause="scheduled")
    text = shown(owner, acme)
    assert "by itself, as every day" in text
    assert "Goes into: trust policy of the role" in text
