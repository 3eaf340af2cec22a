"""Half of the measured capacity for half an hour: does a process or a table grow that should not, is anything lost?

    python -m tests.bench.soak --minutes 30 [--per-second 1.5]

Runs the product's own processes (web, supervisor, cluster) against the tiny source and the sink, refreshes a
set of patients in turn, asks for pages now and then, and samples the own (anonymous) memory of every process and the
rows of every table. Without `--per-second` it measures the capacity first. Exit status 1 if a verdict fails.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from .__main__ import database
from .peak import status
from .processes import Cluster, Managed, descendants
from .sink import Sink
from .source import Source

if TYPE_CHECKING:
    from apps.authorizations.models import PatientAuthorization

PATIENTS = 200
RESOURCES = 300
SAMPLE_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
# What a process may grow by from the second quarter of the run to the last; and what a sample scatters by.
GROWTH, SCATTER_MB = 0.10, 8.0
# Tables that grow with the work, and what ends their rows.
KEPT = {
    "destinations_delivery": "history: kept",
    "destinations_deliveryattempt": "history: kept",
    "syncs_syncjob": "history: kept",
    "audit_auditevent": "audit: kept",
    "audit_auditseal": "audit: kept",
    "records_storedresource": "superseded versions: VERSION_RETENTION_DAYS",
}


class Samples:
    """Megabytes of its own of each process by what it is; rows by table; each over time."""

    def __init__(self) -> None:
        self.memory: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        self.rows: defaultdict[str, list[int]] = defaultdict(list)

    def take(self, roots: dict[str, int]) -> None:
        from django.db import connection

        now = time.monotonic()
        for name, root in roots.items():
            for pid in descendants(root):
                with suppress(OSError, StopIteration):  # it has just ended
                    # Its own: PostgreSQL's shared buffers count for every process that has touched them.
                    self.memory[f"{name} {pid}"].append((now, status("RssAnon", str(pid)) / 1024))
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f'SELECT count(*) FROM "{table}"')
                self.rows[table].append(cursor.fetchone()[0])

    def grown_processes(self) -> Iterator[tuple[str, float, float, bool]]:
        """Yield (process, MB in its second quarter, MB in its last, whether that is too much)."""
        for name, samples in sorted(self.memory.items()):
            quarter = len(samples) // 4
            if quarter:
                early = statistics.median(each for _, each in samples[quarter : 2 * quarter])
                late = statistics.median(each for _, each in samples[-quarter:])
                yield name, early, late, late - early > max(GROWTH * early, SCATTER_MB)

    def grown_tables(self) -> Iterator[tuple[str, int, int, bool]]:
        """Yield (table, most rows in the first half, fewest in the second, whether nothing ends them)."""
        for table, counts in sorted(self.rows.items()):
            half = len(counts) // 2
            before, after = max(counts[:half], default=0), min(counts[half + 1 :], default=0)
            if after > before:
                yield table, before, counts[-1], table not in KEPT


def main(minutes: float, per_second: float) -> int:
    with database(), Sink() as sink, Source(RESOURCES) as source:
        import django

        django.setup()
        from apps.syncs.models import SyncJob

        from . import latency, world

        world.use_aws(sink.url)
        application = world.make_application("soak")
        world.make_destinations(application, 2)
        patients = world.make_authorizations(application, PATIENTS, fhir_base=source.url, seq=0)
        port = random.randrange(20_000, 30_000)
        env = {"OUTBOUND_ALLOWED": source.host_port, "ALLOWED_HOSTS": "127.0.0.1"}
        with Managed("run", "--bind", f"127.0.0.1:{port}", env=env) as web, Cluster(env) as cluster:
            latency.arrive(patients[:1], rate=1, patience=60)
            if not per_second:
                done = latency.arrive(patients[1:], rate=50, patience=30)
                per_second = (len(done) - 1) / (done[-1][-1] - done[0][-1]) / 2
                SyncJob.objects.exclude(state="COMPLETED").delete()  # what the measurement gave up
            print(f"{per_second:.2f} syncs a second for {minutes:g} minutes", flush=True)
            roots = {"web": web.child.pid, "workers": cluster.child.pid, "database": _postmaster()}
            samples = _run(patients, minutes * 60, per_second, roots, f"http://127.0.0.1:{port}")
            return _tell(samples, sink)


def _run(
    patients: Sequence[PatientAuthorization], seconds: float, per_second: float, roots: dict[str, int], base: str
) -> Samples:
    from django.utils import timezone

    from apps.audit.events import SYSTEM
    from apps.syncs.services import request_sync
    from apps.syncs.states import SyncCause

    samples, began = Samples(), time.monotonic()
    asked, next_sample = 0, began
    while (now := time.monotonic()) < began + seconds:
        if now >= next_sample:
            samples.take(roots)
            next_sample += SAMPLE_SECONDS
            for page in ("/readyz", "/accounts/login/", "/api/v1/deliveries"):
                _ask(base + page)
        if now >= began + asked / per_second:
            patient = patients[asked % len(patients)]
            request_sync(authorization=patient, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
            asked += 1
        time.sleep(0.01)
    return samples


def _ask(url: str) -> None:
    with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
        answer.read()


def _tell(samples: Samples, sink: Sink) -> int:
    """Wait for the rest, print every figure with its verdict; returns the exit status."""
    from apps.destinations.models import Delivery
    from apps.syncs.models import SyncJob

    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends and (
        SyncJob.objects.exclude(state__in=["COMPLETED", "FAILED"]).exists()
        or Delivery.objects.exclude(state="DELIVERED").exists()
    ):
        time.sleep(0.2)
    failed = 0
    for name, early, late, bad in samples.grown_processes():
        failed += bad
        print(f"{'GREW' if bad else 'flat':5} {name:30} {early:8.1f} MB -> {late:.1f} MB")
    for table, middle, last, unknown in samples.grown_tables():
        failed += unknown
        why = "nothing is known to prune it" if unknown else KEPT[table]
        print(f"{'GREW' if unknown else 'kept':5} {table:40} {middle:9,} -> {last:,} rows   ({why})")
    unfinished = SyncJob.objects.exclude(state="COMPLETED").count()
    deliveries = Delivery.objects.count()
    undelivered = Delivery.objects.exclude(state="DELIVERED").count()
    written, keys = sink.counts()
    lost = undelivered + unfinished + (deliveries - keys)
    print(f"{SyncJob.objects.count()} syncs ({unfinished} not completed), {deliveries} deliveries, {keys} objects")
    print(f"lost: {lost}; written twice: {written - keys}")
    failed += lost != 0 or written != keys
    print("FAILED" if failed else "passed")
    return 1 if failed else 0


def _postmaster() -> int:
    """Return the database server's process: the parent of a session's own."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    return status("PPid", str(backend))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--per-second", type=float, default=0, help="syncs a second; measured when not given")
    given = parser.parse_args()
    sys.exit(main(given.minutes, given.per_second))
