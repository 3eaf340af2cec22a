"""The audit trail as a list: of one application and mode, of a whole workspace, and of everything in the console."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import MirroredModelAdmin, curl_of
from apps.applications.models import Application
from apps.audit.models import AuditEvent
from apps.workspaces.scoped_admin import ByDate, Crumb, SupportModelAdmin, cells, membership_of

from .columns import ActorKindFilter, AuditColumns
from .filters import AuditEventFilters
from .pages import chain_context, event_context
from .selectors import events_of


class AuditEventAdmin(AuditColumns, MirroredModelAdmin):
    """Events of the application: those of this mode and those that have none."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        scope = self.scope(request)
        return events_of(
            AuditEvent.objects.all(),
            workspace_id=scope.workspace_id,
            application_id=scope.application_id,
            mode=str(scope.mode),
        )

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        scope = self.scope(request)
        return {**chain_context(scope.workspace_id), "whole_team": scope.workspace_slug}

    def object_context(self, request: HttpRequest, found: AuditEvent) -> dict[str, Any]:
        curl = curl_of(f"{self.api_path}/{found.pk}")
        return {**event_context(found, list_address=self.url("changelist")), "curl": curl}


class WorkspaceAuditAdmin(AuditColumns, MirroredModelAdmin):
    """Events of a whole workspace: all applications, both modes, and the team itself.

    Stands above any site: its addresses carry the workspace, and its views have asked for membership.
    """

    list_subtitle = "All applications, both modes, and the team itself. Newest first; nothing can be changed."
    list_display = ("when", "who", "what", "target", "where", "seal")

    def __init__(self, workspace: str) -> None:
        super().__init__(AuditEvent, admin.AdminSite("workspace"))
        self.workspace = workspace

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return AuditEvent.objects.filter(workspace_id=str(membership_of(request).workspace_id)).order_by("-id")

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**chain_context(membership_of(request).workspace_id), "above_applications": True}

    def object_context(self, request: HttpRequest, found: AuditEvent) -> dict[str, Any]:
        return event_context(found, list_address=self.url("changelist"))

    def url(self, action: str, *args: object) -> str:
        name = {"changelist": "workspace_audit", "change": "audit_auditevent_change"}[action]
        return reverse(name, args=(self.workspace, *args))

    def home_crumbs(self, request: HttpRequest) -> list[Crumb]:
        return [(membership_of(request).workspace.name, reverse("home"))]

    @cached_property
    def applications(self) -> dict[str, str]:
        found = Application.objects.filter(workspace__slug=self.workspace).values_list("pk", "name")
        return {str(pk): name for pk, name in found}

    @admin.display(description="Where")
    def where(self, found: AuditEvent) -> SafeString:
        name = self.applications.get(found.application_id)
        return format_html(
            '{}<span class="second">{}</span>', cells.words(name) if name else "Workspace", found.mode.capitalize()
        )


class AuditEventSupportAdmin(AuditColumns, SupportModelAdmin):
    """Events of all teams, for the console. Looking at them is an event too."""

    list_filter = (ActorKindFilter, ("at", ByDate))
    ordering = ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        return AuditEventFilters({"q": search_term}, queryset).qs, False

    def get_sort_columns(self) -> dict[str, str]:
        return {}

    def object_context(self, request: HttpRequest, found: AuditEvent) -> dict[str, Any]:
        return event_context(found, list_address=self.url("changelist"), by_search=True)


PORTAL = [(AuditEvent, AuditEventAdmin)]
SUPPORT = [(AuditEvent, AuditEventSupportAdmin)]
