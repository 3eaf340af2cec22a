"""Lists and object pages of destinations and deliveries, in the portal and in the console."""

from ..models import Delivery, Destination
from .deliveries import DeliveryAdmin, DeliverySupportAdmin
from .destinations import DestinationAdmin

PORTAL = [(Destination, DestinationAdmin), (Delivery, DeliveryAdmin)]
SUPPORT = [(Delivery, DeliverySupportAdmin)]
