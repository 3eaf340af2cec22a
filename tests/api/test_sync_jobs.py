"""Sync jobs by API: filters, search and order, as in the portal's list."""

from __future__ import annotations

from typing import Any

import pytest

from apps.syncs.models import SyncJob

from .conftest import World, make_authorization, make_sync_job


@pytest.fixture
def jobs(world: World) -> dict[str, SyncJob]:
    """The world's own job has a gap; these are one that is whole, and one that failed."""
    care = world.care
    other = make_authorization(care.application, care.mode, care.endpoint)
    whole = make_sync_job(other)
    failed = make_sync_job(care.authorization, seq=2)
    rows = SyncJob.objects
    rows.filter(pk=whole.pk).update(gaps=[], cause="manual", requests_made=9)
    SyncJob.objects.filter(pk=failed.pk).delete()
    failed = SyncJob.objects.create(
        authorization=care.authorization, application=care.application, mode=care.mode, state="FAILED",
        cause="scheduled",
        seq=2, next_attempt_at=failed.next_attempt_at, ended_at=failed.ended_at, error_code="http-500",
        source_outcome='{"resourceType": "OperationOutcome", "issue": []}',
    )  # fmt: skip
    return {"gapped": care.sync_job, "whole": SyncJob.objects.get(pk=whole.pk), "failed": failed}


def found(world: World, query: dict[str, Any]) -> list[str]:
    answer = world.care.api().get("sync-jobs", query)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["data"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"has_gaps": "true"}, {"gapped"}),
        ({"has_gaps": "false"}, {"whole", "failed"}),
        ({"error_code": "http-500"}, {"failed"}),
        ({"state": ["FAILED", "COMPLETED"]}, {"gapped", "whole", "failed"}),
        ({"cause": "manual"}, {"whole"}),
        ({"q": "nobody"}, set()),
    ],
)
def test_filters_find_what_they_say(
    world: World, jobs: dict[str, SyncJob], query: dict[str, Any], names: set[str]
) -> None:
    assert set(found(world, query)) == {str(jobs[name].pk) for name in names}


def test_search_takes_ids_of_the_job_its_authorization_and_its_consent_and_the_user(
    world: World, jobs: dict[str, SyncJob]
) -> None:
    authorization = jobs["whole"].authorization
    user = authorization.consent.end_user.external_id
    for term in (jobs["whole"].pk, authorization.pk, authorization.consent_id, user):
        assert found(world, {"q": str(term)}) == [str(jobs["whole"].pk)], term


def test_sort_orders_and_pages_by_it(world: World, jobs: dict[str, SyncJob]) -> None:
    busiest = found(world, {"sort": "-requests_made"})
    assert busiest[0] == str(jobs["whole"].pk)
    seen, query = [], {"sort": "-requests_made", "limit": "1"}
    while True:
        page = world.care.api().get("sync-jobs", query).json()
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == busiest


def test_one_job_comes_with_what_the_source_said(world: World, jobs: dict[str, SyncJob]) -> None:
    body = world.care.api().get(f"sync-jobs/{jobs['failed'].pk}").json()
    assert body["source_outcome"] == {"resourceType": "OperationOutcome", "issue": []}
