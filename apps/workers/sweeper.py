"""What has to be looked at again and again: expired leases, due refreshes, purges, seals, lost hints.

Idempotent, and harmless when two sweep at once. Called by the supervisor in its own process, so that it does
not depend on the queue's schedule table.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.db.models.functions import Now
from django.utils import timezone

from apps.applications.idempotency import purge_idempotency_records
from apps.audit.services import seal_events
from apps.authorizations.services import abandon_expired
from apps.destinations.backlog import due_backfills
from apps.destinations.models import BulkAction, Delivery
from apps.destinations.services import (
    is_reconciliation_due,
    prune_tests,
    retest_due,
    sweep_deliveries,
    warn_of_trouble,
)
from apps.destinations.services.ending import clean_spool
from apps.destinations.states import CLAIMABLE, BulkState
from apps.mails.models import Mail
from apps.mails.services import sweep_mails
from apps.mails.states import CLAIMABLE as CLAIMABLE_MAILS
from apps.outbox.doorbell import Lane, ring
from apps.records.services import index_outdated, prune_versions
from apps.syncs.models import SyncJob
from apps.syncs.services import enqueue_due_syncs, purge_expired, sweep_sync_jobs
from apps.syncs.states import SyncState

from .telling import told

logger = logging.getLogger("relay.sweeper")


def heartbeat_file() -> Path:
    return Path(settings.VAR) / "run" / "sweeper"


def sweep(now: dt.datetime | None = None) -> dict[str, int]:
    """Do every duty once; one that fails does not keep the others from running. Returns counts by duty."""
    now = now or timezone.now()
    retention = dt.timedelta(days=settings.VERSION_RETENTION_DAYS)
    duties: dict[str, Callable[[], int]] = {
        "sync_jobs": sweep_sync_jobs,
        "deliveries": lambda: sweep_deliveries(now=now),
        "purged": lambda: purge_expired(now=now),
        "abandoned": lambda: abandon_expired(now=now),
        "refreshes": lambda: enqueue_due_syncs(now=now),
        "versions": lambda: prune_versions(before=now - retention),
        "indexed": index_outdated,
        "spool": clean_spool,
        "idempotency": lambda: purge_idempotency_records(now=now),
        "seals": seal_events,
        "warnings": lambda: warn_of_trouble(now=now),
        "mails": lambda: sweep_mails(now=now),
        "old_tests": lambda: prune_tests(now=now),
        "retests": lambda: retest_due(now=now),  # asks AWS: last, so that nothing waits for it
    }
    done = {}
    for name, duty in duties.items():
        try:
            done[name] = duty()
        except Exception as error:
            logger.error("duty %s stopped by %s", name, told(error))
    ring_for_due_work()
    file = heartbeat_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(now.isoformat())
    return done


def ring_for_due_work() -> None:
    """Rebuild every lost hint: the rows are the truth."""
    if SyncJob.objects.filter(state=SyncState.WAITING, next_attempt_at__lte=Now()).exists():
        ring(Lane.SYNC)
    if Delivery.objects.filter(state__in=CLAIMABLE, next_attempt_at__lte=Now(), destination__state="ENABLED").exists():
        ring(Lane.DELIVER)
    if Mail.objects.filter(state__in=CLAIMABLE_MAILS, next_attempt_at__lte=Now()).exists():
        ring(Lane.MAIL)
    bulk = BulkAction.objects.filter(state__in=(BulkState.PENDING, BulkState.RUNNING))
    if bulk.exists() or due_backfills().exists() or is_reconciliation_due():
        ring(Lane.BULK)
