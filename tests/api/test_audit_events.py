"""The audit trail by API: the same list as the portal's page, and the directory's as the console's."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from apps.applications.models import SyncFrequency
from apps.applications.services import update_application
from apps.audit.events import SYSTEM, Actor, ActorKind, Place
from apps.audit.models import AuditEvent
from apps.audit.services import record_event
from apps.directory.models import Endpoint
from apps.workspaces.models import Role, User

from .conftest import World

REQUEST = str(uuid.uuid4())


@pytest.fixture
def eventful(world: World) -> World:
    """Sixty events of several actors and subjects, some of the whole application, some of elsewhere."""
    care = world.care
    for number in range(60):
        kind = (ActorKind.PERSON, ActorKind.KEY, ActorKind.SUPPORT)[number % 3]
        record_event(
            action=("delivery.retried", "api_key.rolled", "record.viewed")[number % 3],
            by=Actor(kind=kind, id=f"a-{number % 2}", label="dev@example.org", ip="192.0.2.9", request_id=REQUEST),
            place=Place(
                workspace_id=str(world.workspace.pk), application_id=str(care.application.pk),
                mode=("test", "live", "")[number % 4 % 3],
            ),
            target_type="delivery", target_id=str(care.delivery.pk), detail={"count": number},
        )  # fmt: skip
    return world


def page(world: World, query: dict[str, Any]) -> tuple[int, list[int]]:
    session = world.care.session(world.people[Role.VIEWER])
    path = session.base.removesuffix("api/v1/") + "audit/"
    text = session.client.get(path, query).content.decode()
    counted = re.search(r"\d+–\d+ of (\d+)", text)
    return int(counted[1]) if counted else 0, [int(pk) for pk in re.findall(r'<th scope="row".*?/audit/(\d+)/', text)]


QUERIES: list[dict[str, Any]] = [
    {},
    {"actor_kind": "key"},
    {"actor_kind": ["key", "person"]},
    {"actor_id": "a-1"},
    {"subject": "delivery"},
    {"subject": ["api_key", "record"]},
    {"action": "record.viewed"},
    {"target_type": "delivery"},
    {"target_id": "{delivery}"},
    {"request_id": REQUEST},
    {"created_after": "2026-01-01T00:00:00Z"},
    {"created_before": "2026-01-01T00:00:00Z"},
    {"q": REQUEST},
    {"q": "192.0.2.9"},
    {"q": "nobody"},
    {"q": "{delivery}"},
    {"sort": "created_at"},
    {"sort": "-created_at", "subject": "record"},
]


def test_page_and_api_show_the_same_events_in_the_same_order(eventful: World) -> None:
    values = {"{delivery}": str(eventful.care.delivery.pk)}
    sizes = set()
    for query in QUERIES:
        asked = {name: values.get(value, value) if isinstance(value, str) else value for name, value in query.items()}
        rows = [row["id"] for row in eventful.care.api().get("audit-events", {**asked, "limit": 200}).json()["data"]]
        assert page(eventful, asked) == (len(rows), rows[:25]), query
        sizes.add(len(rows))
    assert len(sizes) > 4


def test_events_of_the_application_as_a_whole_are_listed_in_both_modes(world: World) -> None:
    update_application(
        application=world.care.application, name="Renamed", sync_frequency=SyncFrequency.WEEKLY, by=SYSTEM
    )
    event = AuditEvent.objects.latest("pk")
    assert event.mode == ""
    for scope in (world.care, world.care_live):
        assert scope.api().get(f"audit-events/{event.pk}").json()["action"] == "application.changed"
    assert world.other.api().get(f"audit-events/{event.pk}").status_code == 404


def test_pages_of_events_hold_each_once_however_they_are_sorted(eventful: World) -> None:
    for sort in ("created_at", "-created_at"):
        ids: list[int] = []
        query: dict[str, Any] = {"sort": sort, "limit": 7}
        while True:
            body = eventful.care.api().get("audit-events", query).json()
            ids += [row["id"] for row in body["data"]]
            if not body["has_more"]:
                break
            query["cursor"] = body["next_cursor"]
        assert ids == sorted(set(ids), reverse=sort.startswith("-"))
        assert len(ids) == page(eventful, {})[0]


def test_an_event_says_whether_it_is_sealed(world: World) -> None:
    event = AuditEvent.objects.filter(application_id=str(world.care.application.pk), mode="test").latest("pk")
    assert world.care.api().get(f"audit-events/{event.pk}").json()["seal_number"] is None
    AuditEvent.objects.filter(pk=event.pk).update(seal_number=3)
    assert world.care.api().get(f"audit-events/{event.pk}").json()["seal_number"] == 3


def test_filters_that_nobody_knows_are_refused_by_both(world: World) -> None:
    session = world.care.session(world.people[Role.OWNER])
    for query in ({"actor_kind": "robot"}, {"subject": "weather"}, {"detail": "1"}, {"sort": "ip"}):
        assert world.care.api().get("audit-events", query).status_code == 400, query
        for path in ("audit/", "audit/export.csv"):
            answer = session.client.get(session.base.removesuffix("api/v1/") + path, query)
            assert answer.status_code == 400, (path, query)


# -- the directory ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("status", ["", "CONNECTED", "BROKEN"])
def test_endpoints_of_the_api_are_those_of_the_console(status: str, world: World, settings: Settings) -> None:
    settings.REQUIRE_SUPPORT_2FA = False
    for number in range(30):
        Endpoint.objects.create(
            mode="test", name=f"payer-{number:02}", label=[f"Payer {number}"], client_id="relay",
            fhir_base="https://payer.example.org/fhir", status="BROKEN" if number % 7 == 0 else "CONNECTED",
        )  # fmt: skip
    staff = Client()
    staff.force_login(User.objects.create_user("staff@example.org", is_staff=True))
    query = {"mode__exact": "test", **({"status__exact": status} if status else {})}
    text = staff.get("/support/endpoints/", query).content.decode()
    counted = re.search(r"\d+–\d+ of (\d+)", text)
    rows = world.care.api().get("endpoints", {"limit": 200, **({"status": status} if status else {})}).json()["data"]
    assert counted is not None
    assert int(counted[1]) == len(rows)
    assert re.findall(r'<th scope="row".*?/endpoints/([0-9a-f-]{36})/', text) == [row["id"] for row in rows[:25]]
