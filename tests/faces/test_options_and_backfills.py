"""Options of a destination, what a sealed delivery says of itself, and back-fills, on pages and by the API."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.applications.keys import KeyKind
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.destinations import services
from apps.destinations.models import Delivery, Destination
from apps.destinations.options import DEFAULTS
from apps.mails.models import Mail
from apps.workspaces.models import Role
from tests.factories import World, client_of, make_delivery, make_sync_job

from .test_destination_pages import enabled

SHA256 = "ab" * 32


def management(world: World) -> Any:
    """Return how to ask the API with a management key of test mode."""
    key = issue_api_key(application=world.application, mode=world.test.mode, kind=KeyKind.MANAGEMENT, by=SYSTEM).value

    def ask(method: str, path: str, body: Any = None) -> Any:
        content = {"data": body, "content_type": "application/json"} if body is not None else {}
        send = getattr(Client(), method)
        return send(f"/api/v1/{path}", headers={"authorization": f"Bearer {key}"}, **content)

    return ask


def words(client: Client, path: str) -> str:
    """Return what stands on a page, without its tags."""
    answer = client.get(path)
    assert answer.status_code == 200
    main = answer.content.decode().partition('<main id="main"')[2].partition("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def options_of(destination: Destination) -> dict[str, Any]:
    found: dict[str, Any] = Destination.objects.filter(pk=destination.pk).values(*DEFAULTS).get()
    return found


# -- options -----------------------------------------------------------------------------------------------------
def test_options_are_off_unless_told_and_leave_a_destination_tested_and_enabled(acme: World) -> None:
    ask, destination = management(acme), acme.test.destination
    enabled(destination)
    path = f"destinations/{destination.pk}"
    before = ask("get", path).json()
    assert {name: before[name] for name in DEFAULTS} == DEFAULTS
    after = ask("patch", path, {"contents": "delta"}).json()
    assert {name: after[name] for name in DEFAULTS} == {"contents": "delta", "manifest": True, "tombstones": True}
    assert (after["state"], after["config_version"]) == ("ENABLED", before["config_version"])
    event = AuditEvent.objects.filter(action="destination.changed", target_id=str(destination.pk)).latest("id")
    assert event.detail["fields"] == ["contents", "manifest", "tombstones"]


@pytest.mark.parametrize("needed", ["manifest", "tombstones"])
def test_delta_without_what_it_needs_is_refused_at_the_field(needed: str, acme: World) -> None:
    ask, path = management(acme), f"destinations/{acme.test.destination.pk}"
    for body in ({"contents": "delta", needed: False}, {"contents": "delta"}, {needed: False}):
        answer = ask("patch", path, body)
        if body == {"contents": "delta"}:
            assert answer.status_code == 200
            continue
        assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (400, [needed])
    assert ask("patch", path, {"contents": "snapshot", needed: False}).json()[needed] is False


@pytest.mark.parametrize("body", [{"contents": "everything"}, {"manifest": "perhaps"}, {"tombstones": None}])
def test_option_that_is_none_is_400(body: dict[str, Any], acme: World) -> None:
    answer = management(acme)("patch", f"destinations/{acme.test.destination.pk}", body)
    assert (answer.status_code, [each["field"] for each in answer.json()["errors"]]) == (400, list(body))
    assert options_of(acme.test.destination) == DEFAULTS


def test_new_destination_takes_options(acme: World) -> None:
    fields = {
        "name": "Sealed",
        "bucket": "sealed",
        "region": "us-east-1",
        "role_arn": "arn:aws:iam::222222222222:role/x",
    }
    made = management(acme)("post", "destinations", {**fields, "contents": "delta"})
    assert made.status_code == 201
    assert (made.json()["manifest"], made.json()["tombstones"]) == (True, True)


def test_edit_page_has_the_options_and_a_form_without_them_changes_none(acme: World, owner: Client) -> None:
    destination = acme.test.destination
    page = acme.base("test") + f"destinations/{destination.pk}/edit/"
    fields = {
        name: getattr(destination, name)
        for name in ("name", "bucket", "region", "role_arn", "prefix", "kms_key_arn", "expected_bucket_owner")
    }
    assert "This turns on the two below" in words(owner, page)
    assert owner.post(page, {**fields, "contents": "delta"}).status_code == 302
    assert options_of(destination) == {"contents": "delta", "manifest": True, "tombstones": True}
    assert owner.post(page, fields).status_code == 302
    assert options_of(destination)["contents"] == "delta"
    assert owner.post(page, {**fields, "contents": "snapshot", "manifest": "on"}).status_code == 302
    assert options_of(destination) == {"contents": "snapshot", "manifest": True, "tombstones": False}
    page_words = words(owner, acme.base("test") + f"destinations/{destination.pk}/")
    assert "Contents Everything Beside the data Manifest" in page_words
    assert "Changed: contents, deletions" in page_words


def test_last_step_of_the_set_up_saves_options_and_stays_there(acme: World, owner: Client) -> None:
    destination = acme.test.destination
    step = acme.base("test") + f"destinations/{destination.pk}/setup/test/"
    assert "Save options" in words(owner, step)
    answer = owner.post(
        acme.base("test") + f"destinations/{destination.pk}/options/",
        {"back": step, "contents": "snapshot", "tombstones": "on"},
    )
    assert answer.headers["Location"] == step
    assert options_of(destination) == {"contents": "snapshot", "manifest": False, "tombstones": True}
    owner.post(acme.base("test") + f"destinations/{destination.pk}/options/", {"contents": "nonsense"})
    assert options_of(destination)["contents"] == "snapshot"


# -- what a delivery says ------------------------------------------------------------------------------------------
def test_sealed_delivery_says_what_it_holds_and_lists_its_objects(acme: World, owner: Client) -> None:
    base = uuid.uuid4()
    parts = [
        {"role": "data", "key": "a/b.ndjson", "bytes": 10, "sha256": SHA256, "lines": 3, "written": True},
        {"role": "manifest", "key": "a/b.manifest.json", "bytes": 7, "sha256": "cd" * 32, "lines": 1},
    ]
    plan = {"contents": "delta", "base_seq": 3, "base_delivery": str(base), "deletions": True, "manifest": True}
    gaps = [{"type": "Claim", "reason": "failed"}]
    delivery = make_delivery(acme.test.destination, make_sync_job(acme.test.authorization), state="DELIVERED")
    Delivery.objects.filter(pk=delivery.pk).update(plan=plan, parts=parts, gaps=gaps)
    told = management(acme)("get", f"deliveries/{delivery.pk}").json()
    assert (told["contents"], told["base_seq"], told["base_delivery_id"]) == ("delta", 3, str(base))
    assert told["parts"] == [{name: each[name] for name in each if name != "written"} for each in parts]
    assert told["gaps"] == gaps
    page = words(owner, acme.base("test") + f"deliveries/{delivery.pk}/")
    assert "Holds Changes and deletions since sync 3" in page
    assert "Not whole: Claim (failed)." in page
    assert "b.manifest.json" in page


@pytest.mark.parametrize(
    ("changes", "contents", "held"),
    [
        ({"sha256": SHA256}, "snapshot", "Everything"),
        ({"sha256": ""}, None, "Decided at the first try"),
        (
            {"plan": {"contents": "snapshot", "base_seq": 2, "deletions": True}},
            "snapshot",
            "and deletions since sync 2",
        ),
        ({"plan": {"contents": "tombstone"}, "kind": "tombstone"}, "tombstone", "is to be deleted"),
    ],
)
def test_delivery_says_in_words_what_it_holds(
    changes: dict[str, Any], contents: str | None, held: str, acme: World, owner: Client
) -> None:
    Delivery.objects.filter(pk=acme.test.delivery.pk).update(**changes)
    assert management(acme)("get", f"deliveries/{acme.test.delivery.pk}").json()["contents"] == contents
    assert held in words(owner, acme.base("test") + f"deliveries/{acme.test.delivery.pk}/")


# -- health --------------------------------------------------------------------------------------------------------
def test_failing_destination_says_since_when_when_it_is_tried_and_who_hears_of_it(acme: World, owner: Client) -> None:
    destination, now = acme.test.destination, timezone.now()
    enabled(destination)
    page = acme.base("test") + f"destinations/{destination.pk}/"
    ask = management(acme)
    nothing = {"failing_since": None, "resumes_at": None, "next_alert_at": None, "pauses_at": None}
    assert ask("get", f"destinations/{destination.pk}").json()["health"] == nothing
    since, rests_until = now - dt.timedelta(hours=40), now + dt.timedelta(minutes=10)
    Destination.objects.filter(pk=destination.pk).update(
        first_failure_at=since, alerted_hours=36, open_until=rests_until, fail_streak=9
    )
    health = ask("get", f"destinations/{destination.pk}").json()["health"]
    instants = {name: dt.datetime.fromisoformat(text) for name, text in health.items()}
    hours = settings.GIVE_UP_SECONDS / 72
    assert instants["failing_since"] == since
    assert instants["resumes_at"] == rests_until
    assert abs((instants["next_alert_at"] - since).total_seconds() - 50 * hours) < 1
    assert abs((instants["pauses_at"] - since).total_seconds() - 72 * hours) < 1
    told = words(owner, page)
    assert "Nothing has arrived since" in told
    assert "mailed next at" in told
    Destination.objects.filter(pk=destination.pk).update(open_until=now - dt.timedelta(seconds=1))
    assert ask("get", f"destinations/{destination.pk}").json()["health"]["resumes_at"] is None
    Destination.objects.filter(pk=destination.pk).update(state="READY")
    assert ask("get", f"destinations/{destination.pk}").json()["health"] == nothing


# -- back-fills ----------------------------------------------------------------------------------------------------
def miss(world: World, mode: str, syncs: int) -> None:
    """Let syncs end while the destination was off, and switch it on."""
    furniture = world.furniture(mode)
    for _ in range(syncs):
        missed = make_delivery(furniture.destination, make_sync_job(furniture.authorization), state="SKIPPED")
    PatientAuthorization.objects.filter(pk=furniture.authorization.pk).update(
        current_sync_job_id=missed.sync_job_id, current_seq=missed.seq
    )
    enabled(furniture.destination)


def test_destination_that_is_on_again_offers_what_it_missed_with_the_count_and_begins_nothing(
    acme: World, owner: Client
) -> None:
    page = acme.base("test") + f"destinations/{acme.test.destination.pk}/"
    miss(acme, "test", 3)
    told = words(owner, page)
    assert "3 syncs ended while this destination was off." in told
    assert not services.run_next_backfill_step()
    assert "Deliver 3 now" in words(owner, f"{page}backfill/")
    assert "Back-fill" not in words(client_of(acme.people[Role.VIEWER]), page).partition("3 syncs")[2][:200]
    owner.post(f"{page}backfill/")
    assert "ended while" not in words(owner, page)


def test_back_fill_shows_its_progress_until_the_last_row_is_delivered(acme: World, owner: Client) -> None:
    page = acme.base("test") + f"destinations/{acme.test.destination.pk}/"
    miss(acme, "test", 2)
    owner.post(f"{page}backfill/")
    assert "0 of 2 deliveries made" in words(owner, page)
    assert "data-live" in owner.get(page).content.decode()
    Destination.objects.filter(pk=acme.test.destination.pk).update(state="READY")
    assert "It waits, because the destination is off." in words(owner, page)
    assert "data-live" not in owner.get(page).content.decode()
    enabled(acme.test.destination)
    while services.run_next_backfill_step():
        pass
    assert "All are made; 2 still wait to be delivered." in words(owner, page)
    rows = Delivery.objects.filter(kind="backfill")
    lease = {"state": "RUNNING", "lease_token": uuid.uuid4(), "lease_until": timezone.now()}
    ended = {"lease_token": None, "lease_until": None}
    rows.update(**lease)
    rows.update(state="FAILED", **ended)
    assert "0 delivered, 2 failed" in words(owner, page)
    (listed,) = set(re.findall(r'href="([^"]+state=FAILED[^"]*)"', owner.get(page).content.decode()))
    assert owner.get(listed.replace("&amp;", "&")).content.decode().count('data-label="Tick"') == 2
    with CaptureQueriesContext(connection) as queries:
        owner.get(page)
    assert len(queries) <= 15


def test_back_fill_in_live_is_told_to_owners_once(acme: World) -> None:
    miss(acme, "live", 1)
    Mail.objects.all().delete()
    for _ in range(2):
        services.backfill_destination(destination=acme.live.destination, by=SYSTEM, now=timezone.now())
    assert Mail.objects.count() == 2  # the owner and the admin


def test_second_press_begins_no_second_back_fill(acme: World, owner: Client) -> None:
    page = acme.base("test") + f"destinations/{acme.test.destination.pk}/"
    miss(acme, "test", 1)
    for _ in range(2):
        owner.post(f"{page}backfill/")
    assert acme.test.destination.backfills.count() == 1
    assert owner.get(f"{page}backfill/").status_code == 302  # there is nothing to ask
