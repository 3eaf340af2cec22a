"""Destinations, their sealed secrets and tests; deliveries, their attempts, and actions on many of them."""

from .actions import Backfill, BulkAction, BulkActionItem, Reconciliation
from .deliveries import Delivery, DeliveryAttempt
from .destinations import KINDS, ConnectionTest, Destination, DestinationSecret

__all__ = [
    "KINDS",
    "Backfill",
    "BulkAction",
    "BulkActionItem",
    "ConnectionTest",
    "Delivery",
    "DeliveryAttempt",
    "Destination",
    "DestinationSecret",
    "Reconciliation",
]
