"""Sources and machines at their worst: every one of these once lost something or went on for ever."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery
from apps.destinations.services import deliver_next, disable_destination, enable_destination
from apps.directory.models import EndpointBudget
from apps.fhir.resource_types import SUPPORT_TYPES
from apps.outbound.failures import SourceError
from apps.outbound.http import Response
from apps.records.selectors import find_view
from apps.records.services import prune_versions
from apps.syncs.models import SyncJob
from apps.syncs.services import crawling, request_sync, run_next_sync_job
from apps.syncs.source import Source
from apps.syncs.states import SyncCause

from . import world
from .fault_scripts import Control

pytestmark = pytest.mark.django_db(transaction=True)
LOGIN = "patient2@flexpa.com"


def silence(code: str = "timeout") -> SourceError:
    return SourceError("no answer", code=code, permanent=False, status=None, retry_after_seconds=None, outcome=None)


@pytest.fixture
def linked(payer_url: str, settings: Settings) -> PatientAuthorization:
    settings.SYNC_ATTEMPTS = 2
    httpx.post(f"{payer_url}/_control/reset", json={}, trust_env=False)
    return world.link_member(world.make_team(), LOGIN, payer_url=payer_url)


def steps(most: int) -> SyncJob:
    job = SyncJob.objects.latest("created_at")
    for _ in range(most):
        if job.state in ("COMPLETED", "FAILED"):
            break
        run_next_sync_job()
        job.refresh_from_db()
    return job


def test_a_source_that_hangs_ends_the_sync_with_its_types_named(
    linked: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = crawling.Crawl._asked

    def out_of_time(self: crawling.Crawl, question: Any) -> Any:
        if "Patient" in self.complete:
            raise crawling.OutOfTime
        return ask(self, question)

    monkeypatch.setattr(crawling.Crawl, "_asked", out_of_time)
    job = steps(6)
    assert job.state == "COMPLETED"
    assert {"Observation", "Coverage"} <= {gap["type"] for gap in job.gaps}
    assert {gap["code"] for gap in job.gaps} == {"timeout"}


def test_a_capability_that_vanishes_after_the_first_step_leaves_named_gaps(
    linked: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    ask = crawling.Crawl._asked

    def two_answers(self: crawling.Crawl, question: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked > 3:
            raise crawling.OutOfTime
        return ask(self, question)

    monkeypatch.setattr(crawling.Crawl, "_asked", two_answers)
    run_next_sync_job()

    def gone(self: Source) -> None:
        raise silence("http-503")

    monkeypatch.setattr(Source, "searchable_types", gone)
    job = steps(6)
    assert job.state == "COMPLETED"
    assert "Observation" in {gap["type"] for gap in job.gaps}
    assert "Patient" not in {gap["type"] for gap in job.gaps}


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"rest":[{"resource":[{"type":"X","searchParam":null}]}]}'])
def test_an_unreadable_capability_is_the_sources_fault(
    linked: PatientAuthorization, monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    get = Source._get

    def bad(self: Source, url: str) -> Response:
        found = get(self, url)
        if not url.endswith("/metadata"):
            return found
        return Response(status=200, headers=found.headers, body=body, url=found.url)

    monkeypatch.setattr(Source, "_get", bad)
    job = steps(4)
    assert (job.state, job.error_code, job.crashes) == ("FAILED", "unreadable-capability", 0)


def test_what_is_asked_for_by_id_and_answered_in_pages_is_followed(
    linked: PatientAuthorization, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = world.sync(linked)
    by_ids, page = Source.by_ids, Source.page

    def one_at_a_time(self: Source, kind: str, ids: list[str]) -> Any:
        whole = by_ids(self, kind, ids[:1])
        rest = ",".join(ids[1:])
        object.__setattr__(whole, "next_url", f"{self.fhir_base}/{kind}?_id={rest}" if rest else None)
        return whole

    monkeypatch.setattr(Source, "by_ids", one_at_a_time)
    request_sync(authorization=linked, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    job = world.sync(linked)
    assert page is Source.page
    assert (job.gaps, job.resource_counts) == ([], first.resource_counts)


def test_a_held_delivery_whose_lines_were_pruned_fails_instead_of_leaving_a_part(
    linked: PatientAuthorization, payer_url: str, cloud_url: str
) -> None:
    team = world.Team(linked.application.workspace.memberships.get().user, linked.application, "", "")
    destination = world.make_destination(team, cloud_url, bucket="pruned")
    world.sync(linked)
    disable_destination(destination=destination, by=SYSTEM)
    view = find_view(linked)
    assert view is not None
    sources = [json.loads(line)["meta"]["source"] for kind, _, line in view.lines() if kind == "Observation"]
    ids = [source.rpartition("/")[2] for source in sources[:2]]
    removed = {"remove": [f"Observation/{each}" for each in ids]}
    httpx.post(f"{payer_url}/_control/members/{LOGIN}", json=removed, trust_env=False).raise_for_status()
    request_sync(authorization=linked, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    world.sync(linked)
    assert prune_versions(before=timezone.now() + dt.timedelta(days=1)) >= 2
    destination.refresh_from_db()
    enable_destination(destination=destination, by=SYSTEM, now=timezone.now())
    while deliver_next():
        pass
    first = Delivery.objects.get(seq=1)
    assert (first.state, first.error_code) == ("FAILED", "data-pruned")
    assert first.object_key not in world.objects(cloud_url, "pruned")


def test_a_sync_asked_for_during_one_that_fails_is_run(
    linked: PatientAuthorization, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SYNC_ATTEMPTS = 1

    def ask_for_another_and_fail(self: Source) -> None:
        request_sync(authorization=linked, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
        raise silence("http-503")

    monkeypatch.setattr(Source, "searchable_types", ask_for_another_and_fail)
    run_next_sync_job()
    states = SyncJob.objects.order_by("created_at").values_list("state", flat=True)
    assert list(states) == ["FAILED", "WAITING"]


def test_a_full_disk_is_our_fault_and_is_tried_again(
    linked: PatientAuthorization, cloud_url: str, settings: Settings, tmp_path: Path
) -> None:
    team = world.Team(linked.application.workspace.memberships.get().user, linked.application, "", "")
    world.make_destination(team, cloud_url, bucket="full-disk")
    world.sync(linked)
    (tmp_path / "file").write_text("not a folder")
    settings.SPOOL_DIR = tmp_path / "file" / "spool"
    assert deliver_next()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error_code, delivery.error_owner) == ("RETRYING", "spool-failed", "us")
    assert delivery.attempt_rows.count() == 1


@pytest.mark.parametrize("header", ["retry_after", "retry_after_date"])
def test_a_throttled_source_is_left_alone_for_as_long_as_it_asks_and_loses_nothing(
    linked: PatientAuthorization, payer_url: str, header: str
) -> None:
    control = Control(payer_url)
    control.play([{"type": "Condition", "status": 429, header: 300}])
    before = timezone.now()
    run_next_sync_job()
    job = SyncJob.objects.get()
    assert job.state == "WAITING"
    assert 290 < (job.next_attempt_at - before).total_seconds() < 400
    assert [each["status"] for each in control.asked()][-1] == 429, "nothing is asked after the refusal"
    assert not run_next_sync_job()
    SyncJob.objects.update(next_attempt_at=before)
    assert not run_next_sync_job(), "the endpoint is closed to every job"
    EndpointBudget.objects.update(closed_until=before)
    job = world.sync(linked)
    assert (job.state, job.gaps, job.source_failures) == ("COMPLETED", [], 0)


def test_a_source_that_throttles_for_ever_ends_the_sync_with_every_type_named_that_it_did_not_give(
    linked: PatientAuthorization, payer_url: str, settings: Settings
) -> None:
    settings.SYNC_RETRY_SECONDS = 0
    control = Control(payer_url)
    control.play([{"type": "Condition", "status": 429, "retry_after": 0, "times": 1000}])
    job = steps(12)
    assert job.state == "COMPLETED"
    gaps = {gap["type"] for gap in job.gaps}
    assert "Condition" in gaps
    control.reset()
    request_sync(authorization=linked, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    whole = world.sync(linked)
    assert whole.resource_counts.keys() - set(SUPPORT_TYPES) <= gaps | job.resource_counts.keys()


def test_ids_that_the_source_does_not_have_are_no_progress(
    linked: PatientAuthorization, payer_url: str, settings: Settings
) -> None:
    """A type that fails for ever and a provider that is asked for in vain in each step: it must end."""
    settings.SYNC_RETRY_SECONDS = 0
    Control(payer_url).play(
        [
            {"type": "Condition", "status": 500, "times": 1000},
            {"type": "Practitioner", "empty": True, "times": 1000},
        ]
    )
    job = steps(8)
    assert (job.state, {gap["type"] for gap in job.gaps}) == ("COMPLETED", {"Condition"})


def test_a_broken_resource_of_a_refresh_keeps_its_earlier_version(linked: PatientAuthorization, payer_url: str) -> None:
    world.sync(linked)
    view = find_view(linked)
    assert view is not None
    before = {"/".join(key): line for *key, line in view.lines()}
    control = Control(payer_url)
    control.play(
        [
            {"type": "Observation", "page": 1, "replace": ["nan", "no-resource-type"]},
            {"type": "Patient", "replace": ["nan"]},
        ]
    )
    request_sync(authorization=linked, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    job = world.sync(linked)
    assert (job.state, job.gaps) == ("COMPLETED", [])
    assert {(each["type"], each["code"], each["count"]) for each in job.rejected} == {
        ("Observation", "malformed", 1),
        ("unknown", "missing-type", 1),
        ("Patient", "malformed", 1),
    }
    after = find_view(linked)
    assert after is not None
    assert {"/".join(key): line for *key, line in after.lines()} == before
    assert control.strikes().replaced
