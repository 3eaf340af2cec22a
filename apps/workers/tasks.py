"""The only queue task: drain a lane for a while (queue.md 5.4). It takes no id; the rows say what is due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from apps.destinations.services import deliver_next, run_next_bulk_step
from apps.mails.services import send_next_mail
from apps.outbox.doorbell import Lane
from apps.outbox.draining import is_draining
from apps.syncs.services import run_next_sync_job

from .slots import sync_slot
from .telling import told

logger = logging.getLogger("relay.workers")
DRAIN_SECONDS = 20.0


def _sync_in_a_slot() -> bool:
    with sync_slot() as is_free:
        return is_free and run_next_sync_job()


WORK: dict[Lane, Callable[[], bool]] = {
    Lane.SYNC: _sync_in_a_slot,
    Lane.DELIVER: deliver_next,
    Lane.MAIL: send_next_mail,
    Lane.BULK: run_next_bulk_step,
}


def drain(lane: str) -> None:
    """Work until nothing is claimable, the time is over, or the supervisor stops us.

    With few workers a sync must not keep deliveries waiting: every lane drains the deliveries first.
    """
    ends = time.monotonic() + DRAIN_SECONDS
    work = WORK[Lane(lane)]
    try:
        while time.monotonic() < ends and not is_draining():
            if lane == Lane.SYNC and deliver_next():
                continue
            if not work():
                return
    except Exception as error:
        # The task boundary: the row's lease runs out and the sweeper hands it back. The text of an
        # exception may carry data, so only its class is logged.
        logger.error("drain %s stopped by %s", lane, told(error))
