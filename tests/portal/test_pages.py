"""What pages say and do: the mode is unmistakable, one service call a button, refusals beside the field."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from apps.applications.models import Application, LiveAccessRequest, RedirectUri
from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery, Destination
from apps.workspaces.models import Membership, Role, Workspace
from portal.errors import forbidden, server_error
from tests.factories import World, client_of, make_user
from tests.portal.test_isolation import LISTS, PORTAL, WORKSPACE


@pytest.fixture
def owner(acme: World) -> Client:
    return client_of(acme.people[Role.OWNER])


def test_every_test_page_is_marked_and_no_live_page_is(owner: Client, acme: World) -> None:
    for page in PORTAL:
        response = owner.get(page.url(acme))
        if response.status_code != 200:
            continue
        text = response.content.decode()
        marks = ("TEST MODE" in text, "<title>[TEST] " in text, "favicon-test" in text)
        assert marks == (page.site == "test",) * 3, str(page)


def test_no_page_has_inline_script_or_style_or_a_foreign_address(owner: Client, acme: World) -> None:
    for page in (*PORTAL, *WORKSPACE):
        text = owner.get(page.url(acme)).content.decode()
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", text), str(page)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text), str(page)


def test_every_page_has_one_heading_and_its_request_id(owner: Client, acme: World) -> None:
    for page in (*PORTAL, *WORKSPACE):
        response = owner.get(page.url(acme))
        if response.status_code == 200:
            text = response.content.decode()
            assert text.count("<h1") == 1, str(page)
            assert response["X-Request-Id"] in text, str(page)


def test_mode_switch_leads_from_an_object_to_the_list_of_the_other_mode(owner: Client, acme: World) -> None:
    text = owner.get(acme.base("test") + f"deliveries/{acme.test.delivery.pk}/").content.decode()
    assert f'class="is-live" href="{acme.base("live")}deliveries/"' in text


def test_viewer_sees_no_button_that_changes_anything(acme: World) -> None:
    client = client_of(acme.people[Role.VIEWER])
    for page in (*PORTAL, *WORKSPACE):
        main = client.get(page.url(acme)).content.decode().partition("<main")[2]
        assert 'method="post"' not in main or page.name == "workspace_leave", str(page)


def test_lists_take_a_bounded_number_of_queries(
    owner: Client, acme: World, django_assert_max_num_queries: object
) -> None:
    for page in LISTS:
        if page.site == "test":
            with django_assert_max_num_queries(12):  # type: ignore[operator]
                owner.get(page.url(acme))


# -- journeys --------------------------------------------------------------------------------------------
def test_new_person_makes_workspace_and_application_and_meets_the_checklist(db: None) -> None:
    client = client_of(make_user("new@example.com"))
    made = client.post("/workspaces/new/", {"name": "New Health", "slug": "new-health"})
    assert made["Location"] == "/w/new-health/applications/new/"
    opened = client.post(made["Location"], {"name": "First app", "slug": "first"})
    assert opened["Location"] == "/w/new-health/a/first/test/"
    assert b"Create a secret key" in client.get(opened["Location"]).content
    assert Membership.objects.get(workspace__slug="new-health").role == Role.OWNER
    again = client.post("/workspaces/new/", {"name": "Copy", "slug": "new-health"})
    assert b"short name is taken" in again.content
    assert Workspace.objects.filter(slug="new-health").count() == 1


def test_live_access_is_asked_for_and_granted_with_notes(acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = False
    LiveAccessRequest.objects.filter(decision="pending").update(
        decision="refused", decided_by="x", decided_at="2026-11-20T00:00Z"
    )
    Application.objects.update(live_granted_at=None, live_granted_by="")
    owner = client_of(acme.people[Role.OWNER])
    owner.post(acme.base("live") + "settings/live-access/", {"purpose": "Real patients."})
    asked = LiveAccessRequest.objects.get(decision="pending")
    staff = client_of(make_user("staff@example.com", staff=True))
    staff.post(f"/support/live-access/{asked.pk}/decide/", {"decision": "granted", "notes": "Welcome."})
    acme.application.refresh_from_db()
    assert acme.application.has_live_access
    assert b"Welcome." in owner.get(acme.base("live") + "settings/").content
    event = AuditEvent.objects.get(action="live_access.granted", actor_kind="support")
    assert (event.actor_label, event.ip, bool(event.request_id)) == ("staff@example.com", "127.0.0.1", True)


def test_refused_destination_says_why_beside_the_field(owner: Client, acme: World) -> None:
    url = acme.base("test") + f"destinations/{acme.test.destination.pk}/edit/"
    fields = {"name": "Lake", "bucket": "Not_A_Bucket", "region": "us-east-1", "role_arn": "nonsense"}
    text = owner.post(url, fields).content.decode()
    assert 'id="id_bucket_error"' in text
    assert 'id="id_role_arn_error"' in text
    assert Destination.objects.get(pk=acme.test.destination.pk).bucket == "acme-lake-test"


def test_enable_without_a_passed_test_is_refused_with_words(owner: Client, acme: World) -> None:
    url = acme.base("test") + f"destinations/{acme.test.destination.pk}/enable/"
    assert b"Run Test connection first" in owner.post(url, follow=True).content


def test_connection_test_that_fails_says_so_and_is_kept(owner: Client, acme: World) -> None:
    url = acme.base("test") + f"destinations/{acme.test.destination.pk}/test/"
    assert b"The test failed" in owner.post(url, follow=True).content
    assert acme.test.destination.tests.get().ran_by == "owner@acme.example"


def test_deleting_in_live_asks_for_the_name_and_in_test_for_one_press(owner: Client, acme: World) -> None:
    for furniture, form in ((acme.test, {}), (acme.live, {"typed": "Analytics lake"})):
        url = acme.base(furniture.mode) + f"destinations/{furniture.destination.pk}/delete/"
        if form:
            assert b"This is not Analytics lake" in owner.post(url, {"typed": "something"}).content
        owner.post(url, form)
        furniture.destination.refresh_from_db()
        assert furniture.destination.state == "DELETED"


def test_revoking_in_live_asks_for_the_user(owner: Client, acme: World) -> None:
    url = acme.base("live") + f"authorizations/{acme.live.authorization.pk}/revoke/"
    owner.post(url, {"typed": "yes"})
    assert PatientAuthorization.objects.get(pk=acme.live.authorization.pk).state == "AUTHORIZED"
    owner.post(url, {"typed": "member-00203"})
    assert PatientAuthorization.objects.get(pk=acme.live.authorization.pk).state == "REVOKED"


def test_retry_puts_a_failed_delivery_back(owner: Client, acme: World) -> None:
    row = Destination.objects.filter(pk=acme.test.destination.pk)
    row.update(state="READY", tested_version=F("config_version"))
    row.update(state="ENABLED")
    owner.post(acme.base("test") + f"deliveries/{acme.test.delivery.pk}/retry/")
    assert Delivery.objects.get(pk=acme.test.delivery.pk).state == "RETRYING"


def test_redirect_uri_is_added_and_a_bad_one_is_refused(owner: Client, acme: World) -> None:
    url = acme.base("live") + "settings/redirect-uris/"
    assert b"must use https" in owner.post(url, {"uri": "http://care.example/back"}).content
    owner.post(url, {"uri": "https://care.example/back"})
    assert RedirectUri.objects.filter(mode="live", uri="https://care.example/back").exists()


def test_search_for_one_exact_id_goes_there(owner: Client, acme: World) -> None:
    for path, pk in (("deliveries", acme.test.delivery.pk), ("sync-jobs", acme.test.sync_job.pk)):
        response = owner.get(acme.base("test") + "search/", {"q": str(pk)})
        assert response["Location"] == acme.base("test") + f"{path}/{pk}/"


# -- the team -----------------------------------------------------------------------------------------------
def test_admin_cannot_make_or_unmake_an_owner(acme: World) -> None:
    admin = client_of(acme.people[Role.ADMIN])
    rows = {each.role: each for each in acme.workspace.memberships.all()}
    admin.post(f"/w/acme/members/{rows['owner'].pk}/remove/")
    admin.post(f"/w/acme/members/{rows['owner'].pk}/role/", {"role": "viewer"})
    admin.post(f"/w/acme/members/{rows['admin'].pk}/role/", {"role": "owner"})
    admin.post("/w/acme/members/invite/", {"email": "fifth@example.com", "role": "owner"})
    assert not acme.workspace.invitations.filter(role="owner").exists()
    assert {each.pk: each.role for each in acme.workspace.memberships.all()} == {
        each.pk: role for role, each in rows.items()
    }


def test_last_owner_stays(owner: Client, acme: World) -> None:
    mine = acme.workspace.memberships.get(role="owner")
    assert b"last owner" in owner.post(f"/w/acme/members/{mine.pk}/remove/", follow=True).content
    assert acme.workspace.memberships.filter(role="owner").exists()


def test_removed_member_loses_the_portal_at_once(owner: Client, acme: World) -> None:
    viewer = client_of(acme.people[Role.VIEWER])
    assert viewer.get(acme.base("test")).status_code == 200
    row = acme.workspace.memberships.get(role="viewer")
    owner.post(f"/w/acme/members/{row.pk}/remove/")
    assert viewer.get(acme.base("test")).status_code == 404


# -- sign-in and errors ----------------------------------------------------------------------
@pytest.mark.parametrize("path", ["login/", "signup/", "password/reset/"])
def test_account_pages_are_in_our_layout(path: str, db: None) -> None:
    text = Client().get(f"/accounts/{path}").content.decode()
    assert "css/tokens" in text
    assert 'class="field' in text
    assert not re.search(r"<style|\sstyle=", text)


def test_sign_in_leads_back_into_the_scope(acme: World) -> None:
    client = Client()
    asked = client.get(acme.base("live") + "keys/")
    assert asked["Location"] == "/accounts/login/?next=/w/acme/a/care/live/keys/"
    answer = client.post(
        asked["Location"], {"login": "viewer@acme.example", "password": "correct horse battery staple"}
    )
    assert answer["Location"] == "/w/acme/a/care/live/keys/"


def test_error_pages_are_in_the_layout_and_tell_strangers_nothing(acme: World) -> None:
    stranger = client_of(make_user("nobody@example.com"))
    hidden = stranger.get(acme.base("test") + "keys/")
    missing = stranger.get("/w/no-such/a/thing/test/keys/")
    texts = [
        re.sub(r"[0-9a-f-]{36}|csrfmiddlewaretoken\S+ \S+", "", each.content.decode()) for each in (hidden, missing)
    ]
    assert texts[0] == texts[1]
    assert "There is nothing here" in texts[0]


def test_403_and_500_render(rf: RequestFactory, acme: World) -> None:
    viewer = client_of(acme.people[Role.VIEWER])
    refused = viewer.get(acme.base("test") + "keys/new/")
    assert (refused.status_code, b"Your role in this workspace" in refused.content) == (403, True)
    request = rf.get("/")
    request.request_id = "abc"  # type: ignore[attr-defined]
    assert b"abc" in server_error(request).content
    request.user = acme.people[Role.VIEWER]
    assert forbidden(request, PermissionDenied("Because.")).status_code == 403
