"""A patient of 10,000 resources as a sync leaves it, searchable, and as many like it as are asked for.

Owns making copies by SQL: other patients with every row by which they are found, but short lines; one patient with
many times the resources. Refuses to measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone

from apps.applications.models import Application
from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.services import issue_tokens
from apps.records.models import CurrentResource, Partition, StoredResource
from apps.records.services.indexing import INDEXES
from apps.records.services.staging import open_partition

from . import world
from .ingest import pages_of, sync
from .shapes import synthetic_patient
from .source import SOURCE_PATIENT

FILLER = b'{"resourceType":"Basic","text":"%s"}' % (b"x" * 150)  # a copy's line: never read, only passed by
STEP = 1_000_000  # between the numbers of a resource and of its next copy


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient's records and a token that reads them."""

    authorization: PatientAuthorization
    partition_id: int
    token: str


def synced_chart(application: Application, *, scale: float = 1.0) -> Chart:
    """Take 10,000 resources, times `scale`, through pipeline, closing and indexing."""
    (authorization,) = world.make_authorizations(application, 1, seq=0)
    base = authorization.endpoint.fhir_base
    sync(authorization, pages_of(synthetic_patient(SOURCE_PATIENT, base=base, scale=scale)))
    analyze()
    return _opened(authorization)


def large_chart(chart: Chart, times: int) -> Chart:
    """Make a patient who has every resource of the other so many times; nothing of it is indexed."""
    (authorization,) = world.make_authorizations(chart.authorization.application, 1)
    own = {"partition_id": "k.partition", "fhir_id": "fhir_id || '-' || k.number", "id": f"id + k.number * {STEP}"}
    partitions = [open_partition(authorization).pk] * times
    _insert(StoredResource, chart, partitions, own, first=1000)
    return _opened(authorization)


def add_copies(chart: Chart, count: int) -> None:
    """Make so many other patients of the same size, found by the same values."""
    made = world.make_authorizations(chart.authorization.application, count)
    partitions = list(
        Partition.objects.filter(authorization__in=[each.pk for each in made]).values_list("pk", flat=True)
    )
    moved = f"CASE resource_id WHEN 0 THEN 0 ELSE resource_id + k.number * {STEP} END"
    for model in (CurrentResource, *INDEXES):
        _insert(model, chart, partitions, {"partition_id": "k.partition", "resource_id": moved})
    own = {"partition_id": "k.partition", "id": f"id + k.number * {STEP}", "line": "%(filler)s"}
    _insert(StoredResource, chart, partitions, own)
    analyze()


def analyze() -> None:
    with connection.cursor() as cursor:
        for model in (StoredResource, CurrentResource, *INDEXES):
            cursor.execute(f"VACUUM (ANALYZE) {model._meta.db_table}")  # as the server does by itself


def _insert(model: type[Any], chart: Chart, partitions: Sequence[int], own: dict[str, str], *, first: int = 1) -> None:
    """Copy the rows of a chart into each of the partitions; `own` are the columns that are not copied as they are.

    One partition after the other, each in the order of its key: an index grows at its end.
    """
    columns = [field.column for field in model._meta.concrete_fields]
    key = [field.column for field in model._meta.pk_fields]
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({_listed(columns)})"
            f" SELECT {', '.join(own.get(column, _listed([column])) for column in columns)}"
            f" FROM unnest(%(partitions)s::bigint[]) WITH ORDINALITY AS of(partition, position)"
            f" CROSS JOIN LATERAL (SELECT of.partition, of.position + %(first)s AS number) k"
            f" CROSS JOIN LATERAL (SELECT * FROM {model._meta.db_table} WHERE partition_id = %(source)s"
            f" ORDER BY {_listed(key)}) rows",
            {"partitions": list(partitions), "first": first, "source": chart.partition_id, "filler": FILLER},
        )


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)


def _opened(authorization: PatientAuthorization) -> Chart:
    issued = issue_tokens(consent=authorization.consent, by=SYSTEM, now=timezone.now())
    return Chart(authorization, Partition.objects.get(authorization=authorization).pk, issued.access_token)
