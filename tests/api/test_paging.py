"""Pages: their union is the set, whatever the limit, whatever arrives in between."""

from __future__ import annotations

import datetime as dt

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.destinations.models import Delivery

from .conftest import NOW, World, make_delivery

# Few instants for many rows: ties in `created_at` are what breaks a cursor.
MINUTES = st.integers(0, 3)


def set_created(delivery: Delivery, minute: int) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(created_at=NOW + dt.timedelta(minutes=minute))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=st.lists(MINUTES, max_size=9),
    arriving=st.lists(MINUTES, max_size=4),
    limit=st.integers(1, 5),
)
def test_the_union_of_pages_is_the_set_without_doubles(
    world: World, there: list[int], arriving: list[int], limit: int
) -> None:
    care = world.care
    Delivery.objects.filter(application=care.application, mode="test").delete()
    for minute in there:
        set_created(make_delivery(care.destination, care.authorization, care.sync_job, kind="replay"), minute)
    own = Delivery.objects.filter(application=care.application, mode="test")
    expected = sorted(own.values_list("created_at", "id"), key=lambda row: (-row[0].timestamp(), row[1]))
    wanted = [str(identifier) for _, identifier in expected]
    seen: list[str] = []
    query: dict[str, str] = {"limit": str(limit)}
    api = care.api()
    while True:
        page = api.get("deliveries", query).json()
        assert len(page["data"]) <= limit
        assert page["has_more"] == (page["next_cursor"] is not None)
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
        if arriving:
            late = make_delivery(care.destination, care.authorization, care.sync_job, kind="replay")
            set_created(late, arriving.pop())
    assert len(seen) == len(set(seen))
    assert [identifier for identifier in seen if identifier in set(wanted)] == wanted


def test_fifty_are_shown_unless_told(world: World) -> None:
    care = world.care
    for _ in range(50):
        make_delivery(care.destination, care.authorization, care.sync_job, kind="replay")
    page = care.api().get("deliveries").json()
    assert (len(page["data"]), page["has_more"]) == (50, True)
    assert len(care.api().get("deliveries", {"limit": "200"}).json()["data"]) == 51


def test_a_cursor_of_another_scope_opens_nothing(world: World) -> None:
    make_delivery(world.care.destination, world.care.authorization, world.care.sync_job, kind="replay")
    cursor = world.care.api().get("deliveries", {"limit": "1"}).json()["next_cursor"]
    rows = world.other.api().get("deliveries", {"cursor": cursor}).json()["data"]
    assert {row["id"] for row in rows} <= {str(world.other.delivery.pk)}


def test_every_list_pages_to_its_end_by_ones(world: World) -> None:
    for name in ("keys", "endpoints", "destinations", "authorizations", "sync-jobs", "audit-events"):
        api = world.care.api()
        whole = [row["id"] for row in api.get(name).json()["data"]]
        seen, query = [], {"limit": "1"}
        while True:
            page = api.get(name, query).json()
            seen += [row["id"] for row in page["data"]]
            if not page["has_more"]:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == whole, name
