"""How soon a due row is begun by an idle cluster; how four worker processes share a thousand due rows.

Bare is the loop of the textbook on a table of its own: `SELECT … FOR UPDATE SKIP LOCKED`, update, commit.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.conf import settings
from django.db import connection
from django.utils import timezone

from apps.audit.events import SYSTEM
from apps.destinations.models import Delivery, DeliveryAttempt
from apps.destinations.services import replay_delivery

from . import world
from .processes import Cluster
from .sink import Sink
from .timing import Figure, quantile

SAMPLES = 40
WORKERS = 4
ROWS = 1_000
BARE = """
CREATE TABLE bench_queue (id uuid PRIMARY KEY, state text, due timestamptz);
INSERT INTO bench_queue SELECT gen_random_uuid(), 'PENDING', now() FROM generate_series(1, 1000);
CREATE INDEX bench_queue_due ON bench_queue (due, id) WHERE state = 'PENDING';
ANALYZE bench_queue;
"""


def measure() -> Iterator[Figure]:
    """Yield the start latency, then claims and whole deliveries per second of four processes."""
    application = world.make_application("queue")
    patients = world.make_authorizations(application, 50)
    counts = world.store_lines(patients, resources=12)
    with Sink() as sink:
        world.use_aws(sink.url)
        first = world.make_destinations(application, 1)
        world.make_due(first, patients, 1, counts)
        with Cluster():
            waits = start_latencies()
        p50, p95 = (quantile(waits, share) * 1000 for share in (0.5, 0.95))
        yield Figure("start of a due delivery, idle cluster, p50 / p95", f"{p50:.0f} / {p95:.0f} ms", "p50 120 ms")
        with connection.cursor() as cursor:
            cursor.execute(BARE)
        bare, _ = race("bare")
        eight = world.make_destinations(application, 8, concurrency=ROWS)
        world.make_due(eight, patients, ROWS, counts)
        claims, claim_waits = race("claim")
        Delivery.objects.filter(state="RUNNING").update(state="CANCELLED", lease_token=None, lease_until=None)
        world.make_due(eight, patients, ROWS, counts)
        whole, whole_waits = race("deliver")
        one = world.make_destinations(application, 1, concurrency=ROWS)
        world.make_due(one, patients, ROWS // 2, counts)
        alone, alone_waits = race("deliver")
    yield Figure("bare claims, 4 processes on 1,000 rows", f"{bare.rate:,.0f}/s")
    yield Figure("claims / bare claims, 8 destinations", f"{claims.rate / bare.rate:.2f} ({claims})")
    yield Figure("lock waits seen while claiming", str(claim_waits), "0")
    yield Figure("whole deliveries, 4 processes, 8 destinations", f"{whole}; lock waits seen: {whole_waits}")
    yield Figure("whole deliveries, 4 processes, 1 destination", f"{alone}; lock waits seen: {alone_waits}")


def start_latencies() -> list[float]:
    """Return the seconds from the commit of a due row to its first attempt, some while after the one before."""
    while not (delivered := Delivery.objects.filter(state="DELIVERED").first()):
        time.sleep(0.05)
    waits = []
    for _ in range(SAMPLES):
        time.sleep(random.uniform(0.3, 0.7))  # the cluster is idle again, at no fixed point of its poll
        made = replay_delivery(delivery=delivered, by=SYSTEM, now=timezone.now())
        committed = timezone.now()
        while not (begun := DeliveryAttempt.objects.filter(delivery=made).first()):
            time.sleep(0.01)
        waits.append((begun.started_at - committed).total_seconds())
    return waits


class Race:
    """What some processes did together: how much a second, and how often one found nothing while work was due."""

    def __init__(self, told: list[tuple[int, int, float, float]]) -> None:
        self.done = sum(each[0] for each in told)
        self.missed = sum(each[1] for each in told)
        self.rate = self.done / (max(each[3] for each in told) - min(each[2] for each in told))

    def __str__(self) -> str:
        return f"{self.rate:,.0f}/s; found nothing although work was due: {self.missed}"


def race(what: str) -> tuple[Race, int]:
    """Let the workers do `what` until nothing is due; returns what they did and the lock waits that were seen."""
    command = [sys.executable, "-m", "tests.bench.contender", what]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(WORKERS)
    ]
    for each in started:
        assert each.stdout is not None
        each.stdout.readline()  # ready
    with lock_waits() as seen:
        told = [each.communicate() for each in _all_at_once(started)]
    rows = [[float(word) for word in out.split()] for out, _ in told]
    return Race([(int(done), int(missed), began, ended) for done, missed, began, ended in rows]), len(seen)


def _all_at_once(started: list[subprocess.Popen[str]]) -> list[subprocess.Popen[str]]:
    for each in started:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()
    return started


@contextmanager
def lock_waits() -> Iterator[list[int]]:
    """Collect, from a connection of its own, each look at which some session waited for a lock."""
    seen: list[int] = []
    over = threading.Event()
    database = settings.DATABASES["default"]
    login = {"dbname": database["NAME"], "user": database["USER"], "password": database["PASSWORD"]}

    def look() -> None:
        with psycopg.connect(**login, host=database["HOST"], autocommit=True) as watching:
            while not over.wait(0.002):
                row = watching.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
                if row and row[0]:
                    seen.append(row[0])

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()
