"""The console: what waits for a person, finding by ID, a lost device, the state of a source (ux 4, features 4)."""

from __future__ import annotations

import datetime as dt
import re
import uuid

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from apps.applications.models import LiveAccessRequest
from apps.audit.models import AuditEvent
from apps.destinations.models import Delivery, Destination
from apps.directory.models import Endpoint
from apps.directory.services import close_endpoint
from apps.mails.kinds import MailKind
from apps.mails.models import Mail
from apps.mails.places import mail_place
from apps.mails.services import send_mail
from apps.support.selectors import MOST_SHOWN
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role, User
from tests.factories import NOW, ROLE_ARN, World, client_of, make_sync_job, make_user, make_world
from tests.mails.samples import BY, CONTEXTS
from tests.portal.urlmap import failed_mail

NOBODY = str(uuid.UUID(int=7))
TILE = re.compile(r'<div class="tile[^"]*"><dt>([^<]+)</dt><dd>(\d+)</dd><dd class="second">(?:<a href="([^"]+)")?')


@pytest.fixture
def staff(db: None, settings: Settings) -> User:
    settings.REQUIRE_SUPPORT_2FA = False
    settings.EXPECT_LOCAL_WORKERS = False
    return make_user("staff@example.com", staff=True)


@pytest.fixture
def console(staff: User) -> Client:
    return client_of(staff)


def tiles(client: Client) -> dict[str, tuple[int, str]]:
    text = client.get("/support/").content.decode()
    return {name: (int(count), address.replace("&amp;", "&")) for name, count, address in TILE.findall(text)}


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action).order_by("id"))


def add_failed_job(world: World) -> None:
    given = world.live.authorization
    SyncJob.objects.create(
        authorization=given, application=given.application, mode=given.mode, state="FAILED", cause="refresh",
        seq=given.sync_jobs.count() + 1, next_attempt_at=NOW, ended_at=timezone.now(), error_code="http-500",
    )  # fmt: skip


@pytest.fixture
def zeta(db: None) -> World:
    """Of the one test that names it: the console shows every team that there is."""
    return make_world("zeta")


# -- what waits ---------------------------------------------------------------------------------------
def test_tiles_count_what_waits_and_lead_to_a_list_of_as_many_rows(console: Client, acme: World, zeta: World) -> None:
    failed_mail(acme)
    add_failed_job(acme)
    add_failed_job(acme)
    shown = tiles(console)
    assert {name: count for name, (count, _) in shown.items()} == {
        "Open live access requests": 2,
        "Failed syncs": 2,
        "Failed deliveries": 4,
        "Failed mails": 1,
        "Stuck in the queue": 0,
        "Endpoints in trouble": 1,
        "Failing destinations": 0,
    }
    for count, address in shown.values():
        if address.startswith("/"):
            assert console.get(address).content.decode().count('<th scope="row"') == count, address
    text = console.get("/support/").content.decode()
    for count, address in shown.values():
        assert not count or address.startswith("/") or f'id="{address.removeprefix("#")}"' in text


def test_old_failures_wait_for_nobody(console: Client, acme: World) -> None:
    failed_mail(acme)
    long_ago = timezone.now() - dt.timedelta(days=8)
    for model in (Mail, Delivery, SyncJob):
        model.objects.update(created_at=long_ago)
    shown = tiles(console)
    assert [shown[f"Failed {name}"][0] for name in ("mails", "deliveries", "syncs")] == [0, 0, 0]


@pytest.mark.parametrize("how", ["late", "lost"])
def test_queue_that_nobody_works_on_is_shown_as_stuck(how: str, console: Client, acme: World) -> None:
    to, context = ["a@acme.example", "b@acme.example"], CONTEXTS[MailKind.MEMBER_REMOVED]
    send_mail(kind=MailKind.MEMBER_REMOVED, to=to, context=context, place=mail_place(acme.workspace), by=BY)
    assert tiles(console)["Stuck in the queue"][0] == 0
    long_ago = timezone.now() - dt.timedelta(minutes=6)
    first = Mail.objects.filter(recipient="a@acme.example")
    if how == "late":
        first.update(next_attempt_at=long_ago)
    else:
        first.update(state="RUNNING", lease_token=uuid.uuid4(), lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert tiles(console)["Stuck in the queue"][0] == 1
    assert ">Late</span>" in console.get("/support/").content.decode()


@pytest.mark.parametrize(("completed", "failed", "status", "is_shown"), [
    (1, 0, "CONNECTED", False), (1, 1, "CONNECTED", False), (1, 2, "CONNECTED", True), (0, 1, "CONNECTED", True),
    (3, 0, "BROKEN", True), (3, 0, "UNAVAILABLE", False),
])  # fmt: skip
def test_endpoint_in_trouble_is_broken_or_fails_more_often_than_not(
    completed: int, failed: int, status: str, is_shown: bool, console: Client, acme: World
) -> None:
    endpoint = acme.live.endpoint
    Endpoint.objects.filter(pk=endpoint.pk).update(status=status)
    SyncJob.objects.all().update(created_at=timezone.now() - dt.timedelta(days=8))
    for _ in range(completed):
        make_sync_job(acme.live.authorization)
    for _ in range(failed):
        add_failed_job(acme)
    assert (f"/support/endpoints/{endpoint.pk}/" in console.get("/support/").content.decode()) is is_shown


def test_paused_and_failing_destinations_are_shown_and_counted_beyond_the_table(console: Client, acme: World) -> None:
    for number in range(2 * MOST_SHOWN):
        state = (
            {"state": "PAUSED", "refused_streak": 3, "paused_reason": "Refused."}
            if number
            else {"state": "ENABLED", "fail_streak": 2}
        )
        place = {"application": acme.application, "mode": "live", "kind": "s3", "role_arn": ROLE_ARN}
        Destination.objects.create(name=f"Lake {number}", bucket=f"lake-{number}", region="us-east-1", **place, **state)
    text = console.get("/support/").content.decode()
    assert tiles(console)["Failing destinations"][0] == 2 * MOST_SHOWN
    assert text.count("Refused 3 times in a row") == MOST_SHOWN


def test_rail_says_how_many_requests_and_failed_mails_wait_on_every_page(console: Client, acme: World) -> None:
    def badges(text: str) -> list[tuple[str, str]]:
        return re.findall(r'</svg>([A-Z][\w ]+) <span class="tag tag-warn">(\d+)<', text)

    failed_mail(acme)
    for path in ("/support/", "/support/workspaces/", f"/support/endpoints/{acme.test.endpoint.pk}/"):
        assert badges(console.get(path).content.decode()) == [("Live access", "1"), ("Mails", "1")], path
    Mail.objects.all().delete()
    LiveAccessRequest.objects.filter(decision="pending").delete()
    assert badges(console.get("/support/").content.decode()) == []


# -- mails ---------------------------------------------------------------------------------------------
def test_failed_mail_is_listed_with_its_cause_and_its_team_is_told(console: Client, acme: World) -> None:
    mail = failed_mail(acme)
    listed = console.get("/support/mails/?state__exact=FAILED").content.decode()
    assert "gone@acme.example" in listed
    assert "smtp-550" in console.get(f"/support/mails/{mail.pk}/").content.decode()
    (seen,) = [each for each in events("support.viewed") if each.target_type == "mail"]
    assert (seen.workspace_id, seen.target_id, seen.actor_kind) == (str(acme.workspace.pk), str(mail.pk), "support")


def test_text_of_a_mail_is_on_no_page_of_the_console(console: Client, acme: World) -> None:
    path = "/invite/canary-token-7319/"
    context = {**CONTEXTS[MailKind.INVITATION], "path": path}
    send_mail(kind=MailKind.INVITATION, to=["a@acme.example"], context=context, place=mail_place(acme.workspace), by=BY)
    for url in ("/support/mails/", f"/support/mails/{Mail.objects.get().pk}/"):
        assert "canary" not in console.get(url).content.decode()


# -- search ----------------------------------------------------------------------------------------------
def test_search_goes_to_the_page_of_a_whole_id(console: Client, acme: World) -> None:
    furniture = acme.live
    for pk, address in (
        (acme.workspace.pk, f"/support/workspaces/{acme.workspace.pk}/"),
        (acme.application.pk, f"/support/applications/{acme.application.pk}/"),
        (acme.open_request.pk, f"/support/live-access/{acme.open_request.pk}/"),
        (furniture.destination.pk, f"/support/deliveries/?q={furniture.destination.pk}"),
        (furniture.delivery.pk, f"/support/deliveries/{furniture.delivery.pk}/"),
        (furniture.sync_job.pk, f"/support/sync-jobs/{furniture.sync_job.pk}/"),
        (furniture.endpoint.pk, f"/support/endpoints/{furniture.endpoint.pk}/"),
        (furniture.authorization.pk, f"/support/sync-jobs/?q={furniture.authorization.pk}"),
        (failed_mail(acme).pk, f"/support/mails/{failed_mail(acme).pk}/"),
    ):
        answer = console.get("/support/search/", {"q": f"  {pk} "})
        assert (answer.status_code, answer["Location"]) == (302, address)
        assert console.get(address).content.decode().count("titlebar") == 1


def test_search_finds_what_a_request_did(console: Client, acme: World) -> None:
    answer = client_of(acme.people[Role.OWNER]).post(f"{acme.base('test')}keys/{acme.test.key.pk}/end/")
    request_id = answer["X-Request-Id"]
    found = console.get("/support/search/", {"q": request_id})
    assert found["Location"] == f"/support/audit/?q={request_id}"
    assert "ended an API key" in console.get(found["Location"]).content.decode()


def test_two_things_with_one_id_are_listed_and_their_teams_told(console: Client, acme: World) -> None:
    AuditEvent.objects.filter(pk=acme.live.event.pk).update(request_id=str(acme.workspace.pk))
    text = console.get("/support/search/", {"q": str(acme.workspace.pk)}).content.decode()
    assert f'href="/support/workspaces/{acme.workspace.pk}/"' in text
    assert f'href="/support/audit/?q={acme.workspace.pk}"' in text
    assert [each.workspace_id for each in events("support.listed")] == [str(acme.workspace.pk)]


@pytest.mark.parametrize("text", ["", "acme", "member-00203", NOBODY, "%00", "x" * 5000, "acme-lake-live"])
def test_search_finds_no_names_and_no_users(text: str, console: Client, acme: World) -> None:
    answer = console.get("/support/search/", {"q": text})
    assert answer.status_code == 200
    assert b'id="found"' not in answer.content
    assert events("support.listed") == []


# -- a lost device ---------------------------------------------------------------------------------------
@pytest.fixture
def viewer(acme: World) -> User:
    """A member of the team with an authenticator app and recovery codes, signed in somewhere."""
    user = acme.people[Role.VIEWER]
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    return user


def lost(world: World, role: Role = Role.VIEWER) -> str:
    return f"/support/workspaces/members/{world.workspace.memberships.get(role=role).pk}/second-factor/"


def test_lost_device_is_reset_with_a_reason_a_trace_and_a_mail(
    console: Client, staff: User, acme: World, viewer: User
) -> None:
    phone, other = client_of(viewer), client_of(acme.people[Role.OWNER])
    answer = console.post(lost(acme), {"proof": "call_to_known_number"})
    assert answer["Location"] == f"/support/workspaces/{acme.workspace.pk}/"
    assert not Authenticator.objects.filter(user=viewer).exists()
    assert phone.get(acme.base("test"))["Location"].startswith("/accounts/login/")
    assert other.get(acme.base("test")).status_code == 200
    (event,) = events("second_factor.reset")
    assert (event.workspace_id, event.target_id) == (str(acme.workspace.pk), str(viewer.pk))
    assert (event.actor_kind, event.actor_id, event.ip) == ("support", str(staff.pk), "127.0.0.1")
    assert event.request_id == answer["X-Request-Id"]
    assert event.detail == {"proof": "call_to_known_number", "factors": 2}
    mail = Mail.objects.get(kind="second_factor_changed")
    assert mail.recipient == viewer.email
    assert mail.body is not None
    assert "Record Relay support did this" in mail.body.reveal()


@pytest.mark.parametrize("form", [{}, {"proof": ""}, {"proof": "they asked nicely"}])
def test_without_a_reason_nothing_is_reset(form: dict[str, str], console: Client, acme: World, viewer: User) -> None:
    assert console.post(lost(acme), form).status_code == 200
    assert console.get(lost(acme)).status_code == 200
    assert Authenticator.objects.filter(user=viewer).count() == 2
    assert not Mail.objects.exists()


def test_reset_stands_in_the_log_of_each_team_of_the_person(
    console: Client, acme: World, zeta: World, viewer: User
) -> None:
    zeta.workspace.memberships.create(user=viewer, role=Role.VIEWER)
    console.post(lost(acme), {"proof": "owner_vouched"})
    teams = {str(acme.workspace.pk), str(zeta.workspace.pk)}
    assert {each.workspace_id for each in events("second_factor.reset")} == teams


def test_nobody_of_support_resets_their_own_factor_nor_one_that_is_not_there(
    console: Client, staff: User, acme: World
) -> None:
    acme.workspace.memberships.filter(role=Role.VIEWER).update(user=staff)
    TOTP.activate(staff, generate_totp_secret())
    refused = console.post(lost(acme), {"proof": "identity_document"}, follow=True)
    assert b"Somebody else of support" in refused.content
    none = console.post(lost(acme, Role.ADMIN), {"proof": "identity_document"}, follow=True)
    assert b"has no second factor" in none.content
    assert Authenticator.objects.filter(user=staff).exists()
    assert events("second_factor.reset") == []


def test_reset_asks_staff_for_a_sign_in_of_the_last_minutes(staff: User, acme: World, viewer: User) -> None:
    client = client_of(staff, fresh=False)
    for answer in (client.get(lost(acme)), client.post(lost(acme), {"proof": "identity_document"})):
        assert answer["Location"].startswith("/accounts/reauthenticate/")
    assert Authenticator.objects.filter(user=viewer).count() == 2


# -- the state of a source ---------------------------------------------------------------------------------
def test_state_of_an_endpoint_is_changed_with_a_trace_once(console: Client, staff: User, acme: World) -> None:
    endpoint = acme.live.endpoint
    for _ in range(2):
        answer = console.post(f"/support/endpoints/{endpoint.pk}/status/", {"status": "BROKEN"})
        assert answer["Location"] == f"/support/endpoints/{endpoint.pk}/"
    endpoint.refresh_from_db()
    assert endpoint.status == "BROKEN"
    (event,) = events("endpoint.status_changed")
    assert (event.actor_kind, event.actor_id, event.target_id) == ("support", str(staff.pk), str(endpoint.pk))
    assert event.detail == {"before": "CONNECTED", "after": "BROKEN"}


@pytest.mark.parametrize("status", ["", "UNKNOWN", "nonsense"])
def test_state_that_staff_cannot_give_is_refused_beside_the_field(status: str, console: Client, acme: World) -> None:
    endpoint = acme.live.endpoint
    answer = console.post(f"/support/endpoints/{endpoint.pk}/status/", {"status": status})
    assert answer.status_code == 200
    assert b"field-error" in answer.content or b"errors" in answer.content
    endpoint.refresh_from_db()
    assert endpoint.status == "CONNECTED"


def test_limits_of_an_endpoint_are_changed_with_a_trace_once(console: Client, staff: User, acme: World) -> None:
    endpoint = acme.live.endpoint
    form = {"concurrent_syncs": "3", "requests_per_minute": "60"}
    for _ in range(2):
        answer = console.post(f"/support/endpoints/{endpoint.pk}/limits/", form)
        assert answer["Location"] == f"/support/endpoints/{endpoint.pk}/"
    endpoint.refresh_from_db()
    assert (endpoint.concurrent_syncs, endpoint.requests_per_minute) == (3, 60)
    (event,) = events("endpoint.limits_changed")
    assert (event.actor_id, event.target_id) == (str(staff.pk), str(endpoint.pk))
    assert event.detail["after"] == {"concurrent_syncs": 3, "requests_per_minute": 60}
    close_endpoint(endpoint.pk, seconds=60)
    page = console.get(f"/support/endpoints/{endpoint.pk}/").content.decode()
    assert "Left alone until" in page
    console.post(f"/support/endpoints/{endpoint.pk}/limits/", {"concurrent_syncs": "3", "requests_per_minute": ""})
    endpoint.refresh_from_db()
    assert endpoint.requests_per_minute is None


@pytest.mark.parametrize("form", [{"concurrent_syncs": "0"}, {"concurrent_syncs": "1", "requests_per_minute": "5"}, {}])
def test_limits_that_get_nowhere_are_refused_beside_the_field(
    form: dict[str, str], console: Client, acme: World
) -> None:
    endpoint = acme.live.endpoint
    answer = console.post(f"/support/endpoints/{endpoint.pk}/limits/", form | {"x": "1"})
    assert answer.status_code == 200
    assert b"field-error" in answer.content or b"errors" in answer.content
    assert events("endpoint.limits_changed") == []


# -- every write -------------------------------------------------------------------------------------------
def writes(world: World) -> list[tuple[str, dict[str, str]]]:
    return [
        (lost(world), {"proof": "identity_document"}),
        (f"/support/endpoints/{world.live.endpoint.pk}/status/", {"status": "BROKEN"}),
        (f"/support/endpoints/{world.live.endpoint.pk}/limits/", {"concurrent_syncs": "3"}),
        (f"/support/live-access/{world.open_request.pk}/decide/", {"decision": "granted", "notes": "Fine."}),
    ]


def test_no_write_of_the_console_is_taken_from_another_site(staff: User, acme: World, viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = client_of(staff).cookies
    for path, form in writes(acme):
        assert client.get(path).status_code == 200
        assert client.post(path, form).status_code == 403, path
    assert_nothing_changed(acme, viewer)


@pytest.mark.parametrize("who", ["stranger", "owner", "viewer", "nobody"])
def test_no_write_of_the_console_is_taken_from_anybody_else(who: str, acme: World, viewer: User) -> None:
    people = {"stranger": None, "owner": acme.people[Role.OWNER], "viewer": acme.people[Role.VIEWER]}
    client = client_of(make_user("s@example.com") if who == "stranger" else people.get(who))
    for path, form in writes(acme):
        for answer in (client.get(path), client.post(path, form)):
            assert answer.status_code == (302 if who == "nobody" else 404), path
            assert b"Support console" not in answer.content
    assert_nothing_changed(acme, viewer)


def assert_nothing_changed(world: World, viewer: User) -> None:
    assert Authenticator.objects.filter(user=viewer).count() == 2
    world.live.endpoint.refresh_from_db()
    world.open_request.refresh_from_db()
    assert (world.live.endpoint.status, world.live.endpoint.concurrent_syncs) == ("CONNECTED", 8)
    assert world.open_request.decision == "pending"
    assert not AuditEvent.objects.filter(actor_kind="support").exclude(action__startswith="support.").exists()
