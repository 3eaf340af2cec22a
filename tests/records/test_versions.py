"""Any sequence of syncs against a naive model that keeps whole sets (rulings A4, D4)."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from django.db import connection
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apps.records.models import StoredResource
from apps.records.selectors import View
from apps.records.services import discard_staged

from .partitions import BASE, Filled, Key, Resource

pytestmark = pytest.mark.django_db
TYPES = ("Patient", "Observation", "Practitioner")
IDS = ("a", "b", "c")
TARGETS = tuple(f"{kind}/{each}" for kind in ("Observation", "Practitioner") for each in (*IDS, "never"))


@dataclass(frozen=True)
class Crawled:
    """What one sync gets of one type: pages, and whether the last one was reached."""

    pages: tuple[tuple[Resource, ...], ...]
    complete: bool


@dataclass(frozen=True)
class Sync:
    crawled: dict[str, Crawled]
    closes: bool


def resources(kind: str) -> st.SearchStrategy[Resource]:
    refs = st.lists(st.sampled_from(TARGETS), max_size=2, unique=True).map(tuple)
    return st.builds(
        Resource,
        type=st.just(kind),
        id=st.sampled_from(IDS),
        content=st.sampled_from(["1", "2"]),
        refs=refs if kind != "Patient" else st.just(()),
    )


def crawls(kind: str) -> st.SearchStrategy[Crawled]:
    page = st.lists(resources(kind), max_size=3).map(tuple)
    pages = st.lists(page, max_size=3).map(tuple)
    return st.builds(Crawled, pages=pages, complete=st.integers(0, 3).map(bool))


SYNCS = st.lists(
    st.builds(Sync, crawled=st.fixed_dictionaries({kind: crawls(kind) for kind in TYPES}),
              closes=st.integers(0, 5).map(bool)),
    min_size=1, max_size=5,
)  # fmt: skip
Visible = dict[Key, Resource]


def after(before: Visible, sync: Sync) -> Visible:
    """The whole model: what is shown stands; what a complete type no longer shows is gone."""
    now = dict(before)
    for kind, crawled in sync.crawled.items():
        shown = {(each.type, each.id): each for page in crawled.pages for each in page}
        if crawled.complete:
            now = {key: each for key, each in now.items() if key[0] != kind or key in shown}
        now |= shown
    return now


def expected(filled: Filled, visible: Visible) -> dict[Key, tuple[str, list[str]]]:
    """Shape: {(type, our id): (content, references as they must read)}."""
    found = {}
    for each in visible.values():
        refs = []
        for ref in each.refs:
            kind, _, source_id = ref.partition("/")
            here = (kind, source_id) in visible
            refs.append(f"{kind}/{filled.new_id(kind, source_id)}" if here else f"{BASE}/{ref}")
        found[each.type, filled.new_id(each.type, each.id)] = (each.content, refs)
    return found


def told(view: View) -> dict[Key, tuple[str, list[str]]]:
    found = {}
    for kind, fhir_id, line in view.lines():
        value = json.loads(line)
        assert (value["resourceType"], value["id"]) == (kind, fhir_id)
        assert (kind, fhir_id) not in found, "one version of each"
        assert view.line(kind, fhir_id) == line
        found[kind, fhir_id] = (
            value["note"][0]["text"], [each["reference"] for each in value.get("basedOn", [])]
        )  # fmt: skip
    return found


def places(filled: Filled) -> dict[Key, tuple[int, str]]:
    """Where each open version lies: its key and its tuple, which any rewrite would move."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT type, fhir_id, id, ctid::text FROM records_storedresource"
            " WHERE partition_id = %s AND last_seq IS NULL",
            [filled.partition.pk],
        )
        return {(row[0], row[1]): (row[2], row[3]) for row in cursor.fetchall()}


def check_intervals(filled: Filled) -> None:
    open_since: dict[Key, int] = {}
    rows = StoredResource.objects.filter(partition=filled.partition).order_by("first_seq")
    for kind, fhir_id, first, last in rows.values_list("type", "fhir_id", "first_seq", "last_seq"):
        assert open_since.get((kind, fhir_id), 0) < first, "versions of one resource overlap"
        assert first <= filled.seq
        open_since[kind, fhir_id] = last if last is not None else 2**31


def is_untouched(key: Key, sync: Sync, before: Visible, now: Visible) -> bool:
    """Nothing that the source showed, and nothing that it refers to, is another than before."""
    shown = [
        each for page in sync.crawled[key[0]].pages for each in page if each.id == key[1]
    ]  # fmt: skip
    refs = [(ref.partition("/")[0], ref.partition("/")[2]) for ref in now[key].refs]
    return all(each == before[key] for each in shown) and all((r in before) == (r in now) for r in refs)


@settings(max_examples=40, phases=[Phase.generate])  # shrinking over a database takes minutes
@given(SYNCS)
def test_every_sequence_shows_what_the_naive_model_shows(syncs: list[Sync]) -> None:
    filled = Filled.make()
    history: list[Visible] = [{}]
    for sync in syncs:
        before, lying = history[-1], places(filled)
        for crawled in sync.crawled.values():
            for page in crawled.pages:
                filled.stage(page)
        assert told(View(filled.partition.pk, filled.seq)) == expected(filled, before), "staged rows are seen"
        if not sync.closes:
            discard_staged(partition_id=filled.partition.pk, current_seq=filled.seq)
            filled.keys = set()
            assert places(filled) == lying
            continue
        closed = filled.close(*(kind for kind, crawled in sync.crawled.items() if crawled.complete))
        now = after(before, sync)
        history.append(now)
        counts: dict[str, int] = {}
        for kind, _ in now:
            counts[kind] = counts.get(kind, 0) + 1
        assert closed.counts == counts
        lies = places(filled)
        for key in before.keys() & now.keys():
            ours = (key[0], filled.new_id(*key))
            if is_untouched(key, sync, before, now):
                assert lies[ours] == lying[ours], "an unchanged resource was written"
        check_intervals(filled)
        for seq, visible in enumerate(history):
            assert told(View(filled.partition.pk, seq)) == expected(filled, visible), f"as of {seq}"
