"""Lists: counted, sorted and paged as they say, whatever the rows contain."""

from __future__ import annotations

import datetime as dt
import re
from copy import deepcopy

import pytest
from django.test import Client

from apps.destinations.models import Delivery
from apps.workspaces.models import Role
from apps.workspaces.scoped_admin import lists
from tests.faces.seed import ODD_TEXTS, ROWS, seed
from tests.factories import World, client_of


@pytest.fixture(scope="module")
def seeded(db_of_module: None) -> World:
    return seed()


@pytest.fixture
def faces(seeded: World, db: None) -> World:
    return deepcopy(seeded)


@pytest.fixture
def owner(faces: World) -> Client:
    return client_of(faces.people[Role.OWNER])


def page(client: Client, world: World, path: str) -> str:
    response = client.get(world.base("test") + path)
    assert response.status_code == 200, path
    return response.content.decode()


def first_column(text: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*>.*?<time datetime="([^"]+)"', text)


def counts(text: str) -> dict[str, int]:
    found = re.findall(r'<bdi title="([^"]+)">[^<]*</bdi> <span class="count">(\d+)</span>', text)
    return {name: int(number) for name, number in found}


def test_filter_counts_are_the_rows_that_the_filter_shows(owner: Client, faces: World) -> None:
    shown = counts(page(owner, faces, "deliveries/"))
    rows = Delivery.objects.filter(application=faces.application, mode="test")
    assert shown["All"] == rows.count() == ROWS + 1
    for state, word in (("FAILED", "Failed"), ("DELIVERED", "Delivered"), ("HELD", "Held")):
        assert shown[word] == rows.filter(state=state).count()
        assert f"of {shown[word]}<" in page(owner, faces, f"deliveries/?state={state}")
    assert "Running" not in shown


def test_counts_follow_the_other_filters(owner: Client, faces: World) -> None:
    at = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    Delivery.objects.filter(application=faces.application, mode="test", state="FAILED").update(created_at=at)
    shown = counts(page(owner, faces, "deliveries/?created_after=2025-01-01"))
    assert "Failed" not in shown


def test_chosen_filter_still_says_what_its_other_values_would_show(owner: Client, faces: World) -> None:
    everything = counts(page(owner, faces, "deliveries/"))
    chosen = counts(page(owner, faces, "deliveries/?state=FAILED"))
    assert chosen.items() <= everything.items()
    assert {"All", "Delivered", "Failed", "Held"} <= set(chosen)


def test_list_says_how_it_is_sorted_and_turns_round(owner: Client, faces: World) -> None:
    newest = page(owner, faces, "deliveries/")
    assert re.findall(r'aria-sort="(\w+)"', newest) == ["descending"]
    assert first_column(newest) == sorted(first_column(newest), reverse=True)
    (turned,) = re.findall(r'aria-sort="descending"><a href="([^"]+)"', newest)
    oldest = page(owner, faces, "deliveries/" + turned.replace("&amp;", "&"))
    assert re.findall(r'aria-sort="(\w+)"', oldest) == ["ascending"]
    assert first_column(oldest) == sorted(first_column(oldest))


@pytest.mark.parametrize(
    "sort", ["external_id", "-authorization__consent__end_user__external_id", "0", "created_at,id"]
)
def test_sort_that_is_not_declared_is_400(sort: str, owner: Client, faces: World) -> None:
    assert owner.get(faces.base("test") + f"deliveries/?sort={sort}").status_code == 400


def test_pages_hold_every_row_once_and_lead_back(owner: Client, faces: World) -> None:
    first = page(owner, faces, "deliveries/")
    second = page(owner, faces, f"deliveries/{leads_to(first, 'next')}")
    ids = [*row_ids(first), *row_ids(second)]
    assert len(ids) == len(set(ids)) == ROWS + 1
    assert f">{len(row_ids(first)) + 1}–{ROWS + 1} of {ROWS + 1}<" in second
    assert row_ids(page(owner, faces, f"deliveries/{leads_to(second, 'prev')}")) == row_ids(first)
    assert 'rel="prev"' not in first
    assert 'rel="next"' not in second


def row_ids(text: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*><div><a href="[^"]*/deliveries/([0-9a-f-]{36})/', text)


def leads_to(text: str, where: str) -> str:
    (found,) = re.findall(rf'rel="{where}" href="([^"]+)"', text)
    return str(found).replace("&amp;", "&")


def test_long_list_is_counted_no_further_than_people_page(
    owner: Client, faces: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST", 10)
    text = page(owner, faces, "deliveries/")
    assert "of 10+<" in text
    assert counts(text) == {}


def test_search_keeps_the_filters(owner: Client, faces: World) -> None:
    text = page(owner, faces, "deliveries/?state=FAILED&q=member-00203")
    assert '<input type="hidden" name="state" value="FAILED">' in text
    assert "1 row matches" in text


@pytest.mark.parametrize("path", ["keys/", "authorizations/", "sync-jobs/", "deliveries/", "destinations/"])
def test_odd_values_do_not_run(path: str, owner: Client, faces: World) -> None:
    text = "".join(page(owner, faces, f"{path}{query}") for query in ("", "?sort=created_at"))
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_odd_members_neither_run_nor_break_the_page(owner: Client, faces: World) -> None:
    text = owner.get("/w/faces/members/").content.decode()
    assert ODD_TEXTS[0] not in text
    assert text.count("<tr>") >= ROWS
    assert text.count('class="tag tag-idle"') >= ROWS  # nobody has a second factor


@pytest.mark.parametrize("path", ["keys/", "destinations/", "authorizations/", "sync-jobs/", "deliveries/"])
def test_empty_list_names_the_next_action_and_offers_no_filter(path: str, owner: Client, faces: World) -> None:
    text = owner.get(f"/w/faces-empty/a/first/live/{path}").content.decode()
    assert 'class="empty"' in text
    assert 'aria-label="Filters"' not in text
