"""Writes on destinations and deliveries."""

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
from .ending import cancel_deliveries, purge_spool, sweep_deliveries
from .retesting import retest_due
from .scheduling import (
    DataPurged,
    StillHeld,
    backfill_destination,
    replay_delivery,
    retry_delivery,
    schedule_deliveries,
)
from .testing import TooManyTests, test_connection

__all__ = [
    "CreatedDestination",
    "DataPurged",
    "InvalidDestination",
    "NotTested",
    "StillHeld",
    "TooManyTests",
    "backfill_destination",
    "cancel_deliveries",
    "create_destination",
    "delete_destination",
    "deliver_next",
    "disable_destination",
    "enable_destination",
    "pause_destination",
    "purge_spool",
    "replay_delivery",
    "retest_due",
    "retry_delivery",
    "rotate_external_id",
    "schedule_deliveries",
    "sweep_deliveries",
    "test_connection",
    "update_destination",
]
