"""The endpoint directory in the console; `apps.support` adds what we saw of a source, and its switch."""

from __future__ import annotations

import datetime as dt

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import SupportModelAdmin, cells

from .models import Endpoint, EndpointBudget


class EndpointAdmin(SupportModelAdmin):
    url_path = "endpoints"
    list_title = "Endpoints"
    list_subtitle = "Sources that patients can connect, test and live."
    list_display = ("name", "mode", "shown_status", "fhir_base", "refreshes", "updated")
    list_display_links = ("name",)
    list_filter = ("mode", "status")
    ordering = ("name", "mode", "id")
    search_texts = ("name",)

    def facts(self, found: Endpoint) -> list[tuple[str, SafeString | str]]:
        return [
            ("Name", found.name),
            ("Labels", ", ".join(found.label)),
            ("Mode", found.mode),
            ("Status", self.shown_status(found)),
            ("FHIR base", cells.code(found.fhir_base)),
            ("Client", cells.code(found.client_id)),
            ("Refreshes", self.refreshes(found)),
            ("Syncs at once", str(found.concurrent_syncs)),
            ("Requests per minute", str(found.requests_per_minute or "no limit")),
            ("Left alone until", cells.moment(self.closed_until(found))),
            ("Updated", self.updated(found)),
        ]

    def closed_until(self, found: Endpoint) -> dt.datetime | None:
        """Return the end of the rest that the source has asked for, if that is still to come."""
        budget = EndpointBudget.objects.filter(endpoint=found, closed_until__gt=timezone.now()).first()
        return budget.closed_until if budget else None

    @admin.display(description="Refreshes")
    def refreshes(self, found: Endpoint) -> str:
        return "Yes" if found.refreshable else "No"

    @admin.display(description="Status")
    def shown_status(self, found: Endpoint) -> SafeString:
        return cells.state_tag(found.status)

    @admin.display(description="Updated (UTC)")
    def updated(self, found: Endpoint) -> SafeString | str:
        return cells.moment(found.updated_at)
