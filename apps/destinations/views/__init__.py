"""Own pages of the portal on destinations and deliveries."""

from .deliveries import replay, retry
from .editing import create, edit, rotate
from .switching import backfill, delete, disable, enable, run_test, set_region

__all__ = [
    "backfill",
    "create",
    "delete",
    "disable",
    "edit",
    "enable",
    "replay",
    "retry",
    "rotate",
    "run_test",
    "set_region",
]
