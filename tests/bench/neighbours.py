"""What one bad neighbour costs the others: a destination that hangs among 100, 400 rows of one beside 10 quiet ones.

The product's own cluster with four workers: p95 from due to delivered, against the same load without the neighbour.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db import connection
from django.utils import timezone

from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery, Destination
from apps.outbox.doorbell import Lane, ring

from . import world
from .processes import Cluster
from .sink import Sink
from .timing import Figure, quantile

WORKERS = {"Q_WORKERS": "4", "WORKERS_PER_DESTINATION": "2"}
MANY, RATE, SECONDS = 100, 10, 20
NOISY, QUIET = 400, 10
PATIENCE_SECONDS = 120.0
WAITED = """
SELECT extract(epoch FROM delivered_at - created_at) FROM destinations_delivery
WHERE id = ANY(%s) AND state = 'DELIVERED'
"""
Patients = Sequence[PatientAuthorization]


def measure() -> Iterator[Figure]:
    """Yield both ratios."""
    application = world.make_application("neighbours")
    patients = world.make_authorizations(application, 20)
    counts = world.store_lines(patients, resources=12)
    destinations = world.make_destinations(application, MANY + 2)
    hanging, noisy, good = destinations[0], destinations[1], destinations[2:]
    with Sink(hangs=hanging.bucket) as sink:
        world.use_aws(sink.url)
        with Cluster(WORKERS):
            wait_for(due(good[:4], patients, 4, counts))
            alone = steady(good, patients, counts)
            due([hanging], patients, 20, counts)
            beside = steady(good, patients, counts)
            yield compared("one hanging destination among 100, p95 of the others", alone, beside, "1.1")
            Delivery.objects.filter(destination=hanging).update(next_attempt_at=timezone.now() + world.GIVE_UP)
            calm = wait_for(due(good[:QUIET], patients, QUIET, counts))
            due([noisy], patients, NOISY, counts)
            loud = wait_for(due(good[:QUIET], patients, QUIET, counts))
            yield compared(f"{NOISY} rows of one beside {QUIET} quiet ones, p95 of the quiet", calm, loud, "3")


def compared(what: str, before: list[float], after: list[float], target: str) -> Figure:
    then, now = quantile(before, 0.95), quantile(after, 0.95)
    return Figure(what, f"{now / then:.2f} times ({then:.2f} -> {now:.2f} s)", target)


def due(destinations: Sequence[Destination], patients: Patients, number: int, counts: dict[str, int]) -> set[UUID]:
    before = set(Delivery.objects.values_list("pk", flat=True))
    world.make_due(destinations, patients, number, counts)
    ring(Lane.DELIVER)
    return set(Delivery.objects.values_list("pk", flat=True)) - before


def steady(destinations: Sequence[Destination], patients: Patients, counts: dict[str, int]) -> list[float]:
    """Let rows fall due at a steady rate; return how long each waited."""
    made: set[UUID] = set()
    began = time.monotonic()
    for number in range(RATE * SECONDS):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        made |= due([destinations[number % len(destinations)]], patients, 1, counts)
    return wait_for(made)


def wait_for(rows: set[UUID]) -> list[float]:
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        with connection.cursor() as cursor:
            cursor.execute(WAITED, [list(rows)])
            found = [float(row[0]) for row in cursor.fetchall()]
        if len(found) == len(rows):
            return found
        assert time.monotonic() < ends, f"{len(rows) - len(found)} of {len(rows)} were not delivered"
        time.sleep(0.1)
