"""`/api/v1/endpoints`: the sources of the access's mode.

Who may ask, pages and problems come from the settings of REST framework: this app stands beside
`applications` and may not import it.
"""

from __future__ import annotations

from rest_framework import mixins
from rest_framework.viewsets import GenericViewSet

from .filters import EndpointFilters
from .models import Endpoint
from .serializers import EndpointSerializer


class EndpointViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Endpoint]):
    """Payers and providers that patients can connect in this mode, by name."""

    queryset = Endpoint.objects.all()
    serializer_class = EndpointSerializer
    filterset_class = EndpointFilters
    scope_fields = ("mode",)
    scope_read = "records:read"
    cursor_order = ("name", "id")
