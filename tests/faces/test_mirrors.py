"""Every list that mirrors the API: page, CSV and the command that the page shows have the same rows in one order."""

from __future__ import annotations

import csv
import html
import io
import re
import shlex
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client

from apps.applications.listing import MirroredModelAdmin
from apps.destinations.models import Delivery
from apps.syncs.models import SyncJob
from apps.workspaces.models import Role
from portal.site import test_site as site
from tests.faces.seed import seed
from tests.factories import World, client_of

MIRRORED: dict[str, MirroredModelAdmin] = {
    listed.url_path: listed for listed in site._registry.values() if isinstance(listed, MirroredModelAdmin)
}


@pytest.fixture(scope="module")
def seeded(db_of_module: None) -> World:
    """Enough rows for two pages of everything, of more than one kind."""
    world = seed()
    jobs = SyncJob.objects.filter(application=world.application, mode="test").order_by("created_at")
    for number, job in enumerate(jobs[:9]):
        changes: dict[str, Any] = {"gaps": [], "cause": "manual"} if number % 2 else {"requests_made": number}
        SyncJob.objects.filter(pk=job.pk).update(**changes)
    for number, delivery in enumerate(Delivery.objects.filter(application=world.application, mode="test")[:9]):
        Delivery.objects.filter(pk=delivery.pk).update(
            attempts=number % 3, error_code="NoSuchBucket" if number % 2 else ""
        )
    return world


@pytest.fixture
def faces(seeded: World, db: None) -> World:
    return deepcopy(seeded)


def page(client: Client, world: World, path: str) -> str:
    response = client.get(world.base("test") + path)
    assert response.status_code == 200, path
    return response.content.decode()


def rows_of(client: Client, world: World, listed: MirroredModelAdmin, query: str) -> list[str]:
    """Read a list to its end by its own links."""
    found: list[str] = []
    while True:
        text = page(client, world, f"{listed.url_path}/{query}")
        found += re.findall(rf'<th scope="row"[^>]*><div><a href="[^"]*/{listed.url_path}/([0-9a-f-]+)/"', text)
        further = re.findall(r'rel="next" href="([^"]+)"', text)
        if not further:
            return found
        query = html.unescape(further[0])


def csv_of(client: Client, world: World, listed: MirroredModelAdmin, query: str) -> list[dict[str, str]]:
    answer = client.get(f"{world.base('test')}{listed.url_path}/export.csv{query}")
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))  # type: ignore[attr-defined]


def api_of(world: World, text: str) -> list[dict[str, Any]]:
    """Do what the page's command does, to the end of its pages."""
    (command,) = re.findall(r'<pre id="curl"[^>]*>(.*?)</pre>', text)
    words = shlex.split(html.unescape(command))
    assert words[:2] == ["curl", "-sS"]
    assert words[-1].startswith(f"{settings.PUBLIC_URL}/api/v1/")
    address = urlsplit(words[-1])
    found: list[dict[str, Any]] = []
    query, more = address.query, ""
    while True:
        answer = Client().get(
            f"{address.path}?{query}{more}", headers={"Authorization": f"Bearer {world.test.key_value}"}
        )
        assert answer.status_code == 200, answer.content
        found += answer.json()["data"]
        if not answer.json()["has_more"]:
            return found
        more = f"{'&' if query else ''}cursor={answer.json()['next_cursor']}"


def queries_of(client: Client, world: World, listed: MirroredModelAdmin) -> list[str]:
    """Return every filter value and every sort that the page offers, a search, and a range of dates."""
    text = page(client, world, f"{listed.url_path}/")
    facets = text.partition('aria-label="Filters"')[2].partition("</section>")[0]
    heads = text.partition("<thead>")[2].partition("</thead>")[0]
    offered = [html.unescape(each) for each in re.findall(r'href="(\?[^"]+)"', facets + heads)]
    turned = [each.replace("sort=-", "sort=") for each in offered if "sort=-" in each]
    first = rows_of(client, world, listed, "")[0]
    dates = ["?created_after=2020-01-01&created_before=2020-02-01", "?created_after=2025-01-01"]
    return ["", *offered, *turned, f"?q={first}", "?q=nobody", *(dates if "created_after" in text else [])]


@pytest.mark.parametrize("path", list(MIRRORED))
def test_page_csv_and_api_have_the_same_rows_in_the_same_order(path: str, faces: World) -> None:
    client, listed = client_of(faces.people[Role.OWNER]), MIRRORED[path]
    queries = queries_of(client, faces, listed)
    assert len(queries) > 4
    for query in queries:
        shown = rows_of(client, faces, listed, query)
        asked = api_of(faces, page(client, faces, f"{path}/{query}"))
        assert [str(each["id"]) for each in asked] == shown, query
        exported = csv_of(client, faces, listed, query)
        assert [each["id"] for each in exported] == shown, query
        assert not asked or list(exported[0]) == list(asked[0])


def test_cell_that_a_spreadsheet_would_run_is_inert(faces: World) -> None:
    client = client_of(faces.people[Role.OWNER])
    text = "=cmd|' /C calc'!A0"
    rows = csv_of(client, faces, MIRRORED["deliveries"], "?sort=created_at")
    assert f"'{text}" in {each["external_id"] for each in rows}
    assert not any(cell.startswith(("=", "+", "-", "@")) for each in rows for cell in each.values())


@pytest.mark.parametrize("path", list(MIRRORED))
@pytest.mark.parametrize("query", ["sort=nonsense", "state=NOPE", "cursor=x", "created_after=yesterday", "nonsense=1"])
def test_what_a_list_does_not_understand_is_400_on_page_and_csv(path: str, query: str, faces: World) -> None:
    client = client_of(faces.people[Role.OWNER])
    for address in (f"{path}/", f"{path}/export.csv"):
        assert client.get(f"{faces.base('test')}{address}?{query}").status_code == 400


def test_lists_that_do_not_mirror_the_api_are_known() -> None:
    others = {listed.url_path for listed in site._registry.values() if not isinstance(listed, MirroredModelAdmin)}  # type: ignore[attr-defined]
    assert others <= {"keys", "destinations", "audit"}
