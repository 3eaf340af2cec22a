"""Purge leaves nothing; pruning takes only what ended before its day."""

from __future__ import annotations

import datetime as dt

import pytest
from django.apps import apps
from django.db import connection

from apps.records.models import Partition, StoredResource
from apps.records.selectors import View
from apps.records.services import prune_versions, purge_partition
from tests import factories

from .partitions import Filled, Resource

pytestmark = pytest.mark.django_db
URN = "urn:uuid:0b0a1f9e-0000-4000-8000-000000000001"


# A value of each kind that the search index keeps.
FOUND_BY: dict[str, object] = {
    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic"}]},
    "effectiveDateTime": "2026-11-21",
    "valueQuantity": {"value": 120, "unit": "mmHg"},
    "subject": {"reference": "Patient/me"},
}


def fill(seqs: int = 3) -> Filled:
    filled = Filled.make()
    doctor = Resource("Practitioner", "p1")
    for seq in range(seqs):
        refs = ("Practitioner/p1", URN)
        seen = Resource("Observation", "o1", content=str(seq), refs=refs, more=FOUND_BY)
        filled.stage([Resource("Patient", "me"), seen])
        filled.stage([doctor], {URN: doctor})
        filled.close("Patient", "Observation", "Practitioner")
    return filled


def rows_of(partition_id: int) -> dict[str, int]:
    """Count what each table of the app keeps of a partition: found by its columns, so no new table is forgotten."""
    found = {}
    for model in apps.get_app_config("records").get_models():
        column = "id" if model is Partition else "partition_id"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {model._meta.db_table} WHERE {column} = %s", [partition_id])
            found[model.__name__] = cursor.fetchone()[0]
    return found


def test_purge_leaves_no_row_in_any_table_and_others_whole() -> None:
    filled, other = fill(), fill()
    before = rows_of(other.partition.pk)
    assert all(rows_of(filled.partition.pk).values()), "every table has something to lose"
    filled.stage([Resource("Observation", "staged", refs=("Practitioner/p2",))])
    assert purge_partition(authorization_id=filled.partition.authorization_id) == 6
    assert set(rows_of(filled.partition.pk).values()) == {0}
    assert rows_of(other.partition.pk) == before
    assert purge_partition(authorization_id=filled.partition.authorization_id) == 0


def test_prune_takes_superseded_versions_after_their_day_and_no_current_one() -> None:
    filled = fill(seqs=4)
    current = dict(enumerate(View(filled.partition.pk, 4).lines()))
    ended = StoredResource.objects.filter(partition=filled.partition, ended_at__isnull=False)
    assert ended.count() == 3
    assert prune_versions(before=factories.NOW) == 0
    assert prune_versions(before=factories.NOW + dt.timedelta(seconds=1), limit=2) == 2
    assert prune_versions(before=factories.NOW + dt.timedelta(seconds=1)) == 1
    assert dict(enumerate(View(filled.partition.pk, 4).lines())) == current
