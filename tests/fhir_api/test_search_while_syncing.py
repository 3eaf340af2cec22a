"""A search that runs through a refresh sees the old set or the new one, whole."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from apps.fhir.search.conditions import Asking
from apps.fhir.search.request import Search, read_search
from apps.records.searching import find_lines, find_page
from tests.records.partitions import Filled, Resource

pytestmark = pytest.mark.django_db(transaction=True)
SYNCS, SIZE = 12, 40


def ask(*parameters: tuple[str, str]) -> Search:
    return read_search(
        "Observation", [*parameters, ("_count", "1000")], asking=Asking(0, "http://a"), patient_id="p", is_strict=True
    )


def generation(seq: int) -> list[Resource]:
    """All of a sync's resources say of which sync they are, and that there are as many in each."""
    code = {"code": {"coding": [{"code": f"g{seq}"}]}, "status": "final"}
    return [Resource("Observation", f"{seq % 3}-{number}", more=code) for number in range(SIZE)]


def sync(filled: Filled, seq: int) -> None:
    filled.stage(generation(seq))
    with transaction.atomic():
        filled.close("Observation")


@pytest.mark.parametrize("asked", [(), (("status", "final"),), (("_sort", "-code"), ("status:not", "draft"))])
def test_no_search_sees_two_syncs_or_half_of_one(asked: tuple[tuple[str, str], ...]) -> None:
    filled, search = Filled.make(), ask(*asked)
    sync(filled, 1)
    stop, faults, seen = threading.Event(), [], 0

    def read() -> None:
        nonlocal seen
        try:
            while not stop.is_set():
                page = find_page([filled.partition.pk], search)
                lines = find_lines([filled.partition.pk], page.resource_ids)
                codes = {line.line.partition(b'"code":"g')[2].partition(b'"')[0] for line in lines}
                if len(codes) != 1 or len(lines) != SIZE:
                    faults.append((codes, len(lines)))
                seen += 1
        finally:
            connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for seq in range(2, SYNCS):
            sync(filled, seq)
    finally:
        stop.set()
        reader.join()
    assert (faults, seen > SYNCS) == ([], True)
