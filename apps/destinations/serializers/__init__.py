"""Destinations and deliveries on the wire."""

from .deliveries import (
    DELIVERY_KINDS,
    BulkActionItemSerializer,
    BulkActionSerializer,
    DeliveryAttemptSerializer,
    DeliverySerializer,
    ManySerializer,
)
from .destinations import (
    BackfillSerializer,
    ChangeDestinationSerializer,
    ConnectionTestSerializer,
    CreatedDestinationSerializer,
    DestinationIdSerializer,
    DestinationSerializer,
    MissingSerializer,
    NewDestinationSerializer,
    PoliciesSerializer,
    RotatedExternalIdSerializer,
)
from .reconciliations import ReconciliationDetailSerializer, ReconciliationSerializer

__all__ = [
    "DELIVERY_KINDS",
    "BackfillSerializer",
    "BulkActionItemSerializer",
    "BulkActionSerializer",
    "ChangeDestinationSerializer",
    "ConnectionTestSerializer",
    "CreatedDestinationSerializer",
    "DeliveryAttemptSerializer",
    "DeliverySerializer",
    "DestinationIdSerializer",
    "DestinationSerializer",
    "ManySerializer",
    "MissingSerializer",
    "NewDestinationSerializer",
    "PoliciesSerializer",
    "ReconciliationDetailSerializer",
    "ReconciliationSerializer",
    "RotatedExternalIdSerializer",
]
