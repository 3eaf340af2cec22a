"""`/api/v1/authorizations`: what patients agreed to. Revoking and syncing are verbs of `syncs`."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from rest_framework import mixins
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from apps.applications.keys import Scope
from apps.applications.listing import SortedListMixin

from .filters import AuthorizationFilters, with_end
from .models import AuthorizationEvent, PatientAuthorization
from .serializers import AuthorizationDetailSerializer, AuthorizationSerializer


class AuthorizationViewSet(SortedListMixin, mixins.RetrieveModelMixin, GenericViewSet[PatientAuthorization]):
    """Patient authorizations, newest first; one of them comes with its timeline."""

    queryset = PatientAuthorization.objects.select_related("consent__end_user", "endpoint")
    serializer_class = AuthorizationSerializer
    filterset_class = AuthorizationFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ

    def get_queryset(self) -> QuerySet[PatientAuthorization]:
        queryset: QuerySet[Any] = with_end(super().get_queryset())
        if self.action != "retrieve":
            return queryset
        return queryset.prefetch_related(Prefetch("events", AuthorizationEvent.objects.order_by("at", "id")))

    def get_serializer_class(self) -> type[BaseSerializer[PatientAuthorization]]:
        return AuthorizationDetailSerializer if self.action == "retrieve" else AuthorizationSerializer
