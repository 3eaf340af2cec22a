"""No query of the lists of deliveries reads more rows than people page through, however many there are."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client

from apps.applications.keys import KeyKind, Mode
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.destinations.models import Delivery
from apps.workspaces.scoped_admin import lists
from tests.bench import lists as bench
from tests.bench import world
from tests.factories import client_of

ROWS, MOST = 20_000, 200
# A filter that one row in nine passes may be read off the list's own order.
ENOUGH = 10 * MOST

pytestmark = pytest.mark.django_db


class Reads:
    """How many rows of the table each statement reads, by what the server counted itself."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def __call__(self, execute: Any, statement: str, parameters: Any, many: bool, context: Any) -> Any:
        if statement.lstrip("(").startswith("SELECT") and bench.TABLE in statement:
            with psycopg.ClientCursor(connection.connection) as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
                ((plan,),) = cursor.fetchall()
            self.rows[statement] = _rows_read((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
        return execute(statement, parameters, many, context)


def _rows_read(node: dict[str, Any]) -> int:
    own = 0
    if node.get("Relation Name") == bench.TABLE and node["Node Type"] != "ModifyTable":
        passed_over = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        own = (node["Actual Rows"] + passed_over) * node["Actual Loops"]
    return int(own) + sum(_rows_read(child) for child in node.get("Plans", ()))


@pytest.fixture
def filled(monkeypatch: pytest.MonkeyPatch) -> tuple[Client, Client, str, dict[str, Any]]:
    """A browser, an API client, the address of the list, and the ids of what is in it."""
    monkeypatch.setattr(lists, "MOST", MOST)
    application = world.make_application("reads")
    rows: dict[str, Any] = {
        "application": application.pk,
        "destinations": [each.pk for each in world.make_destinations(application, 10)],
        "authorizations": [each.pk for each in world.make_authorizations(application, 50)],
    }
    with connection.cursor() as cursor:
        cursor.execute(bench.FILL.replace("{{}}", "{}"), {**rows, "first": 1, "last": ROWS})
        cursor.execute(f"ANALYZE {bench.TABLE}")
    key = issue_api_key(application=application, mode=Mode.TEST, kind=KeyKind.MANAGEMENT, by=SYSTEM).value
    base = f"/w/{application.workspace.slug}/a/{application.slug}/test/deliveries/"
    browser = client_of(application.workspace.memberships.get().user)
    return browser, Client(headers={"authorization": f"Bearer {key}"}), base, rows


def test_lists_of_deliveries_read_no_more_rows_than_they_count(
    filled: tuple[Client, Client, str, dict[str, Any]],
) -> None:
    browser, api, base, rows = filled
    one = Delivery.objects.filter(application=rows["application"]).order_by("created_at")[100]
    queries = [
        "", "state=FAILED", "state=HELD", "state=FAILED&state=HELD", "sort=state", "sort=created_at",
        "kind=live", "external_id=user-77", f"object_key={one.object_key}", f"sync_job_id={one.sync_job_id}",
        *(f"destination_id={each}" for each in (rows["destinations"][0], rows["destinations"][9])),
        f"destination_id={rows['destinations'][0]}&state=FAILED", f"authorization_id={rows['authorizations'][0]}",
        *(f"q={each}" for each in (
            one.pk, one.sync_job_id, rows["destinations"][0], rows["authorizations"][0], one.object_key, "user-77",
            "nobody", "00000000-0000-4000-8000-000000000000",
        )),
    ]  # fmt: skip
    reads, read = Reads(), {}
    with connection.execute_wrapper(reads):
        for query in queries:
            for client, path in ((browser, base), (api, "/api/v1/deliveries")):
                reads.rows.clear()
                answer = client.get(f"{path}?{query}")
                assert answer.status_code == 200, query
                read[f"{path}?{query}"] = max(reads.rows.values(), default=0)
                further = re.findall(r'rel="next" href="([^"]+)"', answer.content.decode())
                if further:
                    assert client.get(path + html.unescape(further[0])).status_code == 200
                    read[f"{path}?{query} second page"] = max(reads.rows.values(), default=0)
    assert len(read) > 2 * len(queries)
    assert {asked: count for asked, count in read.items() if count > ENOUGH} == {}


def test_sort_that_no_index_has_would_be_found(filled: tuple[Client, Client, str, dict[str, Any]]) -> None:
    _, api, _, _ = filled
    reads = Reads()
    with connection.execute_wrapper(reads):
        assert api.get("/api/v1/deliveries?sort=bytes").status_code == 200
    assert max(reads.rows.values()) == ROWS
