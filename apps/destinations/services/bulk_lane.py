"""What the workers' BULK lane does: whatever is due, one step of it."""

from __future__ import annotations

from .backfilling import run_next_backfill_step
from .bulk import run_next_bulk_item
from .reconciling import run_next_reconciliation


def run_next_bulk_step() -> bool:
    """Take one step; False when nothing is due. What people wait for goes first."""
    return run_next_bulk_item() or run_next_backfill_step() or run_next_reconciliation()
