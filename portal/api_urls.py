"""The management API: `urlpatterns` for keys at `/api/v1/`, `scoped_urlpatterns` for the portal's session.

`scoped_urlpatterns` is mounted at `/test/api/v1/` and `/live/api/v1/`, below the scope that the path names
(rulings B9): the same resources, with the session instead of a key.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.urls import URLPattern, URLResolver, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.routers import DynamicRoute, Route, SimpleRouter
from rest_framework.views import APIView

from apps.applications.api import ApiKeyViewSet
from apps.applications.authentication import SessionScopeAuthentication
from apps.applications.origin_api import AllowedOriginViewSet
from apps.applications.team_api import InvitationViewSet, MemberViewSet
from apps.audit_log.api import AuditEventViewSet
from apps.authorizations.api import AuthorizationViewSet
from apps.destinations.api import BulkActionViewSet, DeliveryViewSet, DestinationViewSet, ReconciliationVerbs
from apps.directory.api import EndpointViewSet
from apps.syncs.api import AuthorizationVerbs, SyncJobViewSet

RESOURCES: dict[str, list[Any]] = {
    "keys": [ApiKeyViewSet],
    "allowed-origins": [AllowedOriginViewSet],
    "endpoints": [EndpointViewSet],
    "destinations": [DestinationViewSet, ReconciliationVerbs],
    "deliveries": [DeliveryViewSet],
    "bulk-actions": [BulkActionViewSet],
    "authorizations": [AuthorizationViewSet, AuthorizationVerbs],
    "sync-jobs": [SyncJobViewSet],
    "audit-events": [AuditEventViewSet],
    "members": [MemberViewSet],
    "invitations": [InvitationViewSet],
}


class SessionRouter(SimpleRouter):
    """The same views with the portal's session at the door."""

    routes: list[Route | DynamicRoute] = [
        route._replace(initkwargs={**route.initkwargs, "authentication_classes": [SessionScopeAuthentication]})
        for route in SimpleRouter.routes
    ]


class NoSuchPath(APIView):
    """Any other path: a problem, not a page. Asks nobody who they are."""

    authentication_classes = ()
    permission_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404


def _patterns(router: SimpleRouter) -> list[URLPattern | URLResolver]:
    for prefix, views in RESOURCES.items():
        for view in views:
            router.register(prefix, view, basename=f"{prefix}-{view.__name__}")
    return list(router.urls)


urlpatterns = [
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    *_patterns(SimpleRouter(trailing_slash=False)),
    re_path(r"^.*$", NoSuchPath.as_view()),
]
scoped_urlpatterns = [
    *_patterns(SessionRouter(trailing_slash=False)),
    re_path(r"^.*$", NoSuchPath.as_view()),
]
