"""`/api/v1/destinations`, `/api/v1/deliveries` and `/api/v1/bulk-actions`."""

from .bulk_actions import BulkActionViewSet
from .deliveries import DeliveryViewSet
from .destinations import DestinationViewSet
from .reconciliations import ReconciliationVerbs

__all__ = ["BulkActionViewSet", "DeliveryViewSet", "DestinationViewSet", "ReconciliationVerbs"]
