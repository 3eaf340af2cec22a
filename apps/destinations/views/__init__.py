"""Own pages of the portal on destinations and deliveries."""

from .deliveries import replay, retry
from .editing import edit, options
from .external_ids import adopt, discard, rotate
from .many import replay_many, retry_many
from .reconciliations import reconcile, reconciliations
from .setup import aws, create, external_id, where
from .setup import test as setup_test
from .switching import backfill, delete, disable, enable, run_test, set_region

__all__ = [
    "adopt",
    "aws",
    "backfill",
    "create",
    "delete",
    "disable",
    "discard",
    "edit",
    "enable",
    "external_id",
    "options",
    "reconcile",
    "reconciliations",
    "replay",
    "replay_many",
    "retry",
    "retry_many",
    "rotate",
    "run_test",
    "set_region",
    "setup_test",
    "where",
]
