"""Overview, authorizations, audit log, search and console: what they say is what is there, and for whom."""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as settings_of_django
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.models import Application
from apps.audit.events import Actor, ActorKind
from apps.audit.models import AuditEvent
from apps.audit.services import seal_events
from apps.audit_log import presenters
from apps.audit_log.filters import SUBJECTS
from apps.authorizations.models import AuthorizationEvent, PatientAuthorization, RefreshToken, SourceToken
from apps.authorizations.services import issue_tokens
from apps.authorizations.states import AuthorizationState
from apps.destinations.models import ConnectionTest, Delivery, DeliveryAttempt, Destination
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role
from tests.factories import World, client_of, make_authorization, make_sync_job, make_user, make_world

BY = Actor(kind=ActorKind.PERSON, id="p-1", label="owner@acme.example", ip="192.0.2.7", request_id=str(uuid.uuid4()))


@pytest.fixture
def acme(db: None) -> World:
    return make_world("acme")


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


@pytest.fixture
def staff(acme: World, settings: Settings) -> Client:
    settings.REQUIRE_SUPPORT_2FA = False
    return client_of(make_user("staff@example.com", staff=True))


def text_of(client: Client, path: str, **query: Any) -> str:
    response = client.get(path, query)
    assert response.status_code == 200, (path, response.status_code)
    return re.sub(r"\s+", " ", response.content.decode())


def main_of(text: str) -> str:
    return text.partition("<main")[2].partition("</main>")[0]


def rows_of(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


# -- overview -------------------------------------------------------------------------------------------
def steps_of(text: str) -> list[tuple[str, str]]:
    """Return the checklist as (words, state)."""
    listed = re.findall(r'<li class="(?:pass|not_run)">(.*?)</li>', main_of(text))
    words = [re.sub(r"<[^>]+>", "|", each) for each in listed]
    return [tuple(part for part in each.split("|") if part.strip())[::2] for each in words]  # type: ignore[misc]


def test_checklist_names_the_next_step_and_blocks_what_cannot_be_done_yet(acme: World, owner: Client) -> None:
    fresh = Application.objects.create(workspace=acme.workspace, name="Fresh", slug="fresh")
    text = text_of(owner, "/w/acme/a/fresh/test/")
    assert [state for _, state in steps_of(text)] == [
        "Next", "Open", "Waits for the steps before", "Waits for the steps before", "Waits for the steps before",
    ]  # fmt: skip
    assert 'class="tiles"' not in text
    live = steps_of(text_of(owner, "/w/acme/a/fresh/live/"))
    assert live[0] == ("Get live access", "Next")
    assert live[1] == ("Create a secret key", "Waits for the steps before")
    assert fresh.live_granted_at is None


def test_checklist_leads_to_the_destination_that_is_furthest_on(acme: World, owner: Client) -> None:
    text = text_of(owner, acme.base("test"))
    assert f'href="{acme.base("test")}destinations/{acme.test.destination.pk}/"' in main_of(text)
    assert "run Test connection" in text


def test_checklist_ends_with_the_first_delivery(acme: World, owner: Client) -> None:
    assert "The way to the first delivery" in text_of(owner, acme.base("test"))
    deliver(acme.test.delivery)
    assert "The way to the first delivery" not in text_of(owner, acme.base("test"))
    assert "The way to the first delivery" in text_of(owner, acme.base("live"))


def deliver(delivery: Delivery) -> None:
    rows = Delivery.objects.filter(pk=delivery.pk)
    rows.update(state="RETRYING")
    rows.update(state="RUNNING", lease_token=uuid.uuid4(), lease_until=timezone.now())
    rows.update(
        state="DELIVERED", lease_token=None, lease_until=None, delivered_at=timezone.now(), bytes=1, resources=1,
        sha256="a" * 64,
    )  # fmt: skip


def tile(text: str, words: str) -> tuple[str, str]:
    found = re.search(rf"<dt>{words}</dt><dd>(\d+)</dd><dd class=\"second\">(.*?)</dd>", text)
    assert found is not None, words
    return found[1], found[2]


def test_health_cards_count_what_is_there_and_lead_to_it(acme: World, owner: Client) -> None:
    PatientAuthorization.objects.filter(pk=acme.test.authorization.pk).update(
        purge_at=timezone.now() + dt.timedelta(days=3)
    )
    rows = Destination.objects.filter(pk=acme.test.destination.pk)
    rows.update(state="READY")
    rows.update(state="ENABLED")
    rows.update(state="PAUSED", paused_reason="Refused 20 times.")
    text = text_of(owner, acme.base("test"))
    assert tile(text, r"Failed today \(UTC\)")[0] == "1"
    assert tile(text, "Failing destinations")[0] == "1"
    assert "Refused 20 times." in text
    assert tile(text, "Syncs with gaps, 7 days")[0] == "1"
    count, more = tile(text, "Active authorizations")
    assert count == "1"
    (address,) = re.findall(r'href="([^"]+)"', more)
    assert str(acme.test.authorization.pk) in text_of(owner, address)
    others = text_of(owner, acme.base("live"))
    assert "none ends within 7 days" in tile(others, "Active authorizations")[1]


def test_every_address_of_the_overview_opens(acme: World, owner: Client) -> None:
    for mode in ("test", "live"):
        for address in set(re.findall(r'href="(/w/[^"]+)"', main_of(text_of(owner, acme.base(mode))))):
            assert owner.get(address.replace("&amp;", "&")).status_code == 200, address


# -- authorizations -----------------------------------------------------------------------------------------
def page_of(world: World, mode: str = "test") -> str:
    return f"{world.base(mode)}authorizations/{world.furniture(mode).authorization.pk}/"


def test_authorization_tells_its_states_with_causes_and_what_was_skipped(acme: World, owner: Client) -> None:
    rows = AuthorizationEvent.objects.filter(authorization=acme.test.authorization)
    rows.filter(state="AUTHORIZING").delete()
    text = main_of(text_of(owner, page_of(acme)))
    states = re.findall(
        r'<li class="(pass|not_run)">.*?<div>(\w+)<span class="second">(.*?)</span></div>.*?</li>', text
    )
    assert [(css, word) for css, word, _ in states] == [
        ("pass", "Created"), ("not_run", "Authorizing"), ("pass", "Authorized"), ("not_run", "Exchanged"),
        ("not_run", "Refreshed"),
    ]  # fmt: skip
    assert states[0][2] == "Source chosen."
    assert text.count("Skipped") == 1
    assert text.count("Not reached") == 2
    assert "Did not happen: errored, bounced, abandoned, revoked." in text


def test_authorization_names_its_syncs_deliveries_and_tokens(acme: World, owner: Client) -> None:
    issued = issue_tokens(consent=acme.test.authorization.consent, by=BY, now=timezone.now())
    text = main_of(text_of(owner, page_of(acme)))
    assert f'href="{acme.base("test")}sync-jobs/{acme.test.sync_job.pk}/"' in text
    assert f'href="{acme.base("test")}deliveries/{acme.test.delivery.pk}/"' in text
    assert "253 resources visible, 1 gap" in text
    family = RefreshToken.objects.get().family
    assert str(family) in text
    assert issued.refresh_token is not None
    assert issued.refresh_token not in text
    assert issued.access_token not in text


def test_consent_record_says_what_was_read_and_agreed(acme: World, owner: Client) -> None:
    text = main_of(text_of(owner, page_of(acme)))
    for words in (
        "Version 1",
        "<dd>en</dd>",
        "claims, medications",
        "You agree.",
        str(acme.test.authorization.consent_id),
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("ERRORED", "sign-in could not be completed"),
        ("BOUNCED", "error=access_denied"),
        ("ABANDONED", "waited too long"),
    ],
)
def test_authorization_that_ended_says_what_the_patient_saw_and_what_to_do(
    state: str, words: str, acme: World, owner: Client
) -> None:
    ended = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="gone")
    PatientAuthorization.objects.filter(pk=ended.pk).delete()
    PatientAuthorization.objects.create(
        pk=ended.pk, consent=ended.consent, application=ended.application, mode=ended.mode, endpoint=ended.endpoint,
        usage="MULTIPLE", state=state, error_code="http-500" if state == "ERRORED" else "", ended_at=timezone.now(),
    )  # fmt: skip
    text = main_of(text_of(owner, f"{acme.base('test')}authorizations/{ended.pk}/"))
    assert words in text
    assert "Sync now" not in text
    assert "Revoke" not in text.partition("<h2>")[0]


def test_revoke_page_names_exactly_what_ends_then_the_page_says_what_is_gone(acme: World, owner: Client) -> None:
    same = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="second-name")
    other = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="somebody-else")
    PatientAuthorization.objects.filter(pk=other.pk).update(source_patient_id="p-2")
    source = SourceToken(
        authorization=acme.test.authorization, token_url="https://x.example", expires_at=timezone.now()
    )
    source.access_token, source.refresh_token = "source-secret", None
    source.save()
    asked = main_of(text_of(owner, page_of(acme) + "revoke/"))
    named = {each for each in ("member-00203", "second-name", "somebody-else") if each in asked}
    owner.post(page_of(acme) + "revoke/")
    ended = PatientAuthorization.objects.filter(state="REVOKED")
    assert {each.consent.end_user.external_id for each in ended} == named == {"member-00203", "second-name"}
    assert {each.pk for each in ended} == {acme.test.authorization.pk, same.pk}
    text = main_of(text_of(owner, page_of(acme)))
    assert "we cannot delete it there" in text
    assert "1 waiting delivery was cancelled" in text
    assert "Data deleted here" in text
    assert "Sync now" not in text
    assert not SourceToken.objects.filter(authorization=acme.test.authorization).exists()
    again = owner.get(page_of(acme) + "revoke/", follow=True)
    assert b"there is nothing to revoke" in again.content


def test_viewer_reads_an_authorization_and_can_change_nothing(acme: World) -> None:
    viewer = client_of(acme.people[Role.VIEWER])
    text = main_of(text_of(viewer, page_of(acme)))
    assert "Sync now" not in text
    assert "/revoke/" not in text
    assert viewer.get(page_of(acme) + "revoke/").status_code == 403


def test_authorization_that_ends_soon_is_tagged_and_one_time_is_not(acme: World, owner: Client) -> None:
    soon = timezone.now() + dt.timedelta(days=2)
    once = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user="once")
    PatientAuthorization.objects.filter(mode="test").update(purge_at=soon)
    PatientAuthorization.objects.filter(pk=once.pk).update(usage="ONE_TIME")
    text = main_of(text_of(owner, acme.base("test") + "authorizations/"))
    assert text.count('class="tag tag-warn"') == 1
    assert "member-00203" in text_of(owner, acme.base("test") + "authorizations/", expiring="true")
    assert "once" not in re.findall(
        r"<code>(\w+)</code>", text_of(owner, acme.base("test") + "authorizations/?expiring=true")
    )


def test_pages_of_authorizations_take_a_bounded_number_of_queries(
    acme: World, owner: Client, django_assert_max_num_queries: Any
) -> None:
    issue_tokens(consent=acme.test.authorization.consent, by=BY, now=timezone.now())
    for path, most in ((page_of(acme), 15), (acme.base("test") + "authorizations/", 12), (acme.base("test"), 15)):
        with django_assert_max_num_queries(most):
            owner.get(path)


def test_pages_take_no_more_queries_for_many_rows(acme: World, owner: Client) -> None:
    def count(path: str) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as seen:
            owner.get(path)
        return len(seen)

    paths = [acme.base("test"), acme.base("test") + "authorizations/", acme.base("test") + "audit/", page_of(acme)]
    before = [count(path) for path in paths]
    for number in range(12):
        made = make_authorization(acme.application, acme.test.mode, acme.test.endpoint, user=f"user-{number}")
        make_sync_job(made)
        make_sync_job(acme.test.authorization)
    assert [count(path) for path in paths] == before


# -- audit log ------------------------------------------------------------------------------------------
def test_audit_event_shows_who_what_where_from_and_its_seal(acme: World, owner: Client) -> None:
    owner.post(f"/w/acme/members/{acme.workspace.memberships.get(role='viewer').pk}/role/", {"role": "developer"})
    event = AuditEvent.objects.get(action="membership.role_changed")
    address = f"/w/acme/audit/{event.pk}/"
    text = main_of(text_of(owner, address))
    for words in ("owner@acme.example", "127.0.0.1", event.request_id, "viewer", "developer", "Not sealed yet"):
        assert words in text, words
    assert re.search(r"Role</div></th><td[^>]*><div>viewer</div></td><td[^>]*><div[^>]*>developer", text)


@pytest.mark.django_db(transaction=True)
def test_sealed_event_is_recomputed_and_a_changed_one_is_called_broken(transactional_db: None) -> None:
    acme = make_world("acme")
    owner = client_of(acme.people[Role.OWNER])
    assert "wait for a seal" in text_of(owner, "/w/acme/audit/")
    seal_events()
    assert "Every event of this workspace is sealed" in text_of(owner, "/w/acme/audit/")
    first, second = AuditEvent.objects.filter(workspace_id=str(acme.workspace.pk)).order_by("pk")[:2]
    for event in (first, second):
        assert "follows from the event before it" in text_of(owner, f"/w/acme/audit/{event.pk}/")
    AuditEvent.objects.filter(pk=second.pk).update(actor_label="somebody else")
    assert "was changed or taken away" in text_of(owner, f"/w/acme/audit/{second.pk}/")
    assert "follows from the event before it" in text_of(owner, f"/w/acme/audit/{first.pk}/")


def test_audit_log_of_an_application_leaves_out_others_and_the_other_mode(acme: World, owner: Client) -> None:
    zeta = make_world("zeta")
    shown = set(re.findall(r"/audit/(\d+)/", text_of(owner, acme.base("test") + "audit/")))
    allowed = AuditEvent.objects.filter(application_id=str(acme.application.pk), mode__in=["", "test"])
    assert shown <= {str(pk) for pk in allowed.values_list("pk", flat=True)}
    assert owner.get(f"/w/acme/audit/{zeta.test.event.pk}/").status_code == 404
    assert owner.get(acme.base("test") + f"audit/{acme.live.event.pk}/").status_code == 404


def test_audit_filters_show_the_rows_that_they_name(acme: World, owner: Client) -> None:
    events = AuditEvent.objects.filter(workspace_id=str(acme.workspace.pk)).order_by("-pk")
    for query, wanted in (
        ({"actor_kind": "system"}, {"actor_kind": "system"}),
        ({"subject": "destination"}, {"action__startswith": "destination."}),
        ({"action": "api_key.created"}, {"action": "api_key.created"}),
        ({"target_type": "api_key"}, {"target_type": "api_key"}),
        ({"created_after": "2026-01-01T00:00:00Z"}, {"at__gte": "2026-01-01T00:00:00Z"}),
        ({"created_before": "2026-01-01T00:00:00Z"}, {"at__lt": "2026-01-01T00:00:00Z"}),
    ):
        rows = rows_of(owner.get("/w/acme/audit/export.csv", query))
        assert [int(row["id"]) for row in rows] == [each.pk for each in events.filter(**wanted)], query


def test_audit_search_takes_ids_however_they_are_written(acme: World, owner: Client) -> None:
    pk = acme.test.destination.pk
    for term in (str(pk), pk.hex, f" {str(pk).upper()} "):
        assert str(pk) in main_of(text_of(owner, acme.base("test") + "audit/", q=term)), term
    event = acme.test.event
    assert f"/audit/{event.pk}/" in text_of(owner, acme.base("test") + "audit/", q=str(event.pk))


def test_audit_csv_runs_no_formula(acme: World, owner: Client) -> None:
    AuditEvent.objects.filter(pk=acme.test.event.pk).update(actor_label="=cmd|' /C calc'!A0", actor_id="+1")
    (row,) = rows_of(owner.get("/w/acme/audit/export.csv", {"q": str(acme.test.event.pk)}))
    assert row["actor_label"] == "'=cmd|' /C calc'!A0"
    assert row["actor_id"] == "'+1"


def test_audit_csv_is_for_members_only(acme: World) -> None:
    stranger = client_of(make_world("zeta").people[Role.OWNER])
    for path in ("/w/acme/audit/export.csv", acme.base("test") + "audit/export.csv"):
        assert stranger.get(path).status_code == 404
        assert Client().get(path).status_code == 302


# -- search ---------------------------------------------------------------------------------------------
def test_search_finds_each_kind_of_id_and_goes_there(acme: World, owner: Client) -> None:
    test = ConnectionTest.objects.create(
        destination=acme.test.destination, config_version=1, passed=False, ran_at=timezone.now()
    )
    Delivery.objects.filter(pk=acme.test.delivery.pk).update(external_id="nobody")
    DeliveryAttempt.objects.filter(delivery=acme.test.delivery).update(request_id="AWS-1")
    authorization = acme.test.authorization
    expected = {
        str(acme.test.key.pk): f"keys/{acme.test.key.pk}/",
        acme.test.key_value[:16]: f"keys/{acme.test.key.pk}/",
        acme.test.key_value: f"keys/{acme.test.key.pk}/",
        str(acme.test.destination.pk): f"destinations/{acme.test.destination.pk}/",
        acme.test.destination.bucket: f"destinations/{acme.test.destination.pk}/",
        str(test.pk): f"destinations/{acme.test.destination.pk}/",
        str(acme.test.delivery.pk): f"deliveries/{acme.test.delivery.pk}/",
        acme.test.delivery.object_key: f"deliveries/{acme.test.delivery.pk}/",
        "AWS-1": f"deliveries/{acme.test.delivery.pk}/",
        str(acme.test.sync_job.pk): f"sync-jobs/{acme.test.sync_job.pk}/",
        str(authorization.pk): f"authorizations/{authorization.pk}/",
        str(authorization.consent_id): f"authorizations/{authorization.pk}/",
        str(authorization.destination_patient_id): f"authorizations/{authorization.pk}/",
        "member-00203": f"authorizations/{authorization.pk}/",
        str(acme.test.endpoint.pk): f"authorizations/?endpoint_id={acme.test.endpoint.pk}",
    }
    found = {text: owner.get(acme.base("test") + "search/", {"q": text}).headers.get("Location") for text in expected}
    assert found == {text: acme.base("test") + path for text, path in expected.items()}


def test_search_for_a_request_leads_to_its_events(acme: World, owner: Client) -> None:
    request_id = uuid.uuid4()
    AuditEvent.objects.filter(pk=acme.test.event.pk).update(request_id=str(request_id))
    text = main_of(text_of(owner, acme.base("test") + "search/", q=str(request_id)))
    assert f"/audit/{acme.test.event.pk}/" in text


def test_search_repeats_of_a_whole_key_its_beginning_only(acme: World) -> None:
    other = client_of(make_world("zeta").people[Role.OWNER])
    text = other.get("/search/", {"q": acme.test.key_value}).content.decode()
    assert acme.test.key_value not in text
    assert acme.test.key_value[:16] in text
    assert "Nothing found" in text


def test_search_finds_nothing_of_another_workspace_by_any_id(acme: World) -> None:
    zeta = make_world("zeta")
    stranger = client_of(zeta.people[Role.OWNER])
    names = [
        acme.test.key.pk, acme.test.key_value[:16], acme.test.destination.pk, acme.test.destination.bucket,
        acme.test.delivery.pk, acme.test.delivery.object_key, acme.test.sync_job.pk, acme.test.authorization.pk,
        acme.test.authorization.consent_id, acme.test.authorization.destination_patient_id, acme.test.endpoint.pk,
        acme.test.event.request_id or uuid.uuid4(),
    ]  # fmt: skip
    for path in ("/search/", zeta.base("test") + "search/"):
        for name in names:
            answer = stranger.get(path, {"q": str(name)})
            assert (answer.status_code, b"Nothing found" in answer.content) == (200, True), (path, name)
            assert b"Acme" not in answer.content


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


def test_every_action_that_a_service_writes_has_words() -> None:
    written = set()
    for file in (Path(settings_of_django.BASE_DIR) / "apps").rglob("*.py"):
        if "migrations" not in file.parts and "sandbox" not in file.parts:
            written |= set(re.findall(r'(?:action=|_record\(\s*)"([a-z_]+\.[a-z_]+)"', file.read_text()))
    states = {
        "authorization": [each.value for each in AuthorizationState if each != "CREATED"],
        "delivery": ["DELIVERED", "RETRYING", "HELD", "FAILED", "CANCELLED"],
        "sync": ["COMPLETED", "FAILED"],
    }
    written |= {f"{noun}.{state.lower()}" for noun, values in states.items() for state in values}
    assert len(written) > 40
    assert written - set(presenters.WORDS) == set()
    assert {action.partition(".")[0] for action in presenters.WORDS} <= set(SUBJECTS)
