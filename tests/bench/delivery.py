"""Small deliveries against bare `put_object` of the same bytes; memory while delivering large patients.

The sink answers at once and after 40 ms. The engine's path is `deliver_next`, whole: claim, spool, write, settle.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import boto3
from botocore.config import Config
from django.db import connections

from apps.authorizations.models import PatientAuthorization
from apps.destinations.models import Delivery
from apps.destinations.services import deliver_next
from apps.destinations.states import CLAIMABLE
from apps.records.selectors import find_view

from . import world
from .sink import Sink
from .timing import Figure

SMALL = 12  # resources: about 20 KB
THREADS = 16
WARM, ONE_BY_ONE, BATCH, ROUNDS = 20, 200, 250, 3
SIZES = (
    ("patient of 1,000 resources", 1_000, 0),
    ("patient of 10,000 resources", 10_000, 0),
    ("patient of 100,000 resources", 100_000, 0),
    ("patient of 100 resources of 2 MB", 100, 2_000_000),
)


def measure() -> Iterator[Figure]:
    """Yield the rates at no latency with one thread and at 40 ms with sixteen, then memory by size."""
    application = world.make_application("delivery")
    patients = world.make_authorizations(application, 50)
    counts = world.store_lines(patients, resources=SMALL)
    destinations = world.make_destinations(application, 8)
    body = _body_of(patients[0])

    def due(number: int) -> None:
        world.make_due(destinations, patients, number, counts)

    def bare(client: Any) -> Callable[[], object]:
        names = count()
        return lambda: client.put_object(
            Bucket="bare", Key=f"bare/{next(names)}", Body=body, IfNoneMatch="*", ServerSideEncryption="AES256"
        )

    with Sink() as sink:
        world.use_aws(sink.url)
        due(WARM + ONE_BY_ONE)
        bare_one, our_one = in_turn(bare(_client(sink.url, 1)), deliver_next)
    yield Figure("bare put_object of 20 KB, 0 ms, 1 thread", f"{1 / bare_one:,.0f}/s")
    yield Figure("deliveries / bare, 0 ms, 1 thread", f"{bare_one / our_one:.2f} ({1 / our_one:,.0f}/s)", "0.3")
    with Sink(0.04) as sink:
        world.use_aws(sink.url)
        bare_rate, our_rate, ratio = many_at_once(bare(_client(sink.url, THREADS)), due)
    yield Figure(f"bare put_object of 20 KB, 40 ms, {THREADS} threads", f"{bare_rate:,.0f}/s")
    yield Figure(f"deliveries / bare, 40 ms, {THREADS} threads", f"{ratio:.2f} ({our_rate:,.0f}/s)", "0.9")
    yield from _memory()


def in_turn(bare: Callable[[], object], ours: Callable[[], object]) -> tuple[float, float]:
    """Return the median seconds of each, measured one by one in turn: a slow moment meets both."""
    for _ in range(WARM):
        bare()
        assert ours(), "nothing is due"
    seconds: dict[Callable[[], object], list[float]] = {bare: [], ours: []}
    for _ in range(ONE_BY_ONE):
        for work, taken in seconds.items():
            began = time.perf_counter()
            assert work(), "nothing is due"
            taken.append(time.perf_counter() - began)
    return statistics.median(seconds[bare]), statistics.median(seconds[ours])


def many_at_once(bare: Callable[[], object], due: Callable[[int], None]) -> tuple[float, float, float]:
    """Return the rates per second of bare writes and of deliveries in threads, and the median of their ratios."""
    due(2 * THREADS)
    _drain()
    rates = []
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(THREADS) as pool:
            began = time.perf_counter()
            for each in [pool.submit(bare) for _ in range(BATCH)]:
                each.result()
            bare_rate = BATCH / (time.perf_counter() - began)
        due(BATCH)
        began = time.perf_counter()
        _drain()
        rates.append((bare_rate, BATCH / (time.perf_counter() - began)))
        lost = Delivery.objects.exclude(state="DELIVERED").count()
        assert not lost, f"{lost} deliveries did not arrive"
    ratio = statistics.median(ours / bare_rate for bare_rate, ours in rates)
    return max(each for each, _ in rates), max(each for _, each in rates), ratio


def _drain() -> None:
    """Deliver what is due in threads, each with a connection of its own."""

    def work() -> None:
        try:
            while deliver_next() or Delivery.objects.filter(state__in=CLAIMABLE).exists():
                pass
        finally:
            connections.close_all()

    started = [threading.Thread(target=work) for _ in range(THREADS)]
    for each in started:
        each.start()
    for each in started:
        each.join()


def _client(url: str, threads: int) -> Any:
    make: Callable[..., Any] = boto3.client
    return make("s3", endpoint_url=url, region_name="us-east-1", config=Config(max_pool_connections=threads))


def _body_of(authorization: PatientAuthorization) -> bytes:
    view = find_view(authorization)
    assert view is not None
    return b"".join(line + b"\n" for _, _, line in view.lines())


def _memory() -> Iterator[Figure]:
    """Deliver ever larger patients, each in a process of its own, and read its peak above idle."""
    application = world.make_application("memory")
    destinations = world.make_destinations(application, 1)
    small = world.make_authorizations(application, 1)
    small_counts = world.store_lines(small, resources=SMALL)
    with Sink() as sink:
        world.use_aws(sink.url)
        for name, resources, line_bytes in SIZES:
            patient = world.make_authorizations(application, 1)
            counts = world.store_lines(patient, resources=resources, line_bytes=line_bytes)
            world.make_due(destinations, small, 1, small_counts)  # due first: it warms the process up
            world.make_due(destinations, patient, 1, counts)
            command = [sys.executable, "-m", "tests.bench.peak"]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            megabytes, peak, seconds = (float(each) for each in told)
            rate = f"{megabytes:,.0f} MB at {megabytes / seconds:,.0f} MB/s"
            yield Figure(f"peak memory above idle, {name}", f"{peak:,.0f} MB ({rate})", "64 MB")
