"""`/api/v1/audit-events`: what happened in the access's application, newest first."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins
from rest_framework.viewsets import GenericViewSet

from apps.applications.authentication import access_of
from apps.applications.keys import Scope
from apps.applications.listing import SortedListMixin
from apps.audit.models import AuditEvent

from .filters import AuditEventFilters
from .selectors import events_of
from .serializers import AuditEventSerializer


class AuditEventViewSet(SortedListMixin, mixins.RetrieveModelMixin, GenericViewSet[AuditEvent]):
    """Every write, and every reading of patient data: of this mode, and of the application as a whole."""

    queryset = AuditEvent.objects.all()
    serializer_class = AuditEventSerializer
    filterset_class = AuditEventFilters
    scope_fields = ("application_id",)
    scope_read = Scope.RECORDS_READ
    cursor_order = ("-id",)

    def filter_queryset(self, queryset: Any) -> Any:
        access = access_of(self.request)
        return super().filter_queryset(
            events_of(
                queryset,
                workspace_id=access.application.workspace_id,
                application_id=access.application.pk,
                mode=access.mode.value,
            )
        )
