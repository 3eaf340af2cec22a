"""Search goes by the keys of its index tables: one patient's rows among those of others, never a table from end to end.

The shapes are those of the design's measurements: by token, date, reference, several, with a total, sorted, by id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from apps.fhir.search.conditions import Asking
from apps.fhir.search.request import Search, read_search
from apps.records.models import CurrentResource, ReferenceIndex, StoredResource
from apps.records.searching import explain, find_lines, find_page
from apps.records.services.indexing import INDEXES
from tests.bench.charts import Chart, add_copies, synced_chart
from tests.bench.world import make_application

from .plans import watched

pytestmark = pytest.mark.django_db(transaction=True)
SCALE, OTHERS = 0.05, 12  # five hundred resources of each patient
TABLES = {model._meta.db_table for model in (CurrentResource, StoredResource, *INDEXES)}
SHAPES = {
    "token": "code=http://loinc.org|123-1",
    "any system": "code=123-1",
    "date range": "date=ge2015-01-01&date=lt2016-01-01",
    "reference": "performer=Practitioner/{practitioner}",
    "token and date": "category=http://terminology.hl7.org/category|exam&date=ge2015-01-01",
    "total": "category=exam&_total=accurate",
    "quantity": "value-quantity=gt100",
    "code and quantity": "code-value-quantity=http://loinc.org|123-1$gt1",
    "sorted by date": "_sort=-date",
    "by id": "_id={observation}",
    "late page": "_offset=100",
    "references to the patient": "subject=Patient/{patient}&_count=1000",
    "without a specimen": "specimen:missing=true",
    "other than a code": "code:not=123-1",
    "chained": "performer:Practitioner.name=doc",
    "referred to": "_has:Provenance:target:agent=Practitioner/{practitioner}",
}


@pytest.fixture
def chart() -> Chart:
    made = synced_chart(make_application("plans"), scale=SCALE)
    add_copies(made, OTHERS)
    assert StoredResource.objects.count() > 6_000
    return made


def searches(chart: Chart) -> dict[str, Search]:
    own = CurrentResource.objects.filter(partition=chart.partition_id)
    names = {
        "practitioner": ReferenceIndex.objects.filter(partition=chart.partition_id, target_type="Practitioner")[
            0
        ].target,
        "observation": own.filter(type="Observation")[0].fhir_id,
        "patient": str(chart.authorization.destination_patient_id),
    }
    asking = Asking(now=0, base_url="http://localhost/fhir")
    found = {}
    for shape, query in SHAPES.items():
        pairs = [(name, value) for name, _, value in (each.partition("=") for each in query.format(**names).split("&"))]
        found[shape] = read_search("Observation", pairs, asking=asking, patient_id=names["patient"], is_strict=True)
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def read_whole(chart: Chart) -> list[tuple[str, str]]:
    return [
        (shape, each["Relation Name"])
        for shape, search in searches(chart).items()
        for each in nodes(explain([chart.partition_id], search)[0]["Plan"])
        if each["Node Type"] == "Seq Scan" and each["Relation Name"] in TABLES
    ]


def test_the_planner_itself_reads_no_table_from_end_to_end(chart: Chart) -> None:
    assert read_whole(chart) == []


def test_a_plan_that_does_would_be_found(chart: Chart) -> None:
    with connection.cursor() as cursor:
        for way in ("indexscan", "indexonlyscan", "bitmapscan"):
            cursor.execute(f"SET enable_{way} = off")
    assert {shape for shape, _ in read_whole(chart)} == set(SHAPES)
    connection.close()


def test_every_scan_names_the_partition(chart: Chart) -> None:
    """An index whose first column is not bound would be read from end to end too."""
    unbound = [
        (shape, each.get("Index Name"), each.get("Index Cond"))
        for shape, search in searches(chart).items()
        for each in nodes(explain([chart.partition_id], search)[0]["Plan"])
        if "Index Name" in each and "partition_id = " not in each.get("Index Cond", "")
    ]
    assert unbound == []


def test_pages_totals_and_lines_have_an_index_each(chart: Chart, monkeypatch: pytest.MonkeyPatch) -> None:
    """With sequential scans forbidden none is left, in what `explain` does not show either."""
    asked = searches(chart)
    with watched(monkeypatch) as plans:
        found = {shape: find_page([chart.partition_id], search).resource_ids for shape, search in asked.items()}
        assert len(find_lines([chart.partition_id], found["token"])) == len(found["token"])
    assert {shape for shape, ids in found.items() if not ids} == {"referred to"}
    assert len(plans.statements) >= len(SHAPES)  # two differ in values only, and one reads lines
    assert plans.scans == {}


def test_a_search_that_is_asked_often_is_planned_for_its_own_values(chart: Chart) -> None:
    search = searches(chart)["date range"]
    for _ in range(8):
        find_page([chart.partition_id], search)
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE %s", ["%records_dateindex%"])
        assert cursor.fetchall() == []
