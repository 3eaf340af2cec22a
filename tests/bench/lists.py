"""Pages of the portal's list and of `/api/v1/deliveries` over ten thousand and over a million deliveries.

Rows come by SQL, their indexes after them. Requests go through the whole of Django, in this process.
"""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import override_settings

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import Application
from apps.applications.services import issue_api_key
from apps.audit.events import SYSTEM
from apps.destinations.models import Delivery
from tests.factories import client_of

from . import world
from .timing import Figure, quantile

FEW, MANY = 10_000, 1_000_000
REQUESTS = 40
TABLE = Delivery._meta.db_table
FILL = f"""
INSERT INTO {TABLE} (id, application_id, mode, destination_id, authorization_id, sync_job_id, seq, kind, state, reason,
    external_id, object_key, bytes, resources, sha256, resource_counts, gaps, plan, parts, delivered_at,
    next_attempt_at, created_at, attempts, crashes, error_code, error_message, error_owner)
SELECT gen_random_uuid(), %(application)s, 'test',
    (%(destinations)s::uuid[])[CASE WHEN n %% 1000 = 0 THEN 10 ELSE 1 + n %% 9 END],
    (%(authorizations)s::uuid[])[1 + n %% 50], gen_random_uuid(), 1, 'live',
    CASE WHEN n %% 100 = 0 THEN 'FAILED' ELSE 'DELIVERED' END, '', 'user-' || n %% 5000, 'flexpa/' || gen_random_uuid(),
    20000, 12, repeat('ab', 32), '{{}}', '[]', '{{}}', '[]', now(),
    now(), now() - n * interval '1 second', 1, 0, '', '', ''
FROM generate_series(%(first)s::int, %(last)s::int) n
"""


def measure() -> Iterator[Figure]:
    """Yield p95 of each page at both sizes, and their ratio."""
    application = world.make_application("lists")
    rows: dict[str, Any] = {
        "application": application.pk,
        "destinations": [each.pk for each in world.make_destinations(application, 10)],
        "authorizations": [each.pk for each in world.make_authorizations(application, 50)],
    }
    storage = {**settings.STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    with override_settings(STORAGES=storage, ALLOWED_HOSTS=["testserver"], SECURE_SSL_REDIRECT=False):
        fill(rows, 1, FEW)
        few = timed(pages(application, rows))
        fill(rows, FEW + 1, MANY)
        many = timed(pages(application, rows))
    for name, small in few.items():
        large = many[name]
        p50, p95 = (
            f"{quantile(small, share) * 1e3:.0f} -> {quantile(large, share) * 1e3:.0f}" for share in (0.5, 0.95)
        )
        ratio = quantile(large, 0.95) / quantile(small, 0.95)
        yield Figure(f"{name}: p95 at 1,000,000 / at 10,000", f"{ratio:.2f} (p95 {p95} ms, p50 {p50} ms)", "2 at most")


def pages(application: Application, rows: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    """Return the requests: the portal's list and the API's, whole and filtered, and their next pages."""
    owner = application.workspace.memberships.get().user
    browser = client_of(owner)
    key = issue_api_key(application=application, mode=Mode.TEST, kind=KeyKind.MANAGEMENT, by=SYSTEM).value
    api = Client(headers={"authorization": f"Bearer {key}"})
    base = f"/w/{application.workspace.slug}/a/{application.slug}/test/deliveries/"
    some = Delivery.objects.filter(application=application).order_by("created_at")[5]
    cursor = json.loads(api.get("/api/v1/deliveries").content)["next_cursor"]
    (next_page,) = re.findall(r'rel="next" href="([^"]+)"', browser.get(base).content.decode())
    wanted = {
        "portal, first page": (browser, base),
        "portal, second page": (browser, base + html.unescape(next_page)),
        "portal, by state": (browser, f"{base}?state=FAILED"),
        "portal, by destination": (browser, f"{base}?destination_id={rows['destinations'][0]}"),
        "portal, by a destination with few": (browser, f"{base}?destination_id={rows['destinations'][9]}"),
        "portal, search by id": (browser, f"{base}?q={some.pk}"),
        "portal, search by a destination's id": (browser, f"{base}?q={rows['destinations'][0]}"),
        "portal, search by an authorization's id": (browser, f"{base}?q={rows['authorizations'][0]}"),
        "portal, search for nobody": (browser, f"{base}?q=nobody"),
        "portal, search by object key": (browser, f"{base}?q={some.object_key}"),
        "portal, search by user": (browser, f"{base}?q=user-77"),
        "API, first page": (api, "/api/v1/deliveries"),
        "API, second page": (api, f"/api/v1/deliveries?cursor={cursor}"),
        "API, by state": (api, "/api/v1/deliveries?state=FAILED"),
        "API, by state that none has": (api, "/api/v1/deliveries?state=HELD"),
        "API, by destination": (api, f"/api/v1/deliveries?destination_id={rows['destinations'][0]}"),
        "API, by a destination with few": (api, f"/api/v1/deliveries?destination_id={rows['destinations'][9]}"),
        "API, by user": (api, "/api/v1/deliveries?external_id=user-77"),
        "API, by object key": (api, f"/api/v1/deliveries?object_key={some.object_key}"),
        "API, one by id": (api, f"/api/v1/deliveries/{some.pk}"),
    }
    return {name: _asking(*request) for name, request in wanted.items()}


def _asking(client: Client, url: str) -> Callable[[], Any]:
    def ask() -> None:
        answer = client.get(url)
        assert answer.status_code == 200, f"{url}: {answer.status_code}"

    return ask


def timed(asked: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Ask each page some times, in turn, so that a slow moment of the machine meets all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for ask in asked.values():
        ask()
    for _ in range(REQUESTS):
        for name, ask in asked.items():
            began = time.perf_counter()
            ask()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def fill(rows: dict[str, Any], first: int, last: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        with _without_indexes():
            cursor.execute(FILL.replace("{{}}", "{}"), {**rows, "first": first, "last": last})
        cursor.execute(f"VACUUM (ANALYZE) {TABLE}")  # as the server does by itself, only now and not in the middle


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Take indexes and foreign keys away while a million rows come in, and make the indexes again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
            " LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid"
            " WHERE i.indrelid = %s::regclass AND c.oid IS NULL",
            [TABLE],
        )
        indexes = cursor.fetchall()
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'f'", [TABLE]
        )  # fmt: skip
        for (name,) in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {TABLE} DROP CONSTRAINT "{name}"')
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        yield
        for _, made_by in indexes:
            cursor.execute(made_by)
