"""Lists and object pages of destinations and deliveries, in the portal and in the console."""

from ..models import BulkAction, Delivery, Destination
from .bulk_actions import BulkActionAdmin
from .deliveries import DeliveryAdmin, DeliverySupportAdmin
from .destinations import DestinationAdmin

PORTAL = [(Destination, DestinationAdmin), (Delivery, DeliveryAdmin), (BulkAction, BulkActionAdmin)]
SUPPORT = [(Delivery, DeliverySupportAdmin)]
