"""`/api/v1/audit-events`: what happened in the access's application and mode, newest first."""

from __future__ import annotations

from typing import Any

from rest_framework import mixins
from rest_framework.viewsets import GenericViewSet

from apps.applications.authentication import access_of
from apps.applications.keys import Scope
from apps.audit.models import AuditEvent

from .filters import AuditEventFilters
from .serializers import AuditEventSerializer


class AuditEventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[AuditEvent]):
    """Every write, and every reading of patient data."""

    queryset = AuditEvent.objects.all()
    serializer_class = AuditEventSerializer
    filterset_class = AuditEventFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ
    cursor_order = ("-id",)

    def filter_queryset(self, queryset: Any) -> Any:
        # The index of events begins with the workspace.
        workspace_id = str(access_of(self.request).application.workspace_id)
        return super().filter_queryset(queryset.filter(workspace_id=workspace_id))
