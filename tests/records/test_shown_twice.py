"""A resource that a source shows twice in one crawl, in two wordings: the later one stands, and stands still."""

from __future__ import annotations

import pytest

from apps.records.models import StoredResource

from .partitions import Filled, Resource

pytestmark = pytest.mark.django_db
READ = Resource("Patient", "p1", "as read by id")
FOUND = Resource("Patient", "p1", "as found by search")


def rows(filled: Filled) -> list[tuple[object, ...]]:
    kept = StoredResource.objects.filter(partition=filled.partition).order_by("pk")
    return [(pk, first, last, bytes(line)) for pk, first, last, line in
            kept.values_list("pk", "first_seq", "last_seq", "line")]  # fmt: skip


def crawl(filled: Filled, *pages: list[Resource]) -> int:
    """Stage the pages, close the sequence; return how many rows were written."""
    written = sum(filled.stage(page) for page in pages)
    filled.close("Patient")
    return written


def test_resource_shown_twice_the_same_way_again_keeps_its_version() -> None:
    filled = Filled.make()
    crawl(filled, [READ], [FOUND])
    before = rows(filled)
    crawl(filled, [READ], [FOUND])
    assert rows(filled) == before
    assert [each[1:3] for each in before] == [(1, None)]


def test_last_wording_of_a_crawl_stands_however_often_it_changes() -> None:
    filled = Filled.make()
    crawl(filled, [READ], [FOUND], [READ])
    crawl(filled, [FOUND], [READ], [FOUND])
    lines = [bytes(each.line) for each in StoredResource.objects.filter(partition=filled.partition, last_seq=None)]
    assert len(lines) == 1
    assert b"as found by search" in lines[0]
    assert [each[1:3] for each in rows(filled)] == [(1, 1), (2, None)]
