"""Writes on stored resources: stage pages, close a sequence, index, purge."""

from .closing import Closed, close_sequence
from .indexing import index_outdated
from .purging import prune_versions, purge_partition
from .staging import discard_staged, open_partition, stage_resources

__all__ = [
    "Closed",
    "close_sequence",
    "discard_staged",
    "index_outdated",
    "open_partition",
    "prune_versions",
    "purge_partition",
    "stage_resources",
]
