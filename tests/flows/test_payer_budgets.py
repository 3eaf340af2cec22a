"""What a payer bears, by what it counts itself: the budget of a minute, and being left alone when it asks for that."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.authorizations.models import PatientAuthorization
from apps.directory.models import Endpoint, EndpointBudget
from apps.directory.services import close_endpoint
from apps.syncs.models import SyncJob
from apps.syncs.services import crawling, run_next_sync_job, running
from apps.syncs.services.claiming import claim_job
from apps.syncs.services.keeping import PageKeeper

from . import world
from .fault_scripts import Control

pytestmark = pytest.mark.django_db(transaction=True)
PER_MINUTE = 60
TICK = dt.timedelta(seconds=6)


@pytest.fixture
def control(payer_url: str) -> Control:
    control = Control(payer_url)
    control.reset()
    return control


def link(payer_url: str, team: world.Team, *logins: str) -> list[PatientAuthorization]:
    return [
        world.link_member(team, login, payer_url=payer_url, external_id=f"user-{number}")
        for number, login in enumerate(logins)
    ]


def asked(control: Control, plan: str = "foomedical") -> int:
    return sum(f"/{plan}/fhir/" in each["path"] for each in control.asked())


def pass_time(by: dt.timedelta) -> None:
    """Let the rows believe that it is later, and every job be due."""
    EndpointBudget.objects.update(
        refilled_at=F("refilled_at") - by, ready_at=F("ready_at") - by, closed_until=F("closed_until") - by
    )
    SyncJob.objects.filter(state="WAITING").update(next_attempt_at=timezone.now())


def work(_: int = 0) -> None:
    try:
        while run_next_sync_job():
            pass
    finally:
        connection.close()


def test_four_crawls_at_once_never_ask_more_than_the_budget_of_a_minute(
    payer_url: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawling, "PATIENCE_SECONDS", 0.0)
    link(payer_url, world.make_team(), *["patient2@flexpa.com"] * 4)
    Endpoint.objects.update(requests_per_minute=PER_MINUTE)
    ticks: list[tuple[float, float, int]] = []  # began, ended, requests: seconds of the clock that the rows believe in
    before, clock = asked(control), time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        while SyncJob.objects.filter(state="WAITING").exists():
            passed = len(ticks) * TICK.total_seconds()
            began = time.monotonic() - clock + passed
            list(pool.map(work, range(4)))
            now = asked(control)
            ticks.append((began, time.monotonic() - clock + passed, now - before))
            before = now
            pass_time(TICK)
            assert len(ticks) < 200
    for first, _, _ in ticks:
        inside = [requests for began, ended, requests in ticks if first <= began and ended < first + 60]
        assert sum(inside) <= PER_MINUTE, ticks
    assert sum(requests for *_, requests in ticks) > PER_MINUTE, "it had to be waited for"
    jobs = SyncJob.objects.values_list("state", "source_failures", "gaps")
    assert list(jobs) == [("COMPLETED", 0, [])] * 4


@pytest.mark.parametrize("status", [429, 503])
def test_source_that_asks_one_job_to_come_later_is_left_alone_by_all(
    payer_url: str, control: Control, status: int
) -> None:
    team = world.make_team()
    link(payer_url, team, "patient1@flexpa.com", "patient2@flexpa.com", "patient3@flexpa.com", "HUser00004")
    control.play([{"type": "Patient", "status": status, "retry_after": 300}])
    assert run_next_sync_job()
    at_refusal = asked(control)
    work()
    assert asked(control) == at_refusal, "no job of the endpoint asked for anything"
    assert asked(control, "humana") > 0, "another endpoint's job ran"
    states = SyncJob.objects.order_by("created_at").values_list("state", flat=True)
    assert list(states) == ["WAITING"] * 3 + ["COMPLETED"]
    pass_time(dt.timedelta(seconds=301))
    work()
    assert set(SyncJob.objects.values_list("state", flat=True)) == {"COMPLETED"}
    assert set(SyncJob.objects.order_by("created_at").values_list("source_failures", flat=True)[1:]) == {0}


def test_endpoint_that_closes_in_the_middle_of_another_crawl_stops_it_without_blame(
    payer_url: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    (authorization,) = link(payer_url, world.make_team(), "patient2@flexpa.com")
    keep, kept = PageKeeper.keep, 0

    def keep_then_close(self: PageKeeper, *arguments: Any, **named: Any) -> None:
        nonlocal kept
        keep(self, *arguments, **named)
        kept += 1
        if kept == 3:
            close_endpoint(authorization.endpoint_id, seconds=300)

    monkeypatch.setattr(PageKeeper, "keep", keep_then_close)
    assert run_next_sync_job()
    job = SyncJob.objects.get()
    assert (job.state, job.source_failures, job.pages.count()) == ("WAITING", 0, 3)
    assert (job.next_attempt_at - timezone.now()).total_seconds() > 200
    assert not run_next_sync_job()
    pass_time(dt.timedelta(seconds=301))
    job = world.sync(authorization)
    assert (job.state, job.gaps) == ("COMPLETED", [])


def test_endpoint_that_closes_before_the_first_question_costs_the_job_nothing_but_time(
    payer_url: str, control: Control, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SYNC_ATTEMPTS = 1
    (authorization,) = link(payer_url, world.make_team(), "patient1@flexpa.com")
    claim, before = claim_job, asked(control)

    def claim_then_close() -> tuple[SyncJob, uuid.UUID] | None:
        claimed = claim()
        close_endpoint(authorization.endpoint_id, seconds=300)
        return claimed

    monkeypatch.setattr(running, "claim_job", claim_then_close)
    for _ in range(3):
        assert run_next_sync_job()
        job = SyncJob.objects.get()
        assert (job.state, job.source_failures, job.error_code) == ("WAITING", 0, "")
        assert (job.next_attempt_at - timezone.now()).total_seconds() > 200
        pass_time(dt.timedelta(seconds=301))
    assert asked(control) == before


def test_step_that_could_only_learn_what_there_is_to_ask_asks_nothing(
    payer_url: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crawling, "PATIENCE_SECONDS", 0.0)
    (authorization,) = link(payer_url, world.make_team(), "patient1@flexpa.com")
    Endpoint.objects.update(requests_per_minute=6)
    EndpointBudget.objects.create(endpoint=authorization.endpoint, tokens=1, refilled_at=timezone.now())
    before = asked(control)
    assert run_next_sync_job()
    assert asked(control) == before
    job = SyncJob.objects.get()
    assert (job.state, job.source_failures) == ("WAITING", 0)


def test_source_that_fails_within_its_budget_is_given_up_all_the_same(
    payer_url: str, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A budget that lets a step ask for two things must not make a failing source a patient one."""
    monkeypatch.setattr(crawling, "PATIENCE_SECONDS", 0.0)
    link(payer_url, world.make_team(), "patient1@flexpa.com")
    Endpoint.objects.update(requests_per_minute=6)
    control.play([{"type": "*", "status": 500, "times": 1000}])
    job = SyncJob.objects.get()
    for _ in range(20):
        pass_time(dt.timedelta(seconds=60))
        run_next_sync_job()
        job.refresh_from_db()
        if job.state == "FAILED":
            break
    assert (job.state, job.error_code) == ("FAILED", "http-500")
