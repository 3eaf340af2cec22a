"""What the kept pages of a finished crawl say: what was broken, what is short of its total, what may not be ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db import connection
from django.db.models import Max, Sum

from apps.fhir.resource_types import SUPPORTED_TYPES

from ..models import SyncJob


def count_rejected(job: SyncJob) -> list[dict[str, object]]:
    """Count the resources that could not be read. Shape: {type, code, count} each."""
    counted: Counter[tuple[str, str]] = Counter()
    for rows in job.pages.values_list("rejected", flat=True):
        counted.update((kind, code) for kind, code, _ in rows)
    return [{"type": kind, "code": code, "count": n} for (kind, code), n in sorted(counted.items())]


def measure_progress(job: SyncJob) -> tuple[int, int]:
    """Return (pages of searches, distinct resources shown): a step that moves neither has brought nothing.

    Pages of what is fetched by id do not count by themselves: ids that the source does not have are asked for
    again in every step.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT id) FILTER (WHERE is_search), count(DISTINCT key)
            FROM syncs_crawledpage LEFT JOIN LATERAL unnest(keys) AS key ON true
            WHERE sync_job_id = %s
            """,
            [job.pk],
        )
        searches, shown = cursor.fetchone()
        return searches, shown


def types_with_nameless(job: SyncJob) -> set[str]:
    """Return the types that showed a broken resource whose id could not be read: any of theirs may be that one."""
    found: set[str] = set()
    for page_type, rows in job.pages.values_list("type", "rejected"):
        for claimed, _, key in rows:
            if not key:
                found |= {page_type, claimed}
    return found


def short_types(job: SyncJob, among: Iterable[str]) -> list[dict[str, object]]:
    """Name the types whose pages held fewer entries than the source announced: their pages ended too early.

    Source: FHIR R4 Bundle.total is "the total number of matches", over all pages.
    """
    pages = job.pages.filter(type__in=list(among)).values("type").order_by("type")
    summed = pages.annotate(announced=Max("total"), shown=Sum("entries"), last=Max("number"))
    return [
        {
            "type": each["type"],
            "reason": "short",
            "code": "fewer-than-total",
            "message": f"The source announced {each['announced']} and showed {each['shown']}.",
            "page": each["last"],
        }
        for each in summed
        if each["announced"] is not None and each["announced"] > each["shown"]
    ]


def types_not_offered(visible: Iterable[str], asked: Iterable[str]) -> list[dict[str, object]]:
    """Name the types that are carried because the source's CapabilityStatement does not name them any more."""
    return [
        {
            "type": kind,
            "reason": "not-offered",
            "code": "not-offered",
            "message": "The source does not offer this type any more; what it showed before is carried.",
            "page": 0,
        }
        for kind in sorted(set(visible) & set(SUPPORTED_TYPES) - set(asked))
    ]
