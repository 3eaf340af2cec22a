"""From a sync's request to its delivery, for a patient of 300 resources, at rising rates of arrival.

The product's own supervisor and cluster; the source and the sink are processes that cost next to nothing. At a
rate that is not kept up with, the figure says how many a second were, and what the workers spent their time on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from django.db import connection
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery
from apps.destinations.states import DeliveryState
from apps.syncs.models import SyncJob
from apps.syncs.services import request_sync
from apps.syncs.states import SyncCause

from . import world
from .processes import Cluster
from .sink import Sink
from .source import Source
from .timing import Figure, quantile

RESOURCES = 300
RATES = ((1, 12), (10, 8), (50, 4))  # syncs a second, for so many seconds
PATIENCE_SECONDS = 8.0
ENDED = """
SELECT j.id, extract(epoch FROM j.started_at - j.created_at), extract(epoch FROM j.ended_at - j.started_at),
       extract(epoch FROM d.delivered_at - j.ended_at), extract(epoch FROM d.delivered_at - j.created_at),
       extract(epoch FROM d.delivered_at)
FROM syncs_syncjob j JOIN destinations_delivery d ON d.sync_job_id = j.id
WHERE j.id = ANY(%s) AND d.state = 'DELIVERED' ORDER BY d.delivered_at
"""


def measure() -> Iterator[Figure]:
    """Yield p50 and p95 at each rate."""
    application = world.make_application("latency")
    with Sink() as sink, Source(RESOURCES) as source:
        world.use_aws(sink.url)
        world.make_destinations(application, 1)
        patients = iter(
            world.make_authorizations(
                application, 1 + sum(rate * seconds for rate, seconds in RATES), fhir_base=source.url, seq=0
            )
        )
        with Cluster({"OUTBOUND_ALLOWED": source.host_port}):
            arrive([next(patients)], rate=1, patience=30)
            for rate, seconds in RATES:
                arrivals = [next(patients) for _ in range(rate * seconds)]
                yield Figure(f"sync to delivered at {rate} syncs/s", told(arrive(arrivals, rate=rate), len(arrivals)))


def arrive(
    patients: Sequence[PatientAuthorization], *, rate: float, patience: float = PATIENCE_SECONDS
) -> list[tuple[float, ...]]:
    """Request a sync for each at that rate; returns what was delivered in time: the seconds of each phase."""
    began = time.monotonic()
    jobs = []
    for number, patient in enumerate(patients):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        job = request_sync(authorization=patient, cause=SyncCause.FIRST, by=SYSTEM, now=timezone.now())
        jobs.append(job.pk)
    ends = time.monotonic() + patience
    while time.monotonic() < ends:
        with connection.cursor() as cursor:
            cursor.execute(ENDED, [jobs])
            done = cursor.fetchall()
        if len(done) == len(jobs):
            break
        time.sleep(0.1)
    _drop_backlog()
    return [tuple(float(value) for value in row[1:]) for row in done]


def told(done: Sequence[tuple[float, ...]], asked: int) -> str:
    if not done:
        return f"none of {asked} delivered"
    waited, synced, delivering, whole, at = (list(column) for column in zip(*done, strict=True))
    phases = ", ".join(
        f"{name} {quantile(column, 0.5):.2f}"
        for name, column in (("waiting", waited), ("sync", synced), ("delivery", delivering))
    )
    share = f"p50 {quantile(whole, 0.5):.2f} s, p95 {quantile(whole, 0.95):.2f} s (p50 of {phases})"
    if len(done) == asked:
        return share
    return f"{share}; NOT kept up: {len(done)} of {asked}, {(len(done) - 1) / (at[-1] - at[0]):.1f}/s"


def _drop_backlog() -> None:
    """End what is left over, so that the next rate begins with nothing waiting."""
    while SyncJob.objects.filter(state="ACTIVE").exists() or SyncJob.objects.filter(state="WAITING").exists():
        SyncJob.objects.filter(state="WAITING").update(state="FAILED", ended_at=timezone.now())
        time.sleep(0.1)
    undelivered = [DeliveryState.PENDING, DeliveryState.RUNNING, DeliveryState.RETRYING]
    while Delivery.objects.filter(state__in=undelivered).exists():
        time.sleep(0.1)
