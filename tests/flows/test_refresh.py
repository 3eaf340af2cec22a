"""Refreshes: a source that fails, breaks off or falls silent loses nothing; readers see one whole set."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery
from apps.destinations.services import deliver_next
from apps.records.models import StoredResource
from apps.records.selectors import find_view
from apps.syncs.models import SyncJob
from apps.syncs.services import keeping, request_sync, run_next_sync_job
from apps.syncs.states import SyncCause
from apps.workspaces.models import User

from . import world

pytestmark = pytest.mark.django_db(transaction=True)
LOGIN = "patient2@flexpa.com"
Control = Callable[..., Any]


@pytest.fixture
def control(payer_url: str) -> Iterator[Control]:
    def post(path: str, **body: Any) -> Any:
        answer = httpx.post(f"{payer_url}/_control/{path}", json=body, trust_env=False)
        assert answer.status_code < 300, answer.text
        return answer

    post("reset")
    yield post
    post("reset")


@pytest.fixture
def linked(payer_url: str, control: Control, settings: Settings) -> PatientAuthorization:
    settings.SYNC_PAGE_SIZE = 10
    settings.SYNC_ATTEMPTS = 2
    authorization = world.link_member(world.make_team(), LOGIN, payer_url=payer_url)
    assert world.sync(authorization).state == "COMPLETED"
    return authorization


def refresh(authorization: PatientAuthorization) -> SyncJob:
    request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    return world.sync(authorization)


def visible(authorization: PatientAuthorization) -> dict[str, bytes]:
    authorization.refresh_from_db()
    view = find_view(authorization)
    assert view is not None
    return {f"{kind}/{fhir_id}": line for kind, fhir_id, line in view.lines()}


def test_refresh_in_which_nothing_changed_writes_no_row(linked: PatientAuthorization) -> None:
    before, rows = visible(linked), set(StoredResource.objects.values_list("pk", "line"))
    job = refresh(linked)
    assert (job.state, job.seq, job.gaps) == ("COMPLETED", 2, [])
    assert visible(linked) == before
    assert set(StoredResource.objects.values_list("pk", "line")) == rows


def test_types_that_fail_break_off_or_fall_silent_keep_everything_and_are_named(
    linked: PatientAuthorization, control: Control, cloud_url: str
) -> None:
    team = world.Team(User.objects.get(), linked.application, publishable_key="", secret_key="")
    world.make_destination(team, cloud_url, bucket="gaps")
    before = visible(linked)
    control("faults", type="Condition", page=1, status=500, times=100)
    control("faults", type="Observation", page=3, cut=True, times=100)
    control("faults", type="Encounter", page=1, empty=True, times=100)
    job = refresh(linked)
    assert job.state == "COMPLETED"
    told = {gap["type"]: gap["reason"] for gap in job.gaps}
    assert told == {"Condition": "failed", "Observation": "cut", "Encounter": "shrunk"}
    assert visible(linked) == before
    assert deliver_next()
    (body,) = world.objects(cloud_url, "gaps").values()
    assert sorted(body.splitlines()) == sorted(before.values())
    assert Delivery.objects.get().state == "DELIVERED"


def test_a_type_that_stays_empty_is_ended_by_the_sync_after_the_flag(
    linked: PatientAuthorization, control: Control
) -> None:
    control("faults", type="Encounter", page=1, empty=True, times=100)
    assert [gap["type"] for gap in refresh(linked).gaps] == ["Encounter"]
    second = refresh(linked)
    assert second.gaps == []
    assert "Encounter" not in second.resource_counts
    assert not any(key.startswith("Encounter/") for key in visible(linked))


def test_added_changed_and_removed_resources_make_new_versions_and_end_old_ones(
    linked: PatientAuthorization, control: Control
) -> None:
    first = visible(linked)
    # The payer names its own ids: take two observations out of the stored lines.
    observations = [json.loads(line) for key, line in first.items() if key.startswith("Observation/")]
    ids = [each["meta"]["source"].rpartition("/Observation/")[2] for each in observations[:2]]
    control(f"members/{LOGIN}", change=[f"Observation/{ids[0]}"], remove=[f"Observation/{ids[1]}"], add=3)
    job = refresh(linked)
    assert (job.state, job.gaps) == ("COMPLETED", [])
    second = visible(linked)
    gone, new = first.keys() - second.keys(), second.keys() - first.keys()
    assert gone == {f"Observation/{observations[1]['id']}"}
    assert len(new) == 3
    changed = {key for key in first.keys() & second.keys() if first[key] != second[key]}
    assert f"Observation/{observations[0]['id']}" in changed
    old = find_view(linked, seq=1)
    assert old is not None
    assert {f"{kind}/{pk}": line for kind, pk, line in old.lines()} == first, (
        "the first sync stays readable, byte for byte"
    )


def test_a_reader_during_a_refresh_sees_the_old_set_and_after_it_the_new_one(
    linked: PatientAuthorization, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = visible(linked)
    control(f"members/{LOGIN}", add=25)
    seen: list[dict[str, bytes]] = []
    keep = keeping.PageKeeper.keep

    def look_after_each_page(self: keeping.PageKeeper, *arguments: Any, **named: Any) -> None:
        keep(self, *arguments, **named)
        seen.append(visible(linked))

    monkeypatch.setattr(keeping.PageKeeper, "keep", look_after_each_page)
    refresh(linked)
    assert len(seen) > 10
    assert all(each == before for each in seen)
    assert len(visible(linked)) == len(before) + 25


def test_a_crawl_that_is_cut_off_resumes_from_its_page(
    linked: PatientAuthorization, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    control(f"members/{LOGIN}", add=5)
    pages = 0
    keep = keeping.PageKeeper.keep

    class Killed(BaseException):
        pass

    def die_on_the_fifth_page(self: keeping.PageKeeper, *arguments: Any, **named: Any) -> None:
        nonlocal pages
        keep(self, *arguments, **named)
        pages += 1
        if pages == 5:
            raise Killed

    monkeypatch.setattr(keeping.PageKeeper, "keep", die_on_the_fifth_page)
    request_sync(authorization=linked, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
    with pytest.raises(Killed):
        run_next_sync_job()
    monkeypatch.undo()
    job = SyncJob.objects.latest("created_at")
    kept = {(page.type, page.number) for page in job.pages.all()}
    assert len(kept) == 5
    SyncJob.objects.filter(pk=job.pk).update(state="WAITING", lease_token=None, lease_until=None)
    requests_before = len(control_log(control))
    assert world.sync(linked).state == "COMPLETED"
    asked = control_log(control)[requests_before:]
    assert not any("Patient/" in each for each in asked), "the first page was not fetched again"


def control_log(control: Control) -> list[str]:
    base = control("members/" + LOGIN, add=0).request.url
    answer = httpx.get(f"{base.scheme}://{base.host}:{base.port}/_control/log", trust_env=False)
    return [str(each) for each in answer.json()["requests"]]
