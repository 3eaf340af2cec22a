"""The audit trail as a list: of one application and mode in the portal, of everything in the console."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.audit.events import ActorKind
from apps.audit.models import AuditEvent
from apps.workspaces.scoped_admin import DeclaredOnlyAdmin, ScopedModelAdmin, SupportModelAdmin, cells

from . import presenters


class ActorFilter(admin.SimpleListFilter):
    title = "actor"
    parameter_name = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.value, kind.value.capitalize()) for kind in ActorKind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(actor_kind=self.value()) if self.value() else queryset


class ActionFilter(admin.SimpleListFilter):
    """By the noun that the action begins with: keys, destinations, consents."""

    title = "subject"
    parameter_name = "subject"
    SUBJECTS = (
        "api_key", "application", "authorization", "consent", "delivery", "destination",
        "live_access", "membership", "record", "redirect_uri", "sync", "token",
    )  # fmt: skip

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(subject, subject.replace("_", " ")) for subject in self.SUBJECTS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(action__startswith=f"{self.value()}.") if self.value() else queryset


class AuditColumns(DeclaredOnlyAdmin):
    """Cells, filters and search that both lists share."""

    url_path = "audit"
    id_converter = "int"
    list_title = "Audit log"
    list_subtitle = "Who did what, and every reading of patient data. Newest first; nothing can be changed."
    empty_title = "Nothing has happened yet"
    list_display = ("when", "who", "what", "target", "request")
    list_display_links = ("when",)
    list_filter = (ActorFilter, ActionFilter)
    ordering = ("-id",)
    search_ids = ()
    search_texts = ("target_id", "request_id", "actor_label", "action")
    search_help_text = "Paste a whole ID, request ID, person or action"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        with contextlib.suppress(ValueError):
            term = str(uuid.UUID(term))
        return super().get_search_results(request, queryset, term)

    def facts(self, found: AuditEvent) -> list[tuple[str, SafeString | str]]:
        return [
            ("When", self.when(found)),
            ("Who", self.who(found)),
            ("Did", self.what(found)),
            ("To", self.target(found)),
            ("Details", presenters.detail(found) or cells.NOTHING),
            ("Mode", found.mode or cells.NOTHING),
            ("Address", found.ip or cells.NOTHING),
            ("Request", cells.code(found.request_id)),
        ]

    @admin.display(description="When (UTC)")
    def when(self, found: AuditEvent) -> SafeString | str:
        return cells.moment(found.at)

    @admin.display(description="Who")
    def who(self, found: AuditEvent) -> SafeString:
        return format_html('{}<span class="second">{} {}</span>', presenters.actor(found), found.actor_kind, found.ip)

    @admin.display(description="Did")
    def what(self, found: AuditEvent) -> SafeString:
        return format_html(
            '{}<span class="second"><code>{}</code> {}</span>',
            presenters.describe(found),
            found.action,
            presenters.detail(found),
        )

    @admin.display(description="To")
    def target(self, found: AuditEvent) -> SafeString:
        return format_html(
            '{}<span class="second"><code>{}</code></span>',
            found.target_type.replace("_", " "),
            found.target_id,
        )

    @admin.display(description="Request")
    def request(self, found: AuditEvent) -> SafeString | str:
        return cells.code(found.request_id)


class AuditEventAdmin(AuditColumns, ScopedModelAdmin):
    """Events of the application: those of this mode and those that have none."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        scope = self.scope(request)
        return AuditEvent.objects.filter(
            Q(mode=str(scope.mode)) | Q(mode=""),
            workspace_id=str(scope.workspace_id),
            application_id=str(scope.application_id),
        ).order_by("-id")


class AuditEventSupportAdmin(AuditColumns, SupportModelAdmin):
    pass


PORTAL = [(AuditEvent, AuditEventAdmin)]
SUPPORT = [(AuditEvent, AuditEventSupportAdmin)]
