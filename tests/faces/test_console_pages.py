"""The console: what it says of all teams, and what it leaves in their logs."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.audit.models import AuditEvent
from apps.destinations.models import Delivery, Destination
from apps.syncs.models import SyncJob
from tests.factories import World, make_world

from .pages import main_of, text_of


# -- the console ------------------------------------------------------------------------------------------
def support_events(world: World) -> list[tuple[str, str, str, str]]:
    events = AuditEvent.objects.filter(workspace_id=str(world.workspace.pk), actor_kind="support").order_by("pk")
    return [(each.action, each.target_type, each.target_id, each.mode) for each in events]


def test_what_staff_look_at_stands_in_the_log_of_that_team(acme: World, staff: Client, owner: Client) -> None:
    zeta = make_world("zeta")
    looked = {
        f"workspaces/{acme.workspace.pk}/": ("workspace", acme.workspace.pk, ""),
        f"applications/{acme.application.pk}/": ("application", acme.application.pk, ""),
        f"sync-jobs/{acme.test.sync_job.pk}/": ("sync_job", acme.test.sync_job.pk, "test"),
        f"deliveries/{acme.live.delivery.pk}/": ("delivery", acme.live.delivery.pk, "live"),
        f"live-access/{acme.open_request.pk}/": ("live_access_request", acme.open_request.pk, ""),
        f"audit/{acme.test.event.pk}/": ("audit_event", acme.test.event.pk, "test"),
    }
    for path in looked:
        assert staff.get(f"/support/{path}").status_code == 200, path
    assert support_events(acme) == [("support.viewed", kind, str(pk), mode) for kind, pk, mode in looked.values()]
    assert support_events(zeta) == []
    text = text_of(owner, "/w/acme/audit/", actor_kind="support")
    assert "staff@example.com" in text
    assert text.count("looked at this in the support console") == len(looked)


def test_lists_of_the_console_leave_one_event_for_each_team_on_the_page(acme: World, staff: Client) -> None:
    zeta = make_world("zeta")
    staff.get("/support/deliveries/")
    staff.get("/support/endpoints/")
    for world in (acme, zeta):
        assert support_events(world) == [("support.listed", "delivery", "", "")]
        event = AuditEvent.objects.get(action="support.listed", workspace_id=str(world.workspace.pk))
        assert event.detail == {"rows": 2}


def test_search_in_the_console_that_shows_one_team_tells_only_that_team(acme: World, staff: Client) -> None:
    zeta = make_world("zeta")
    staff.get("/support/sync-jobs/", {"q": str(acme.test.sync_job.pk)})
    assert [each[0] for each in support_events(acme)] == ["support.listed"]
    assert support_events(zeta) == []


def test_refused_look_leaves_no_event(acme: World, owner: Client) -> None:
    assert owner.get(f"/support/deliveries/{acme.test.delivery.pk}/").status_code == 404
    assert support_events(acme) == []


# A reason may carry what AWS said, and that the object's key, which begins with the user.
PAUSED = {"state": "PAUSED", "paused_reason": "Refused: flexpa/member-00203/x.ndjson"}


def row_of(text: str, lane: str) -> list[str]:
    found = re.search(
        rf'<tr><th scope="row" data-label="Lane">(?:(?!<tr>).)*?{lane}(?:</a>)?</div></th>(.*?)</tr>', text
    )
    assert found is not None
    return [re.sub(r"<[^>]+>", "", each).strip() for each in re.findall(r"<td[^>]*>(.*?)</td>", found[1])]


def test_console_says_which_lane_is_late_and_since_when(acme: World, staff: Client) -> None:
    long_ago = timezone.now() - dt.timedelta(hours=2)
    text = text_of(staff, "/support/")
    assert row_of(text, "Syncs")[0] == "Idle"
    SyncJob.objects.create(
        authorization=acme.test.authorization, application=acme.application, mode="test", state="WAITING",
        cause="manual", seq=9, next_attempt_at=long_ago,
    )  # fmt: skip
    state, oldest, due, later, running, lost = row_of(text_of(staff, "/support/"), "Syncs")
    assert (state, due, later, running, lost) == ("Late", "1", "0", "0", "0")
    assert oldest == long_ago.strftime("%d %b %H:%M:%S")


def test_deliveries_to_a_destination_that_is_off_are_not_due(acme: World, staff: Client) -> None:
    Delivery.objects.filter(pk=acme.test.delivery.pk).update(state="RETRYING")
    assert row_of(text_of(staff, "/support/"), "Deliveries")[2] == "0"
    rows = Destination.objects.filter(pk=acme.test.destination.pk)
    for state in ("READY", "ENABLED"):
        rows.update(state=state)
    assert row_of(text_of(staff, "/support/"), "Deliveries")[:3:2] == ["Late", "1"]


def test_console_names_failing_destinations_of_all_teams_and_tells_the_teams(acme: World, staff: Client) -> None:
    zeta = make_world("zeta")
    for world in (acme, zeta):
        rows = Destination.objects.filter(pk=world.live.destination.pk)
        for fields in ({"state": "READY"}, {"state": "ENABLED"}, PAUSED):
            rows.update(**fields)
    text = main_of(text_of(staff, "/support/"))
    assert text.count("?q=" + str(acme.live.destination.pk)) == 1
    assert text.count("?q=" + str(zeta.live.destination.pk)) == 1
    assert "member-00203" not in text
    for world in (acme, zeta):
        assert ("support.listed", "destination", "", "") in support_events(world)


def test_console_says_that_the_sweeper_and_the_sealer_are_late(
    acme: World, staff: Client, settings: Settings, tmp_path: Any
) -> None:
    settings.VAR = tmp_path
    AuditEvent.objects.filter(pk=acme.test.event.pk).update(at=timezone.now() - dt.timedelta(hours=1))
    text = text_of(staff, "/support/")
    assert "It has never run on this machine" in text
    mark = tmp_path / "run" / "sweeper"
    mark.parent.mkdir()
    mark.write_text(timezone.now().isoformat())
    assert "The sweeper is late" not in text_of(staff, "/support/")
    mark.write_text((timezone.now() - dt.timedelta(minutes=10)).isoformat())
    assert "The sweeper is late" in text_of(staff, "/support/")
