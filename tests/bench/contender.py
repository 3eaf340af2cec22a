"""One of several worker processes: claim, or deliver, until nothing is due; prints what it did and when."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import django

BARE_CLAIM = """
UPDATE bench_queue SET state = 'RUNNING' WHERE id = (
    SELECT id FROM bench_queue WHERE state = 'PENDING' AND due <= now() ORDER BY due, id
    LIMIT 1 FOR UPDATE SKIP LOCKED)
"""


def main(what: str) -> None:
    from django.db import connection

    from apps.destinations.models import Delivery
    from apps.destinations.services.claiming import claim_next
    from apps.destinations.services.delivering import deliver_next
    from apps.destinations.states import CLAIMABLE

    def bare() -> bool:
        with connection.cursor() as cursor:
            cursor.execute(BARE_CLAIM)
            return bool(cursor.rowcount)

    work: Callable[[], bool] = {"bare": bare, "claim": lambda: claim_next() is not None, "deliver": deliver_next}[what]
    due = Delivery.objects.filter(state__in=CLAIMABLE)
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    done, missed, began = 0, 0, time.time()
    while True:
        if work():
            done += 1
        elif what != "bare" and due.exists():
            missed += 1
        else:
            break
    print(done, missed, began, time.time())


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1])
