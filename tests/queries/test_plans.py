"""No query of the sync, claim, delivery, sweep and list paths reads a growing table from end to end."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.applications.keys import Mode
from apps.audit.events import SYSTEM
from apps.destinations.backlog import count_missing, progress_of
from apps.destinations.models import Delivery
from apps.destinations.services import (
    backfill_destination,
    deliver_next,
    replay_delivery,
    run_next_backfill_step,
)
from apps.records.selectors import find_view
from apps.syncs.services import request_sync
from apps.syncs.states import SyncCause
from apps.workers.sweeper import sweep
from apps.workspaces.models import Role
from tests.faces.conftest import _own_prefix, _quick  # noqa: F401  # the lists are walked as the faces are
from tests.faces.seed import seed
from tests.faces.test_mirrors import MIRRORED
from tests.factories import client_of
from tests.flows import world

from .plans import Plans, growing_tables, watched

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _sizes_unknown(transactional_db: None) -> None:
    """A table that is known to be empty, as earlier tests may leave one, is as good a place to begin as any."""
    tables = [f'"{table}"' for table in sorted(growing_tables())]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
        cursor.execute(f"TRUNCATE {', '.join(tables)}")


def test_sync_refresh_delivery_replay_and_sweep_go_by_indexes(
    payer_url: str, cloud_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    team = world.make_team()
    world.make_destination(team, cloud_url, bucket="plans")
    with watched(monkeypatch) as plans:
        authorization = world.link_member(team, "patient2@flexpa.com", payer_url=payer_url)
        assert world.sync(authorization).state == "COMPLETED"
        assert deliver_next()
        request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
        assert world.sync(authorization).state == "COMPLETED"
        deliver_next()
        delivered = Delivery.objects.filter(authorization=authorization, state="DELIVERED").latest("created_at")
        replay_delivery(delivery=delivered, by=SYSTEM, now=timezone.now())
        assert deliver_next()
        late = world.make_destination(team, cloud_url, bucket="plans-late", name="Late")
        assert count_missing(late, now=timezone.now()) == 1
        begun = backfill_destination(destination=late, by=SYSTEM, now=timezone.now())
        while run_next_backfill_step():
            pass
        assert deliver_next()
        begun.refresh_from_db()
        assert progress_of(begun).delivered == 1
        view = find_view(authorization)
        assert view is not None
        assert list(view.lines())
        sweep()
    assert len(plans.statements) > 100
    assert_none(plans)


def assert_none(plans: Plans) -> None:
    told = "\n\n".join(f"{table}: {each}" for table, found in plans.scans.items() for each in sorted(found))
    if told:
        pytest.fail(told, pytrace=False)


@pytest.mark.parametrize("path", sorted(MIRRORED))
def test_lists_and_their_filters_go_by_indexes(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = seed()
    client = client_of(faces.people[Role.OWNER])
    listed: Any = MIRRORED[path]
    queries = ["", *(f"?sort={sign}{name}" for name in listed.get_sort_columns().values() for sign in ("", "-"))]
    queries += [f"?{facet.parameter}={value}" for facet in listed.facets for value in list(facet.values)[:2]]
    queries += [f"?q={uuid.uuid4()}", "?q=nobody", "?created_after=2026-01-01T00:00:00Z"]
    with watched(monkeypatch) as plans:
        for query in queries:
            answer = client.get(f"{faces.base(Mode.TEST)}{path}/{query}")
            assert answer.status_code == 200, query
    assert plans.statements
    assert_none(plans)


def test_a_statement_without_an_index_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(monkeypatch) as plans, connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM destinations_delivery WHERE error_message = %s", ["x"])
        cursor.execute("SELECT 1 FROM destinations_delivery WHERE id = %s", [uuid.uuid4()])
        cursor.execute("SELECT count(*) FROM records_storedresource")
    assert set(plans.scans) == {"destinations_delivery", "records_storedresource"}
    assert set(plans.scans) <= growing_tables()
    assert isinstance(plans, Plans)
    assert len(plans.scans["destinations_delivery"]) == 1
