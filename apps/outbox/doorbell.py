"""The doorbell: one hint into the queue that says which lane has work. The only caller of `async_task`.

A lost hint costs one sweep; a doubled one finds nothing to claim. Hints are bounded, so an outage leaves
rows, not a queue.
"""

import logging
from enum import StrEnum

from django.conf import settings
from django.db import transaction
from django_q.brokers import Broker, get_broker
from django_q.tasks import async_task

from .faults import FaultPoint, pass_fault_point

DRAIN = "apps.workers.tasks.drain"
logger = logging.getLogger("relay.doorbell")


class Lane(StrEnum):
    SYNC = "sync"
    DELIVER = "deliver"
    MAIL = "mail"
    BULK = "bulk"


def wake(lane: Lane) -> None:
    """Ring for `lane` once the surrounding transaction commits; a broken broker breaks nobody's request."""
    transaction.on_commit(lambda: _ring_after_commit(lane), robust=True)


def _ring_after_commit(lane: Lane) -> None:
    pass_fault_point(FaultPoint.HINT_DUE)
    ring(lane)


def ring(lane: Lane) -> None:
    """Enqueue one hint unless enough wait already."""
    broker = get_broker()
    if waiting_hints(broker) < 4 * settings.Q_WORKERS:
        async_task(DRAIN, lane.value, broker=broker)


def waiting_hints(broker: Broker | None = None) -> int:
    """Return how many hints no cluster has taken yet."""
    return (broker or get_broker()).queue_size() or 0
