"""The pages of destinations: who sees which button, what asks twice, and whether the numbers are true."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.events import SYSTEM
from apps.destinations.admin.deliveries_chart import HEIGHT, draw
from apps.destinations.backlog import count_missing
from apps.destinations.models import Delivery, Destination
from apps.destinations.selectors import Day, list_days
from apps.destinations.services import draft_destination, run_next_backfill_step
from apps.workspaces.models import Role
from tests.factories import (
    NOW,
    ROLE_ARN,
    World,
    client_of,
    make_authorization,
    make_delivery,
    make_sync_job,
)

BUTTONS = ("/edit/", "/rotate/", "/delete/", "/disable/", "/backfill/", "/setup/", "/new/", 'role="switch"')


# -- switches, and who may press them ---------------------------------------------------------------------------
def enabled(destination: Destination) -> None:
    Destination.objects.filter(pk=destination.pk).update(
        state="READY", tested_version=destination.config_version, test_passed_at=timezone.now()
    )
    Destination.objects.filter(pk=destination.pk).update(state="ENABLED")


@pytest.mark.parametrize(("action", "after"), [("disable", "READY"), ("delete", "DELETED")])
def test_in_live_the_name_is_typed_before_a_destination_is_stopped(
    action: str, after: str, acme: World, owner: Client
) -> None:
    destination = acme.live.destination
    enabled(destination)
    page = acme.base("live") + f"destinations/{destination.pk}/{action}/"
    assert "Type Analytics lake to confirm" in owner.get(page).content.decode()
    for typed in ("", "analytics lake"):
        assert owner.post(page, {"typed": typed}).status_code == 200
        assert Destination.objects.get(pk=destination.pk).state == "ENABLED"
    owner.post(page, {"typed": "Analytics lake"})
    assert Destination.objects.get(pk=destination.pk).state == after


@pytest.mark.parametrize(("action", "after"), [("disable", "READY"), ("delete", "DELETED")])
def test_in_test_one_press_of_the_asking_page_is_enough(action: str, after: str, acme: World, owner: Client) -> None:
    destination = acme.test.destination
    enabled(destination)
    page = acme.base("test") + f"destinations/{destination.pk}/{action}/"
    assert 'name="typed"' not in owner.get(page).content.decode()
    assert Destination.objects.get(pk=destination.pk).state == "ENABLED"
    owner.post(page)
    assert Destination.objects.get(pk=destination.pk).state == after


def test_switch_says_its_position(acme: World, owner: Client) -> None:
    page = acme.base("test") + f"destinations/{acme.test.destination.pk}/"
    assert 'role="switch"' not in owner.get(page).content.decode()
    enabled(acme.test.destination)
    assert 'role="switch" aria-checked="true"' in owner.get(page).content.decode()
    owner.post(f"{page}disable/")
    assert 'role="switch" aria-checked="false"' in owner.get(page).content.decode()


@pytest.mark.parametrize("state", ["UNTESTED", "READY", "ENABLED", "PAUSED", "DRAFT"])
def test_viewer_sees_everything_and_no_button(state: str, acme: World) -> None:
    destination = acme.test.destination
    enabled(destination)
    reason = "The role refused us." if state == "PAUSED" else ""
    rows = Destination.objects.filter(pk=destination.pk)
    if state == "DRAFT":
        fields = {"name": "Draft", "bucket": "a-draft", "region": "us-east-1"}
        draft = draft_destination(application=acme.application, mode=acme.test.mode, fields=fields, by=SYSTEM)
        rows = Destination.objects.filter(pk=draft.pk)
    elif state == "UNTESTED":
        rows.update(state=state, tested_version=None)
    elif state != "ENABLED":
        rows.update(state=state, paused_reason=reason)
    viewer = client_of(acme.people[Role.VIEWER])
    page = acme.base("test") + f"destinations/{rows.get().pk}/"
    for path in (page, acme.base("test") + "destinations/"):
        main = viewer.get(path).content.decode().partition('<main id="main"')[2].partition("</main>")[0]
        assert reason in main
        assert 'method="post"' not in main
        assert [part for part in BUTTONS if part in main] == []


# -- numbers -----------------------------------------------------------------------------------------------------
def test_back_fill_tells_how_many_it_would_deliver_and_delivers_so_many(acme: World, owner: Client) -> None:
    destination, application = acme.test.destination, acme.application
    for number, state in enumerate(("DELIVERED", "SKIPPED", "HELD", "replayed", None, None)):
        authorization = make_authorization(application, acme.test.mode, acme.test.endpoint, user=f"u-{number}")
        job = make_sync_job(authorization)
        authorization.current_sync_job_id = job.pk
        authorization.save(update_fields=["current_sync_job_id"])
        if state == "replayed":  # a replay is no first delivery
            replay = make_delivery(destination, job, state="DELIVERED")
            Delivery.objects.filter(pk=replay.pk).update(kind="replay")
        elif state is not None:
            make_delivery(destination, job, state=state)
    revoked = make_authorization(application, acme.test.mode, acme.test.endpoint, user="gone")
    revoked.current_sync_job_id, revoked.state, revoked.revoked_at = make_sync_job(revoked).pk, "REVOKED", NOW
    revoked.save(update_fields=["current_sync_job_id", "state", "revoked_at"])
    enabled(destination)
    now = timezone.now()
    assert count_missing(destination, now=now) == 4
    page = acme.base("test") + f"destinations/{destination.pk}/backfill/"
    assert "Deliver 4 now" in owner.get(page).content.decode()
    begun = owner.post(page, follow=True).content.decode()
    assert "The back-fill of 4 deliveries has begun" in begun
    assert "0 of 4 that were missing" in begun
    while run_next_backfill_step():
        pass
    assert count_missing(destination, now=now) == 0
    assert "4 of 4 that were missing" in owner.get(page.replace("backfill/", "")).content.decode()
    assert "Nothing is missing" in owner.get(page).content.decode()


def test_days_count_deliveries_by_the_day_they_were_made_on_in_utc(acme: World) -> None:
    now = dt.datetime(2026, 11, 20, 23, 59, tzinfo=dt.UTC)
    made = (
        ("DELIVERED", now), ("FAILED", now), ("HELD", now), ("DELIVERED", now - dt.timedelta(days=1)),
        ("DELIVERED", now.replace(day=1, month=11, hour=0, minute=0)),
        ("DELIVERED", dt.datetime(2026, 10, 24, 0, 0, tzinfo=dt.UTC)),
        ("DELIVERED", dt.datetime(2026, 10, 23, 23, 59, tzinfo=dt.UTC)),
    )  # fmt: skip
    Delivery.objects.filter(destination=acme.test.destination).update(created_at=now - dt.timedelta(days=90))
    for number, (state, at) in enumerate(made):
        user = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user=f"d-{number}")
        delivery = make_delivery(acme.test.destination, make_sync_job(user), state=state)
        Delivery.objects.filter(pk=delivery.pk).update(created_at=at)
    days = list_days(acme.test.destination, now=now)
    assert [day.date for day in days] == [dt.date(2026, 10, 24) + dt.timedelta(days=back) for back in range(28)]
    counted = {f"{day.date:%d %b}": (day.delivered, day.failed) for day in days if day.delivered or day.failed}
    assert counted == {"24 Oct": (1, 0), "01 Nov": (1, 0), "19 Nov": (1, 0), "20 Nov": (1, 1)}


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=28, max_size=28))
def test_bars_fill_no_more_than_the_drawing_and_keep_their_proportions(counts: list[tuple[int, int]]) -> None:
    start = dt.date(2026, 1, 1)
    days = [Day(start + dt.timedelta(days=place), *pair) for place, pair in enumerate(counts)]
    chart = draw(days)
    most = max(delivered + failed for delivered, failed in counts)
    top = int(chart.scale[0].replace(",", ""))
    assert max(most, 1) <= top <= max(2 * most, 1)
    for day, bar in zip(days, chart.bars, strict=True):
        assert bar.delivered_height == pytest.approx(day.delivered / top * HEIGHT, abs=0.01)
        assert bar.failed_y + bar.failed_height == pytest.approx(bar.delivered_y, abs=0.02)
        assert -0.01 <= bar.failed_y <= HEIGHT


def test_list_asks_as_often_for_many_rows_as_for_one(acme: World, owner: Client) -> None:
    path = acme.base("test") + "destinations/"
    asked = []
    for number in range(21):
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(path).status_code == 200
        asked.append(len(queries))
        Destination.objects.create(
            application=acme.application, mode="test", name=f"L{number}", bucket=f"l-{number}", region="us-east-1",
            role_arn=ROLE_ARN, prefix="p/",
        )  # fmt: skip
    assert len(set(asked)) == 1
    assert asked[0] <= 12


def test_page_of_a_destination_stays_within_its_queries(acme: World, owner: Client) -> None:
    enabled(acme.test.destination)
    with CaptureQueriesContext(connection) as queries:
        owner.get(acme.base("test") + f"destinations/{acme.test.destination.pk}/")
    assert len(queries) <= 15
