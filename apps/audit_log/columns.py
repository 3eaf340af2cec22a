"""The audit trail as a list: its cells, filters and search, for whoever says which events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import Facet
from apps.audit.events import ActorKind
from apps.audit.models import AuditEvent
from apps.workspaces.scoped_admin import DeclaredOnlyAdmin, cells

from . import presenters
from .api import AuditEventViewSet
from .filters import SUBJECT, SUBJECTS

WRITTEN = {"api_key": "API key", "redirect_uri": "Redirect URI"}


def named(subjects: Iterable[str]) -> dict[str, str]:
    return {subject: WRITTEN.get(subject, subject.replace("_", " ").capitalize()) for subject in subjects}


FACETS = (
    Facet(parameter="actor_kind", title="actor", field="actor_kind", values=list(ActorKind)),
    Facet(parameter="subject", title="subject", field="subject", expression=SUBJECT, values=SUBJECTS, names=named),
)
CONSOLE_ACTORS = [(kind.value, kind.value.capitalize()) for kind in ActorKind]


class ActorKindFilter(admin.SimpleListFilter):
    """The console's: its lists have no counts."""

    title = "actor"
    parameter_name = "actor_kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return CONSOLE_ACTORS

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        return queryset.filter(actor_kind=self.value()) if self.value() else queryset


class AuditColumns(DeclaredOnlyAdmin):
    """What every list of events shows."""

    viewset: ClassVar[Any] = AuditEventViewSet
    api_path: ClassVar[str] = "audit-events"
    list_template: ClassVar[str] = "audit_log/list.html"
    facets: ClassVar[Sequence[Facet]] = FACETS
    sort_columns = {"when": "created_at"}
    url_path = "audit"
    id_converter = "int"
    object_template = "audit_log/event.html"
    list_title = "Audit log"
    list_subtitle = "Who did what, and every reading of patient data. Newest first; nothing can be changed."
    empty_title = "Nothing has happened yet"
    empty_text = "Every change and every reading of patient data is listed here, by whom, from where and when."
    list_display: tuple[str, ...] = ("when", "who", "what", "target", "seal")
    list_display_links = ("when",)
    search_help_text = "Paste a whole ID, request ID, person, action or address"

    def name_of(self, found: AuditEvent) -> str:
        return f"Event {found.pk}"

    @admin.display(description="When (UTC)")
    def when(self, found: AuditEvent) -> SafeString | str:
        return cells.moment(found.at)

    @admin.display(description="Who")
    def who(self, found: AuditEvent) -> SafeString:
        return format_html(
            '{}<span class="second">{}</span>', cells.words(presenters.actor(found)), presenters.whence(found)
        )

    @admin.display(description="Did")
    def what(self, found: AuditEvent) -> SafeString:
        told = presenters.detail(found)
        return format_html(
            '{}<span class="second">{}</span>',
            presenters.describe(found),
            f"{told[:117]}…" if len(told) > 120 else told or found.action,
        )

    @admin.display(description="To")
    def target(self, found: AuditEvent) -> SafeString:
        kind = found.target_type.replace("_", " ").capitalize()
        return format_html('{}<span class="second">{}</span>', kind, cells.code(found.target_id))

    @admin.display(description="Seal")
    def seal(self, found: AuditEvent) -> SafeString | str:
        if found.seal_number is None:
            return cells.state_tag("unsealed")
        return format_html('<span class="muted">{}</span>', f"No. {found.seal_number:,}")
