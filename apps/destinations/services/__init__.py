"""Writes on destinations and deliveries."""

from .bulk import TooManyDeliveries, list_matching, run_next_bulk_item, start_bulk_action
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
from .replacing import NoOverlap, adopt_external_id, discard_next_external_id, prepare_external_id
from .retesting import retest_due
from .scheduling import (
    DataPurged,
    StillHeld,
    backfill_destination,
    replay_delivery,
    retry_delivery,
    schedule_deliveries,
)
from .testing import StillDraft, TooManyTests, test_connection
from .tombstones import schedule_tombstones
from .warning import warn_of_trouble

__all__ = [
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
    "backfill_destination",
    "cancel_deliveries",
    "create_destination",
    "delete_destination",
    "deliver_next",
    "disable_destination",
    "discard_next_external_id",
    "draft_destination",
    "enable_destination",
    "list_matching",
    "pause_destination",
    "prepare_external_id",
    "purge_spool",
    "replay_delivery",
    "retest_due",
    "retry_delivery",
    "rotate_external_id",
    "run_next_bulk_item",
    "schedule_deliveries",
    "schedule_tombstones",
    "start_bulk_action",
    "sweep_deliveries",
    "test_connection",
    "update_destination",
    "warn_of_trouble",
]
