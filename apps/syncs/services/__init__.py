"""Writes on syncs: request, run, complete, schedule, revoke and purge."""

from .completing import complete_sync, fail_sync
from .ending import expunge, purge_expired, revoke_and_expunge
from .exchanging import exchange_code, exchange_public_token, refresh_access
from .requesting import NotActive, enqueue_due_syncs, request_sync
from .running import run_next_sync_job, sweep_sync_jobs

__all__ = [
    "NotActive",
    "complete_sync",
    "enqueue_due_syncs",
    "exchange_code",
    "exchange_public_token",
    "expunge",
    "fail_sync",
    "purge_expired",
    "refresh_access",
    "request_sync",
    "revoke_and_expunge",
    "run_next_sync_job",
    "sweep_sync_jobs",
]
