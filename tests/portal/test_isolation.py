"""Every address of every site, as everybody, by GET and by POST (ux 7; rulings A6, A12)."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from apps.workspaces.models import Role
from portal.site import live_site
from portal.site import test_site as site_of_test_mode
from tests.factories import World, client_of, make_user
from tests.portal.urlmap import Page, list_pages

PORTAL = [page for page in list_pages() if page.site in ("test", "live")]
SUPPORT = [page for page in list_pages() if page.site == "support"]
WORKSPACE = [page for page in list_pages() if not page.site and "workspace" in page.parameters]
METHODS = ("get", "post")
# GUARD pages: in live only owners and admins; ADMINISTER pages: only they, everywhere.
GUARDED = (
    "apikey_create", "apikey_roll", "apikey_end", "apikey_note", "destination_create", "destination_edit",
    "destination_step1", "destination_step2", "destination_step3", "destination_step4",
    "destination_adopt", "destination_discard", "destination_options", "destination_reconcile",
    "destination_enable", "destination_backfill", "destination_rotate", "destination_remove", "destination_set_region",
    "delivery_replay", "delivery_replay_many", "_revoke", "settings_add_uri", "settings_remove_uri",
    "settings_add_origin", "settings_remove_origin",
)  # fmt: skip
ADMINISTERED = (
    "settings_change", "settings_live_access", "application_create",
    "workspace_invite", "workspace_member_role", "workspace_member_remove", "workspace_invitation_resend",
    "workspace_invitation_withdraw", "workspace_rename", "workspace_second_factor",
)  # fmt: skip
WRITTEN = (
    "destination_test",
    "destination_disable",
    "delivery_retry",
    "delivery_retry_many",
    "_sync",
    "_connect",
    "destination_reconcile",
)


def ask(client: Client, method: str, url: str) -> tuple[int, str]:
    """Ask and take back what the request changed."""
    with transaction.atomic():
        response = getattr(client, method)(url)
        transaction.set_rollback(True)
    return response.status_code, response.headers.get("Location", "")


def may(role: Role, page: Page) -> bool:
    if page.name.endswith(ADMINISTERED) or (page.site == "live" and page.name.endswith(GUARDED)):
        return role in (Role.OWNER, Role.ADMIN)
    if page.name.endswith((*GUARDED, *WRITTEN)):
        return role is not Role.VIEWER
    return True


def test_the_map_has_the_pages_that_the_portal_is_made_of() -> None:
    names = {str(page) for page in list_pages()}
    assert len(PORTAL) >= 60
    assert {
        "test:index",
        "live:index",
        "test:applications_apikey_changelist",
        "live:destinations_destination_remove",
        "test:authorizations_patientauthorization_change",
        "support:applications_liveaccessrequest_decide",
        "workspace:workspace_audit",
        "workspace:application_create",
    } <= names


@pytest.mark.parametrize("who", ["stranger", "owner of the other workspace", "support staff"])
def test_portal_is_404_for_everybody_without_membership(who: str, acme: World, zeta: World) -> None:
    user = {
        "stranger": lambda: make_user("nobody@example.com"),
        "owner of the other workspace": lambda: zeta.people[Role.OWNER],
        "support staff": lambda: make_user("staff@example.com", staff=True),
    }[who]()
    client = client_of(user)
    wrong = {
        (method, str(page)): answer
        for page in (*PORTAL, *WORKSPACE)
        for method in METHODS
        if (answer := ask(client, method, page.url(acme))[0]) != 404
    }
    assert wrong == {}


def test_everything_asks_an_anonymous_visitor_to_sign_in(acme: World) -> None:
    client = client_of(None)
    for page in (*PORTAL, *WORKSPACE, *SUPPORT):
        for method in METHODS:
            status, location = ask(client, method, page.url(acme))
            assert (status, location.split("?")[0]) == (302, "/accounts/login/"), (method, str(page))


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_what_it_may_and_403_for_the_rest(role: Role, acme: World) -> None:
    client = client_of(acme.people[role])
    wrong = {}
    for page in (*PORTAL, *WORKSPACE):
        for method in METHODS:
            status, location = ask(client, method, page.url(acme))
            allowed = status in (200, 302, 405) and "/accounts/" not in location
            if allowed if not may(role, page) else not allowed:
                wrong[(method, str(page))] = status
    assert wrong == {}


def test_no_post_of_a_viewer_is_taken(acme: World) -> None:
    client = client_of(acme.people[Role.VIEWER])
    pages = [page for page in (*PORTAL, *WORKSPACE) if page.name != "workspace_leave"]  # anybody may go
    statuses = {ask(client, "post", page.url(acme))[0] for page in pages}
    assert statuses <= {403, 405}


@pytest.mark.parametrize("theirs", ["another workspace", "the other mode"])
def test_objects_of_elsewhere_are_404_inside_the_own_scope(theirs: str, acme: World, zeta: World) -> None:
    client = client_of(acme.people[Role.OWNER])
    pages = [page for page in (*PORTAL, *WORKSPACE) if set(page.parameters) - {"workspace"}]
    assert len(pages) > 30
    for page in pages:
        if theirs == "the other mode" and page in WORKSPACE:
            continue
        ids = zeta if theirs == "another workspace" else acme
        mode = "" if theirs == "another workspace" else {"test": "live", "live": "test"}[page.site]
        for method in METHODS:
            status, _ = ask(client, method, page.url(acme, ids, mode))
            read_only = page.name.endswith(("_change", "_reconciliations"))
            refused = (404, 405) if method == "get" or read_only else (404,)
            assert status in refused, (method, str(page), status)


def test_lists_show_nothing_of_elsewhere(acme: World, zeta: World) -> None:
    client = client_of(acme.people[Role.OWNER])
    foreign = [
        str(value)
        for other in (zeta.test, zeta.live)
        for value in (other.key.last_four, other.destination.pk, other.delivery.pk, other.authorization.pk)
    ] + [zeta.workspace.slug + "-lake"]
    for page in (*PORTAL, *WORKSPACE):
        text = client.get(page.url(acme)).content.decode()
        found = [value for value in foreign if len(value) > 4 and value in text]
        assert found == [], str(page)


def test_foreign_ids_in_filters_and_searches_find_nothing(acme: World, zeta: World) -> None:
    client = client_of(acme.people[Role.OWNER])
    base = acme.base("test")
    other = zeta.test
    for path in (
        f"deliveries/?destination_id={other.destination.pk}",
        f"deliveries/?q={other.delivery.pk}",
        f"deliveries/?q={other.delivery.object_key}",
        f"authorizations/?endpoint_id={other.endpoint.pk}",
        f"audit/?q={other.destination.pk}",
        f"search/?q={other.delivery.pk}",
        f"search/?q={acme.live.delivery.pk}",
    ):
        response = client.get(base + path)
        assert response.status_code == 200, path
        assert b"Nothing" in response.content, path


# -- the console ------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["owner", "stranger"])
def test_console_does_not_exist_for_people_who_are_not_staff(who: str, acme: World) -> None:
    user = acme.people[Role.OWNER] if who == "owner" else make_user("nobody@example.com")
    client = client_of(user)
    assert {ask(client, method, page.url(acme))[0] for page in SUPPORT for method in METHODS} == {404}


def test_console_sends_staff_without_second_factor_to_enrol(acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = True
    client = client_of(make_user("staff@example.com", staff=True))
    answers = {ask(client, method, page.url(acme)) for page in SUPPORT for method in METHODS}
    assert answers == {(302, "/accounts/2fa/")}


def test_console_opens_for_staff_with_second_factor(acme: World, settings: Settings) -> None:
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    settings.REQUIRE_SUPPORT_2FA = True
    staff = make_user("staff@example.com", staff=True)
    TOTP.activate(staff, generate_totp_secret())
    client = client_of(staff)
    for page in SUPPORT:
        status, _ = ask(client, "get", page.url(acme))
        assert status == 200, str(page)


def test_console_shows_no_user_and_no_object_key(acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = False
    client = client_of(make_user("staff@example.com", staff=True))
    for page in SUPPORT:
        assert b"member-00203" not in client.get(page.url(acme)).content, str(page)


# -- holes of the machinery ------------------------------------------------------------------------
def test_sites_without_scope_are_404(acme: World) -> None:
    for client in (client_of(None), client_of(acme.people[Role.OWNER])):
        for path in ("/test/", "/live/", "/test/deliveries/", "/live/keys/new/"):
            assert client.get(path).status_code == 404, path


@pytest.mark.parametrize(
    "path",
    [
        "login/", "logout/", "password_change/", "password_change/done/", "autocomplete/", "jsi18n/",
        "r/1/1/",
        "destinations/destination/", "keys/add/", "auth/", "destinations/add/",
    ],
)  # fmt: skip
def test_stock_pages_are_gone(path: str, acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = False
    owner, staff = client_of(acme.people[Role.OWNER]), client_of(make_user("staff@example.com", staff=True))
    for client, base in ((owner, acme.base("test")), (owner, acme.base("live")), (staff, "/support/")):
        assert client.get(base + path).status_code == 404, base
        assert client.post(base + path).status_code == 404, base


LISTS = [page for page in (*PORTAL, *SUPPORT) if page.name.endswith("_changelist")]


@pytest.mark.parametrize("page", LISTS, ids=str)
def test_undeclared_lookup_is_400_without_a_trace(page: Page, acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA, settings.DEBUG = False, True
    person = make_user("staff@example.com", staff=True) if page.site == "support" else acme.people[Role.OWNER]
    client, url = client_of(person), page.url(acme)
    for query in (
        "id__startswith=a", "prefix__startswith=s", "digest__digest=1", "secret__external_id=1",
        "application__workspace__slug=zeta", "object_key__contains=x", "_to_field=id",
        "authorization__exact=1",
        "detail__contains=x", "nonsense=1",
    ):  # fmt: skip
        response = client.get(f"{url}?{query}")
        assert response.status_code == 400, query
        assert b"Traceback" not in response.content


@pytest.mark.parametrize("page", LISTS, ids=str)
def test_odd_values_of_known_parameters_do_not_break_a_list(page: Page, acme: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = False
    person = make_user("staff@example.com", staff=True) if page.site == "support" else acme.people[Role.OWNER]
    client, url = client_of(person), page.url(acme)
    for query in (
        "q=%00", "q=%27%22%3Cscript%3E", "p=0", "p=-1", "p=9999", "p=x", "o=99", "o=x", "all=", "e=1",
        "_popup=1", "_facets=1", "state__exact=NOPE", "created_at__gte=yesterday",
        "destination__id__exact=1", "q=" + "x" * 3000,
    ):  # fmt: skip
        assert client.get(f"{url}?{query}").status_code in (200, 400), query


def test_nothing_is_written_to_djangos_own_log(acme: World) -> None:
    client = client_of(acme.people[Role.OWNER])
    for page in PORTAL:
        client.get(page.url(acme))
    client.post(acme.base("test") + f"keys/{acme.test.key.pk}/end/")
    assert LogEntry.objects.count() == 0


def test_portal_asks_for_membership_itself_and_not_only_the_path_middleware(rf: RequestFactory, acme: World) -> None:
    request = rf.get("/test/")
    request.user = make_user("staff@example.com", staff=True)
    request.scope = None  # type: ignore[attr-defined]
    assert not live_site.has_permission(request)
    assert not site_of_test_mode.has_permission(request)
