"""Reads for the console's first page: how the machinery runs, and what waits for a person.

Names teams and their destinations; refuses users, object keys and anything of the records.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from django_q.status import Stat

from apps.applications.models import LiveAccessRequest
from apps.audit.selectors import oldest_unsealed_at
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.states import ACTIVE
from apps.destinations.models import Delivery, Destination
from apps.destinations.states import CLAIMABLE, DeliveryState, DestinationState
from apps.directory.models import Endpoint, EndpointStatus
from apps.mails.models import Mail
from apps.mails.states import CLAIMABLE as CLAIMABLE_MAILS
from apps.mails.states import MailState
from apps.outbox.models import OutboxRow
from apps.syncs.models import SyncJob
from apps.syncs.states import SyncState

RECENT = dt.timedelta(days=7)
MOST_SHOWN = 20
# A lane whose oldest due row has waited this long has nobody who works on it.
LATE = dt.timedelta(minutes=5)
SEALER_LATE = dt.timedelta(minutes=5)
SWEEPER_LATE = dt.timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Lane:
    """One kind of work. `lost` counts leases that ran out and that nobody has taken back; `stuck` adds what is late."""

    name: str
    due: int
    oldest_due: dt.datetime | None
    later: int
    running: int
    lost: int
    stuck: int
    failed: int
    page: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A cluster of worker processes, by its own last word."""

    name: str
    host: str
    state: str
    seen_at: dt.datetime
    processes: int
    hints: int


def list_lanes(*, now: dt.datetime) -> list[Lane]:
    """Count what waits, runs and failed within a week, lane by lane."""
    syncs = SyncJob.objects.all()
    deliveries = Delivery.objects.filter(~Q(state__in=CLAIMABLE) | Q(destination__state=DestinationState.ENABLED))
    return [
        _lane("Syncs", syncs, (SyncState.WAITING,), SyncState.ACTIVE, SyncState.FAILED, now, "syncs_syncjob"),
        _lane(
            "Deliveries",
            deliveries,
            CLAIMABLE,
            DeliveryState.RUNNING,
            DeliveryState.FAILED,
            now,
            "destinations_delivery",
        ),
        _lane("Mails", Mail.objects.all(), CLAIMABLE_MAILS, MailState.RUNNING, MailState.FAILED, now, "mails_mail"),
    ]


def _lane(
    name: str,
    rows: QuerySet[OutboxRow],
    waiting: Iterable[str],
    running: str,
    failed: str,
    now: dt.datetime,
    page: str,
) -> Lane:
    waits, lost = Q(state__in=list(waiting)), Q(state=running, lease_until__lte=Now())
    told = rows.filter(waits | Q(state=running) | Q(state=failed, created_at__gte=now - RECENT)).aggregate(
        due=Count("pk", filter=waits & Q(next_attempt_at__lte=Now())),
        oldest_due=Min("next_attempt_at", filter=waits & Q(next_attempt_at__lte=Now())),
        later=Count("pk", filter=waits & Q(next_attempt_at__gt=Now())),
        running=Count("pk", filter=Q(state=running, lease_until__gt=Now())),
        lost=Count("pk", filter=lost),
        stuck=Count("pk", filter=lost | waits & Q(next_attempt_at__lte=Now() - LATE)),
        failed=Count("pk", filter=Q(state=failed)),
    )
    return Lane(name=name, page=page, **told)


def list_workers() -> list[Worker]:
    """Return the clusters that report to this machine's queue."""
    return [
        Worker(
            name=str(stat.cluster_id)[:8],
            host=str(stat.host),
            state=str(stat.status).lower(),
            seen_at=stat.timestamp,
            processes=len(stat.workers),
            hints=stat.task_q_size,
        )
        for stat in Stat.get_all() or []
    ]


@dataclass(frozen=True, slots=True)
class Pulse:
    """When the duties that nobody asks for were last done. None: not known, or nothing to do."""

    swept_at: dt.datetime | None
    unsealed_since: dt.datetime | None

    def sweeper_is_late(self, now: dt.datetime) -> bool:
        return settings.EXPECT_LOCAL_WORKERS and (self.swept_at is None or self.swept_at < now - SWEEPER_LATE)

    def sealer_is_late(self, now: dt.datetime) -> bool:
        return self.unsealed_since is not None and self.unsealed_since < now - SEALER_LATE


def find_pulse() -> Pulse:
    return Pulse(swept_at=_swept_at(), unsealed_since=oldest_unsealed_at())


def _swept_at() -> dt.datetime | None:
    """Read the sweeper's mark, the one that `/readyz` reads."""
    try:
        return dt.datetime.fromisoformat((Path(settings.VAR) / "run" / "sweeper").read_text())
    except (FileNotFoundError, ValueError):
        return None


def list_failing_destinations() -> list[Destination]:
    """Return the destinations that need their team, of all workspaces; paused ones first."""
    failing = _failing_destinations().select_related("application__workspace")
    return list(failing.order_by("-state", "-fail_streak", "id")[:MOST_SHOWN])


def count_failing_destinations() -> int:
    return _failing_destinations().count()


def _failing_destinations() -> QuerySet[Destination]:
    return Destination.objects.filter(
        Q(state=DestinationState.PAUSED) | Q(state=DestinationState.ENABLED, fail_streak__gt=0)
    )


def list_open_requests() -> list[LiveAccessRequest]:
    waiting = _open_requests().select_related("application__workspace")
    return list(waiting.order_by("requested_at", "id")[:MOST_SHOWN])


def count_open_requests() -> int:
    return _open_requests().count()


def _open_requests() -> QuerySet[LiveAccessRequest]:
    return LiveAccessRequest.objects.filter(decision=LiveAccessRequest.Decision.PENDING)


def count_waiting() -> dict[str, int]:
    """Count what waits for a person, by the page of the rail that lists it."""
    failed = Mail.objects.filter(state=MailState.FAILED, created_at__gte=timezone.now() - RECENT)
    return {
        "applications_liveaccessrequest_changelist": count_open_requests(),
        "mails_mail_changelist": failed.count(),
    }


@dataclass(frozen=True, slots=True)
class TroubledEndpoint:
    """A source that is said to be broken, or whose syncs failed more often than not within a week."""

    endpoint: Endpoint
    completed: int
    failed: int


def list_troubled_endpoints(*, now: dt.datetime) -> list[TroubledEndpoint]:
    """Return the sources in trouble, the most failures first."""
    jobs = SyncJob.objects.filter(created_at__gte=now - RECENT, state__in=(SyncState.COMPLETED, SyncState.FAILED))
    counted = (
        jobs.order_by()
        .values("authorization__endpoint")
        .annotate(
            completed=Count("pk", filter=Q(state=SyncState.COMPLETED)),
            failed=Count("pk", filter=Q(state=SyncState.FAILED)),
        )
    )
    counts = {row["authorization__endpoint"]: (row["completed"], row["failed"]) for row in counted}
    failing = [pk for pk, (completed, failed) in counts.items() if failed > completed]
    troubled = Endpoint.objects.filter(Q(pk__in=failing) | Q(status=EndpointStatus.BROKEN))
    rows = [TroubledEndpoint(each, *counts.get(each.pk, (0, 0))) for each in troubled.order_by("name", "mode", "id")]
    return sorted(rows, key=lambda row: -row.failed)


@dataclass(frozen=True, slots=True)
class EndpointHealth:
    """What we saw of a source within a week, over all teams; counts only."""

    authorizations: int
    completed: int
    with_gaps: int
    failed: int
    last_completed_at: dt.datetime | None
    # Shape: [{"error_code": "http-500", "count": 12}], the commonest first.
    faults: Sequence[Mapping[str, Any]]


def find_endpoint_health(endpoint: Endpoint, *, now: dt.datetime) -> EndpointHealth:
    jobs = SyncJob.objects.filter(authorization__endpoint=endpoint, created_at__gte=now - RECENT)
    done = Q(state=SyncState.COMPLETED)
    told = jobs.aggregate(
        completed=Count("pk", filter=done),
        with_gaps=Count("pk", filter=done & ~Q(gaps=[])),
        failed=Count("pk", filter=Q(state=SyncState.FAILED)),
        last_completed_at=Max("ended_at", filter=done),
    )
    faults = jobs.filter(state=SyncState.FAILED).values("error_code").annotate(count=Count("pk"))
    return EndpointHealth(
        authorizations=PatientAuthorization.objects.filter(endpoint=endpoint, state__in=ACTIVE).count(),
        faults=list(faults.order_by("-count", "error_code")[:10]),
        **told,
    )
