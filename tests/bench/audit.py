"""Audit events per second with sealing on, against bare inserts of the same rows; and the sealer alone.

Each event is a transaction of its own, as the shortest service would make it. The sealer runs each second in a
process of its own, as the supervisor runs it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from django.db import connection, transaction

from apps.audit.events import SYSTEM, Place
from apps.audit.models import AuditEvent
from apps.audit.services import record_event, seal_events

from .timing import Figure

EVENTS = 1_000
ROUNDS = 3
INSERT = """
INSERT INTO audit_auditevent (workspace_id, application_id, mode, actor_kind, actor_id, actor_label, action,
    target_type, target_id, detail, ip, request_id)
VALUES ('bare', 'application', 'test', 'system', '', 'System', 'delivery.delivered', 'delivery', 'id', '{}', '', '')
"""


def measure() -> Iterator[Figure]:
    """Yield events a second: bare, recorded with the sealer running, and how fast the sealer is."""
    bare_rates, our_rates = [], []
    with connection.cursor() as cursor:
        for _ in range(ROUNDS):
            bare_rates.append(_rate(lambda: cursor.execute(INSERT)))
            AuditEvent.objects.filter(workspace_id="bare").delete()
            sealer = subprocess.Popen([sys.executable, "-m", "tests.bench.sealer"], stdout=subprocess.PIPE, text=True)
            assert sealer.stdout is not None
            sealer.stdout.readline()  # ready
            our_rates.append(_rate(_record))
            sealer.terminate()
            sealer.wait()
    seal_events()
    yield Figure("bare inserts, one a transaction", f"{max(bare_rates):,.0f}/s")
    yield Figure("events with sealing on / bare", f"{max(our_rates) / max(bare_rates):.2f} ({max(our_rates):,.0f}/s)")
    for _ in range(2 * EVENTS):
        _record()
    began = time.perf_counter()
    sealed = seal_events()
    yield Figure("events sealed by one sealer", f"{sealed / (time.perf_counter() - began):,.0f}/s")


def _record() -> None:
    with transaction.atomic():
        record_event(
            action="delivery.delivered",
            by=SYSTEM,
            place=Place(workspace_id="recorded", application_id="application", mode="test"),
            target_type="delivery",
            target_id="id",
        )


def _rate(work: Callable[[], object]) -> float:
    work()
    began = time.perf_counter()
    for _ in range(EVENTS):
        work()
    return EVENTS / (time.perf_counter() - began)
