"""`/api/v1/sync-jobs`, and the verbs of an authorization that touch its records: sync and revoke."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from apps.applications.authentication import access_of
from apps.applications.idempotency import idempotent
from apps.applications.keys import Scope
from apps.applications.listing import SortedListMixin
from apps.applications.problems import Conflict
from apps.applications.serializers import check_no_fields
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.serializers import AuthorizationSerializer
from apps.authorizations.states import AuthorizationState

from .filters import SyncJobFilters
from .models import SyncJob
from .serializers import SyncJobDetailSerializer, SyncJobSerializer
from .services import request_sync, revoke_and_expunge
from .services.requesting import NotActive
from .states import SyncCause


class SyncJobViewSet(SortedListMixin, mixins.RetrieveModelMixin, GenericViewSet[SyncJob]):
    """Crawls of sources, newest first."""

    queryset = SyncJob.objects.select_related("authorization")
    serializer_class = SyncJobSerializer
    filterset_class = SyncJobFilters
    scope_fields = ("application_id", "mode")
    scope_read = Scope.RECORDS_READ

    def get_serializer_class(self) -> type[BaseSerializer[SyncJob]]:
        return SyncJobDetailSerializer if self.action == "retrieve" else SyncJobSerializer


class AuthorizationVerbs(GenericViewSet[PatientAuthorization]):
    """What can be done with an authorization."""

    queryset = PatientAuthorization.objects.select_related("consent__end_user", "endpoint")
    serializer_class = AuthorizationSerializer
    scope_fields = ("application_id", "mode")
    scope_write = Scope.AUTHORIZATIONS_WRITE

    @extend_schema(request=None, responses={202: SyncJobSerializer})
    @action(detail=True, methods=["post"])
    @idempotent
    def sync(self, request: Request, pk: str) -> Response:
        """Fetch the records again. If a sync is under way, it is the answer, and will run once more."""
        check_no_fields(request)
        try:
            job = request_sync(
                authorization=self.get_object(),
                cause=SyncCause.MANUAL,
                by=access_of(request).actor,
                now=timezone.now(),
            )
        except NotActive as error:
            raise Conflict(str(error)) from None
        return Response(SyncJobSerializer(job).data, status=202)

    @extend_schema(request=None, responses=AuthorizationSerializer)
    @action(detail=True, methods=["post"])
    @idempotent
    def revoke(self, request: Request, pk: str) -> Response:
        """End the authorization and delete its data. What was delivered stays in your storage."""
        check_no_fields(request)
        authorization = self.get_object()
        revoke_and_expunge(authorization=authorization, by=access_of(request).actor, now=timezone.now())
        authorization.refresh_from_db()
        if authorization.state != AuthorizationState.REVOKED:
            raise Conflict(f"The authorization is {authorization.state}: there is nothing to revoke.")
        return Response(AuthorizationSerializer(authorization).data)
