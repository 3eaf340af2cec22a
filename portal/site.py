"""The sites: the portal twice (test, live), the support console once. Wires the apps' lists together.

Sign-in is allauth's on all of them (rulings A12): these sites route no login, logout or password page, no
stock form, no autocomplete, and no page at all that is not in `get_urls` below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, include, path

from apps.applications import admin as applications
from apps.applications import views as application_views
from apps.applications.middleware import placed
from apps.audit_log import admin as audit_log
from apps.consent_pages.playing import play
from apps.dashboard import admin as dashboard
from apps.dashboard import views as dashboard_views
from apps.destinations import admin as destinations
from apps.support import admin as support
from apps.support import views as support_views
from apps.syncs import admin as syncs
from apps.workspaces.scoped_admin import ScopedModelAdmin, SupportModelAdmin, root_url
from apps.workspaces.selectors import has_second_factor

View = Callable[..., HttpResponse]


class OwnSite(AdminSite):
    """The admin machinery without the admin's own pages."""

    enable_nav_sidebar = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def is_here(self, request: HttpRequest) -> bool:
        """Whether the site exists for this request at all; if not, 404 for everybody."""
        return True

    def refuse(self, request: HttpRequest) -> HttpResponse:
        """Answer somebody who is signed in and may not enter."""
        raise Http404

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # type: ignore[override]
        inner = super().admin_view(view, cacheable)

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not self.is_here(request):
                raise Http404
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path(), root_url("account_login"))
            if not self.has_permission(request):
                return self.refuse(request)
            return inner(request, *args, **kwargs)

        return guarded

    def own_urls(self) -> list[URLPattern | URLResolver]:
        return []

    def get_urls(self) -> list[URLPattern | URLResolver]:
        lists = [
            path(f"{model_admin.url_path}/", include(model_admin.get_urls()))  # type: ignore[attr-defined]
            for model_admin in self._registry.values()
        ]
        return [*self.own_urls(), *lists]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {"has_permission": self.has_permission(request), "is_popup": False}


class PortalSite(OwnSite):
    """One mode of an application; membership opens it, staff or not."""

    def is_here(self, request: HttpRequest) -> bool:
        scope_path = placed(request).scope_path
        return scope_path is not None and scope_path["mode"] == self.name

    def has_permission(self, request: HttpRequest) -> bool:
        return request.user.is_active and placed(request).scope is not None

    def own_urls(self) -> list[URLPattern | URLResolver]:
        wrap = self.admin_view
        connect = path("authorizations/connect/", wrap(play), name="authorizations_patientauthorization_connect")
        return [
            *([connect] if self.name == "test" else []),
            path("", wrap(dashboard_views.overview), name="index"),
            path("search/", wrap(dashboard_views.search), name="search"),
            path("settings/", wrap(application_views.settings_page), name="settings"),
            path("settings/change/", wrap(application_views.change), name="settings_change"),
            path("settings/redirect-uris/", wrap(application_views.add_uri), name="settings_add_uri"),
            path(
                "settings/redirect-uris/<int:uri_id>/remove/",
                wrap(application_views.remove_uri),
                name="settings_remove_uri",
            ),
            path("settings/origins/", wrap(application_views.add_origin), name="settings_add_origin"),
            path(
                "settings/origins/<uuid:origin_id>/remove/",
                wrap(application_views.remove_origin),
                name="settings_remove_origin",
            ),
            path("settings/live-access/", wrap(application_views.request_access), name="settings_live_access"),
        ]


class SupportSite(OwnSite):
    """The console: staff with a second factor (rulings B12)."""

    def is_here(self, request: HttpRequest) -> bool:
        return placed(request).scope_path is None

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        if not (user.is_active and user.is_staff):
            return False
        return not settings.REQUIRE_SUPPORT_2FA or has_second_factor(user.pk)

    def refuse(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_staff:
            return HttpResponseRedirect(root_url("mfa_index"))
        raise Http404

    def own_urls(self) -> list[URLPattern | URLResolver]:
        return [
            path("", self.admin_view(support_views.overview), name="index"),
            path("search/", self.admin_view(support_views.search), name="search"),
        ]


PORTAL: Sequence[tuple[type[Model], type[ScopedModelAdmin]]] = [
    *applications.PORTAL,
    *destinations.PORTAL,
    *dashboard.PORTAL,
    *syncs.PORTAL,
    *audit_log.PORTAL,
]
SUPPORT: Sequence[tuple[type[Model], type[SupportModelAdmin]]] = [
    *applications.SUPPORT,
    *support.SUPPORT,
    *syncs.SUPPORT,
    *destinations.SUPPORT,
    *audit_log.SUPPORT,
]
test_site = PortalSite("test")
live_site = PortalSite("live")
support_site = SupportSite("support")
for model, admin_class in PORTAL:
    test_site.register(model, admin_class)
    live_site.register(model, admin_class)
for model, console_class in SUPPORT:
    support_site.register(model, console_class)
