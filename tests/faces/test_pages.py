"""What every page offers: how it looks by choice, refusals with a way out, search over everything."""

from __future__ import annotations

import io
import re

from django.core.management import call_command
from django.test import Client

from apps.workspaces.models import Role
from tests.factories import World, client_of, make_user, make_world


# -- appearance ---------------------------------------------------------------------------------------
def root(client: Client, path: str = "/") -> str:
    found = re.search(r"<html[^>]*>", client.get(path).content.decode())
    assert found is not None
    return found[0]


def test_appearance_is_remembered_on_every_page_and_before_sign_in(owner: Client) -> None:
    assert "data-theme" not in root(owner)
    chosen = {"theme": "dark", "density": "compact", "times": "local", "keys": "off"}
    owner.post("/appearance/", chosen)
    for name, value in chosen.items():
        assert f'data-{name}="{value}"' in root(owner)
    owner.post("/accounts/logout/")
    assert 'data-theme="dark"' in root(owner, "/accounts/login/")


def test_values_that_nobody_offers_are_not_taken(owner: Client) -> None:
    owner.post("/appearance/", {"theme": "pink", "density": "roomy", "times": "utc", "keys": "on"})
    owner.cookies["appearance"] = 'theme="><script>&density=tiny'
    assert root(owner) == '<html lang="en" data-density="roomy" data-times="utc" data-keys="on">'


# -- refusals ----------------------------------------------------------------------------------------------
def test_refusal_names_the_role_that_would_do(acme: World) -> None:
    text = client_of(acme.people[Role.VIEWER]).get(acme.base("test") + "keys/new/").content.decode()
    assert "<strong>viewer</strong>" in text
    assert re.findall(r"<strong>(\w+)</strong>", text)[-3:] == ["owner", "admin", "developer"]
    assert 'href="/w/acme/members/"' in text


def test_object_of_the_other_mode_is_404_with_the_way_there_for_members_only(acme: World, owner: Client) -> None:
    path = f"deliveries/{acme.live.delivery.pk}/"
    answer = owner.get(acme.base("test") + path)
    assert answer.status_code == 404
    assert f'href="{acme.base("live")}{path}"' in answer.content.decode()
    stranger = client_of(make_user("nobody@example.com")).get(acme.base("test") + path)
    assert (stranger.status_code, b"Open it in" in stranger.content) == (404, False)


def test_object_of_another_workspace_in_the_other_mode_is_not_hinted_at(acme: World, owner: Client) -> None:
    theirs = make_world("zeta").live.delivery.pk
    answer = owner.get(acme.base("test") + f"deliveries/{theirs}/")
    assert (answer.status_code, b"Open it in" in answer.content) == (404, False)


def test_button_that_is_opened_like_a_page_says_so(acme: World, owner: Client) -> None:
    answer = owner.get(acme.base("test") + f"deliveries/{acme.test.delivery.pk}/retry/")
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert b"This cannot be opened" in answer.content


def test_form_without_its_token_is_refused_in_the_layout_with_its_request_id(acme: World) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/accounts/login/", {"login": "x", "password": "y"})
    assert answer.status_code == 403
    assert b"This form has expired" in answer.content
    assert answer["X-Request-Id"] in answer.content.decode()


# -- search -----------------------------------------------------------------------------------------------------
def test_search_in_one_mode_names_what_is_in_the_other(acme: World, owner: Client) -> None:
    text = owner.get(acme.base("test") + "search/", {"q": str(acme.live.delivery.pk)}).content.decode()
    assert f'href="{acme.base("live")}deliveries/{acme.live.delivery.pk}/"' in text


def test_search_outside_any_application_finds_what_the_person_may_see_and_nothing_else(acme: World) -> None:
    zeta = make_world("zeta")
    client = client_of(zeta.people[Role.VIEWER])
    assert client.get("/search/", {"q": str(zeta.test.delivery.pk)})["Location"].startswith(zeta.base("test"))
    for mine, theirs in ((str(acme.test.delivery.pk), acme), (acme.test.delivery.object_key, acme)):
        text = client.get("/search/", {"q": mine}).content.decode()
        assert "Nothing found" in text
        assert theirs.workspace.name not in text


# -- the map --------------------------------------------------------------------------------------------------
def test_urls_command_prints_pages_that_open(acme: World, owner: Client) -> None:
    printed = io.StringIO()
    call_command("urls", workspace="acme", part=["account", "workspace", "test", "live"], stdout=printed)
    lines = printed.getvalue().splitlines()
    assert len(lines) >= 50
    assert any(line.startswith("test-destinations_destination_change=/w/acme/a/care/test/") for line in lines)
    statuses = {line: owner.get(line.partition("=")[2]).status_code for line in lines}
    assert {line: status for line, status in statuses.items() if status != 200} == {}


def test_style_guide_is_for_people_who_are_signed_in(owner: Client) -> None:
    assert owner.get("/styleguide/").status_code == 200
    assert Client().get("/styleguide/").status_code == 302
