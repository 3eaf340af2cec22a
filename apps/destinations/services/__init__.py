"""Writes on destinations and deliveries."""

from .backfilling import backfill_destination, run_next_backfill_step
from .bulk import TooManyDeliveries, list_matching, run_next_bulk_item, start_bulk_action
from .bulk_lane import run_next_bulk_step
from .delivering import deliver_next
from .destinations import (
    CreatedDestination,
    InvalidDestination,
    NotTested,
    create_destination,
    delete_destination,
    disable_destination,
    enable_destination,
    pause_destination,
    rotate_external_id,
    update_destination,
)
from .drafting import draft_destination
from .ending import cancel_deliveries, purge_spool, sweep_deliveries
from .paging_operator import page_if_ours, page_operator
from .reconciling import (
    AlreadyReconciling,
    is_reconciliation_due,
    reconcile_now,
    run_next_reconciliation,
    start_reconciliation,
)
from .replacing import (
    NoOverlap,
    adopt_external_id,
    adopt_if_accepted,
    discard_next_external_id,
    prepare_external_id,
)
from .retesting import prune_tests, retest_due
from .scheduling import (
    DataPurged,
    StillHeld,
    replay_delivery,
    retry_delivery,
    schedule_deliveries,
)
from .testing import StillDraft, TooManyTests, test_connection
from .tombstones import schedule_tombstones
from .warning import warn_of_trouble

__all__ = [
    "AlreadyReconciling",
    "CreatedDestination",
    "DataPurged",
    "InvalidDestination",
    "NoOverlap",
    "NotTested",
    "StillDraft",
    "StillHeld",
    "TooManyDeliveries",
    "TooManyTests",
    "adopt_external_id",
    "adopt_if_accepted",
    "backfill_destination",
    "cancel_deliveries",
    "create_destination",
    "delete_destination",
    "deliver_next",
    "disable_destination",
    "discard_next_external_id",
    "draft_destination",
    "enable_destination",
    "is_reconciliation_due",
    "list_matching",
    "page_if_ours",
    "page_operator",
    "pause_destination",
    "prepare_external_id",
    "prune_tests",
    "purge_spool",
    "reconcile_now",
    "replay_delivery",
    "retest_due",
    "retry_delivery",
    "rotate_external_id",
    "run_next_backfill_step",
    "run_next_bulk_item",
    "run_next_bulk_step",
    "run_next_reconciliation",
    "schedule_deliveries",
    "schedule_tombstones",
    "start_bulk_action",
    "start_reconciliation",
    "sweep_deliveries",
    "test_connection",
    "update_destination",
    "warn_of_trouble",
]
