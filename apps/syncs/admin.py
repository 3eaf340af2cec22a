"""Lists and object pages of sync jobs, in the portal and in the console."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.destinations.models import Delivery
from apps.workspaces.scoped_admin import ByDate, ScopedModelAdmin, SupportModelAdmin, cells

from .models import SyncJob


class SyncJobColumns:
    """Cells that the portal's list and the console's share."""

    @admin.display(description="Created (UTC)")
    def created(self, found: SyncJob) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="State")
    def shown_state(self, found: SyncJob) -> SafeString:
        error = format_html('<span class="second bad">{}</span>', found.error_code) if found.error_code else ""
        return format_html("{}{}", cells.state_tag(found.state), error)

    @admin.display(description="Resources")
    def resources(self, found: SyncJob) -> SafeString:
        return format_html('<span class="num">{}</span>', sum(found.resource_counts.values()))

    @admin.display(description="Gaps")
    def gap_count(self, found: SyncJob) -> str:
        return str(len(found.gaps)) if found.gaps else "None"

    @admin.display(description="Took")
    def took(self, found: SyncJob) -> str:
        if found.started_at is None or found.ended_at is None:
            return cells.NOTHING
        return f"{(found.ended_at - found.started_at).total_seconds():.1f} s"

    def plain_facts(self, found: SyncJob) -> list[tuple[str, SafeString | str]]:
        return [
            ("Cause", found.cause),
            ("Sequence", str(found.seq)),
            ("Requests made", str(found.requests_made)),
            ("Tries", str(found.attempts)),
            ("Created", cells.moment(found.created_at)),
            ("Started", cells.moment(found.started_at)),
            ("Ended", cells.moment(found.ended_at)),
            ("Took", self.took(found)),
        ]


class SyncJobAdmin(SyncJobColumns, ScopedModelAdmin):
    url_path = "sync-jobs"
    list_title = "Sync jobs"
    list_subtitle = "Each fetch of a patient's records from a source."
    empty_title = "No sync jobs yet"
    empty_text = "A sync starts when a patient authorizes, and then as often as your settings say."
    list_display = ("created", "shown_state", "user", "source", "cause", "resources", "gap_count", "took")
    list_display_links = ("created",)
    list_select_related = ("authorization__endpoint", "authorization__consent__end_user")
    list_filter = ("state", "cause", ("created_at", ByDate))
    ordering = ("-created_at", "id")
    search_ids = ("pk", "authorization")
    object_template = "syncs/sync_job.html"

    def object_context(self, request: HttpRequest, found: SyncJob) -> dict[str, Any]:
        deliveries = Delivery.objects.filter(sync_job_id=found.pk, application=found.application_id, mode=found.mode)
        return {
            "job": found,
            "facts": self.facts(found),
            "counts": sorted(found.resource_counts.items()),
            "deliveries": deliveries.order_by("-created_at", "id")[:20],
        }

    def facts(self, found: SyncJob) -> list[tuple[str, SafeString | str]]:
        address = reverse(
            f"{self.admin_site.name}:authorizations_patientauthorization_change",
            args=[found.authorization_id],
        )
        link = format_html('<a href="{}">{}</a>', address, found.authorization_id)
        return [
            ("User", self.user(found)),
            ("Source", self.source(found)),
            ("Authorization", link),
            *self.plain_facts(found),
        ]

    @admin.display(description="User")
    def user(self, found: SyncJob) -> SafeString | str:
        return cells.code(found.authorization.consent.end_user.external_id)

    @admin.display(description="Source")
    def source(self, found: SyncJob) -> str:
        return str(found.authorization.endpoint)


class SyncJobSupportAdmin(SyncJobColumns, SupportModelAdmin):
    """For staff: states, counts and faults; no user and nothing of the records."""

    url_path = "sync-jobs"
    list_title = "Sync jobs"
    list_display = (
        "created",
        "shown_state",
        "application",
        "mode",
        "cause",
        "attempts",
        "crashes",
        "gap_count",
        "took",
    )
    list_display_links = ("created",)
    list_select_related = ("application",)
    list_filter = ("state", "mode", "cause")
    ordering = ("-created_at", "id")
    search_ids = ("pk", "authorization")

    def facts(self, found: SyncJob) -> list[tuple[str, SafeString | str]]:
        return [
            ("State", self.shown_state(found)),
            ("Application", str(found.application)),
            ("Mode", found.mode),
            *self.plain_facts(found),
            ("Lost leases", str(found.crashes)),
            ("Error", cells.code(found.error_code)),
            ("Gaps", ", ".join(f"{gap['type']}: {gap['reason']}" for gap in found.gaps) or "None"),
        ]


PORTAL = [(SyncJob, SyncJobAdmin)]
SUPPORT = [(SyncJob, SyncJobSupportAdmin)]
