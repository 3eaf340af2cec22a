"""Authorizations by API: the same list as the portal's page; syncing and revoking."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.utils import timezone

from apps.authorizations.models import PatientAuthorization
from apps.directory.models import Endpoint
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role

from .conftest import NOW, World, make_authorization


def test_a_sync_is_accepted_and_a_second_one_joins_it(world: World) -> None:
    path = f"authorizations/{world.care.authorization.pk}/sync"
    answer = world.care.api().post(path)
    assert answer.status_code == 202
    assert (answer.json()["state"], answer.json()["cause"], answer.json()["seq"]) == ("WAITING", "manual", 2)
    assert world.care.api().post(path).json()["id"] == answer.json()["id"]
    assert SyncJob.objects.filter(authorization=world.care.authorization).count() == 2


def test_a_revoked_authorization_is_answered_as_it_is_and_syncs_no_more(world: World) -> None:
    path = f"authorizations/{world.care.authorization.pk}"
    first = world.care.api().post(f"{path}/revoke")
    assert (first.status_code, first.json()["state"]) == (200, "REVOKED")
    assert first.json()["purged_at"] is not None
    assert world.care.api().post(f"{path}/revoke").json() == first.json()
    assert world.care.api().post(f"{path}/sync").status_code == 409


def test_an_unfinished_authorization_has_nothing_to_revoke(world: World) -> None:
    care = world.care
    begun = make_authorization(care.application, care.mode, care.endpoint, state="AUTHORIZING")
    answer = care.api().post(f"authorizations/{begun.pk}/revoke")
    assert answer.status_code == 409
    assert PatientAuthorization.objects.get(pk=begun.pk).state == "AUTHORIZING"


# -- the page of the portal is the same list ----------------------------------------------------------------
def seed(world: World) -> None:
    """Thirty more, of every state and kind that a list tells apart."""
    care = world.care
    for number in range(30):
        state = ("EXCHANGED", "AUTHORIZED", "AUTHORIZING", "CREATED", "REFRESHED")[number % 5]
        made = make_authorization(care.application, care.mode, care.endpoint, state=state)
        PatientAuthorization.objects.filter(pk=made.pk).update(
            created_at=NOW - dt.timedelta(hours=number),
            usage="MULTIPLE" if number % 3 else "ONE_TIME",
            purge_at=timezone.now() + dt.timedelta(days=number),
        )


def listed_by_page(world: World, query: dict[str, Any]) -> tuple[int, list[str]]:
    """Return how many rows the page says there are, and the ids on its first page."""
    session = world.care.session(world.people[Role.VIEWER])
    path = session.base.removesuffix("api/v1/") + "authorizations/"
    text = session.client.get(path, query).content.decode()
    counted = re.search(r"\d+–\d+ of (\d+)", text)
    return int(counted[1]) if counted else 0, re.findall(r'<th scope="row".*?/authorizations/([0-9a-f-]{36})/', text)


def listed_by_api(world: World, query: dict[str, Any]) -> list[str]:
    return [row["id"] for row in world.care.api().get("authorizations", {**query, "limit": 200}).json()["data"]]


QUERIES: list[dict[str, Any]] = [
    {},
    {"state": "AUTHORIZED"},
    {"state": ["AUTHORIZED", "REFRESHED"]},
    {"usage": "ONE_TIME"},
    {"expiring": "true"},
    {"endpoint_id": "{endpoint}"},
    {"consent_id": "{consent}"},
    {"external_id": "{user}"},
    {"q": "{user}"},
    {"q": "{consent}"},
    {"q": "{endpoint}"},
    {"q": "nobody"},
    {"created_after": "2026-11-20T20:00:00Z"},
    {"created_before": "2026-11-20T20:00:00Z"},
    {"sort": "created_at"},
    {"sort": "-external_id"},
    {"sort": "state"},
    {"sort": "-last_synced_at", "state": "EXCHANGED"},
]


def test_page_and_api_show_the_same_rows_in_the_same_order(world: World) -> None:
    seed(world)
    first = world.care.authorization
    values = {
        "{endpoint}": str(world.care.endpoint.pk),
        "{consent}": str(first.consent_id),
        "{user}": first.consent.end_user.external_id,
    }
    sizes = set()
    for query in QUERIES:
        asked = {name: values.get(value, value) if isinstance(value, str) else value for name, value in query.items()}
        rows = listed_by_api(world, asked)
        assert listed_by_page(world, asked) == (len(rows), rows[:25]), query
        sizes.add(len(rows))
    assert len(sizes) > 4


def test_expiring_are_running_multiple_ones_that_end_within_a_week(world: World) -> None:
    seed(world)
    now = timezone.now()
    wanted = PatientAuthorization.objects.filter(
        application=world.care.application, usage="MULTIPLE", state__in=["AUTHORIZED", "EXCHANGED", "REFRESHED"],
        purge_at__lt=now + dt.timedelta(days=7),
    )  # fmt: skip
    assert wanted.count() > 1
    assert set(listed_by_api(world, {"expiring": "true"})) == {str(pk) for pk in wanted.values_list("pk", flat=True)}


def test_end_is_the_earlier_of_the_purge_and_what_the_source_allows(world: World) -> None:
    care, began = world.care, timezone.now() - dt.timedelta(days=1)
    rows = PatientAuthorization.objects.filter(pk=care.authorization.pk)

    def end_with(purge_days: int | None, max_auth_days: int | None, *, refreshable: bool = True) -> float | None:
        rows.update(authorized_at=began, purge_at=purge_days and began + dt.timedelta(days=purge_days))
        seconds = None if max_auth_days is None else max_auth_days * 86_400
        Endpoint.objects.filter(pk=care.endpoint.pk).update(max_auth_seconds=seconds, refreshable=refreshable)
        told = care.api().get(f"authorizations/{care.authorization.pk}").json()["ends_at"]
        return told and (dt.datetime.fromisoformat(told) - began).total_seconds() / 86_400

    assert end_with(90, 30) == 30
    assert end_with(20, 30) == 20
    assert end_with(90, 30, refreshable=False) == 90
    assert end_with(90, 0) == 90  # the source names no end
    assert end_with(90, None) == 90
    assert end_with(None, 30) == 30
    assert end_with(None, None) is None
    rows.update(purged_at=began)
    assert end_with(90, 30) is None


def test_an_authorization_that_never_ran_has_no_end(world: World) -> None:
    care = world.care
    begun = make_authorization(care.application, care.mode, care.endpoint, state="CREATED")
    PatientAuthorization.objects.filter(pk=begun.pk).update(purge_at=timezone.now())
    assert care.api().get(f"authorizations/{begun.pk}").json()["ends_at"] is None


def test_filters_that_nobody_knows_are_refused_by_both(world: World) -> None:
    session = world.care.session(world.people[Role.OWNER])
    path = session.base.removesuffix("api/v1/") + "authorizations/"
    for query in ({"expiring": "soon"}, {"ends": "soon"}, {"sort": "purge_at"}, {"usage": "NEVER"}):
        assert world.care.api().get("authorizations", query).status_code == 400, query
        assert session.client.get(path, query).status_code == 400, query
        assert session.client.get(f"{path}export.csv", query).status_code == 400, query
