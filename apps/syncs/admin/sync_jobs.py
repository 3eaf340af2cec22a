"""Sync jobs: the list, and the page that has a job, its deliveries and their attempts together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import Facet, MirroredModelAdmin, curl_of
from apps.destinations.models import Delivery
from apps.directory.models import Endpoint
from apps.workspaces.scoped_admin import SupportModelAdmin, cells

from ..api import SyncJobViewSet
from ..filters import HAS_GAPS
from ..models import SyncJob
from ..selectors import outcome_text
from ..states import SyncCause, SyncState
from . import job_words as words

DELIVERIES_SHOWN = 25


def names_of_endpoints(ids: Iterable[str]) -> dict[str, str]:
    return {str(each.pk): str(each) for each in Endpoint.objects.filter(pk__in=list(ids))}


def names_of_gaps(values: Iterable[str]) -> dict[str, str]:
    return {"true": "With gaps", "false": "Whole"}


class SyncJobColumns:
    """Cells that the portal's list and the console's share."""

    @admin.display(description="Created (UTC)")
    def created(self, found: SyncJob) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="State")
    def shown_state(self, found: SyncJob) -> SafeString:
        error = format_html('<span class="second bad">{}</span>', found.error_code) if found.error_code else ""
        more = words.what_comes_next(found)
        second = format_html('<span class="second">{}</span>', more) if more else ""
        return format_html("{}{}{}", cells.state_tag(found.state), error, second)

    @admin.display(description="Cause")
    def shown_cause(self, found: SyncJob) -> str:
        return words.CAUSES[SyncCause(found.cause)]

    @admin.display(description="Resources")
    def resources(self, found: SyncJob) -> SafeString:
        return format_html('<span class="num">{}</span>', f"{sum(found.resource_counts.values()):,}")

    @admin.display(description="Requests")
    def requests(self, found: SyncJob) -> SafeString:
        return format_html('<span class="num">{}</span>', f"{found.requests_made:,}")

    @admin.display(description="Gaps")
    def gap_count(self, found: SyncJob) -> str:
        return str(len(found.gaps)) if found.gaps else "None"

    @admin.display(description="Took")
    def took(self, found: SyncJob) -> SafeString:
        return format_html('<span class="num">{}</span>', words.lasted(found))

    def plain_facts(self, found: SyncJob) -> list[tuple[str, SafeString | str]]:
        return [
            ("Cause", self.shown_cause(found)),
            ("Sequence", str(found.seq)),
            ("Requests made", f"{found.requests_made:,}"),
            ("Steps", str(found.attempts)),
            ("Created (UTC)", cells.moment(found.created_at)),
            ("Waited", words.waited(found)),
            ("Started (UTC)", cells.moment(found.started_at)),
            ("Ended (UTC)", cells.moment(found.ended_at)),
            ("Took", words.lasted(found)),
        ]


class SyncJobAdmin(SyncJobColumns, MirroredModelAdmin):
    viewset = SyncJobViewSet
    api_path = "sync-jobs"
    url_path = "sync-jobs"
    list_title = "Sync jobs"
    list_subtitle = "Each fetch of a patient's records from a source, and what was delivered of it."
    empty_title = "No sync jobs yet"
    empty_text = "A sync starts when a patient authorizes, and then as often as your settings say."
    list_display = ("created", "shown_state", "user", "source", "shown_cause", "resources", "requests", "took")
    list_display_links = ("created",)
    list_select_related = ("authorization__endpoint", "authorization__consent__end_user")
    sort_columns = {
        "created": "created_at",
        "shown_state": "state",
        "shown_cause": "cause",
        "requests": "requests_made",
    }
    facets = (
        Facet(parameter="state", title="state", field="state", values=list(SyncState)),
        Facet(
            parameter="cause",
            title="cause",
            field="cause",
            values=list(SyncCause),
            names=lambda _: {str(cause): text for cause, text in words.CAUSES.items()},
        ),
        Facet(
            parameter="has_gaps",
            title="gaps",
            field="any_gaps",
            expression=HAS_GAPS,
            values=("true", "false"),
            names=names_of_gaps,
        ),
        Facet(parameter="endpoint_id", title="source", field="authorization__endpoint_id", names=names_of_endpoints),
        Facet(parameter="error_code", title="error", field="error_code"),
    )
    search_help_text = "Paste a whole ID or user"
    object_template = "syncs/sync_job.html"

    def object_context(self, request: HttpRequest, found: SyncJob) -> dict[str, Any]:
        deliveries = Delivery.objects.filter(sync_job_id=found.pk, application=found.application_id, mode=found.mode)
        shown = deliveries.select_related("destination").prefetch_related("attempt_rows").order_by("-created_at", "id")
        return {
            "job": found,
            "next": words.what_comes_next(found) if found.state != SyncState.COMPLETED else "",
            "facts": self.facts(found),
            "counts": sorted(found.resource_counts.items()),
            "total": sum(found.resource_counts.values()),
            "gaps": [words.ShownGap(gap) for gap in found.gaps],
            "rejected": words.rejected_words(found),
            "outcome": outcome_text(found),
            "deliveries": list(shown[:DELIVERIES_SHOWN]),
            "delivery_count": deliveries.count(),
            "curl": curl_of(f"sync-jobs/{found.pk}"),
        }

    def name_of(self, found: SyncJob) -> str:
        return f"{words.CAUSES[SyncCause(found.cause)]} {found.created_at:%Y-%m-%d %H:%M}"

    def facts(self, found: SyncJob) -> list[tuple[str, SafeString | str]]:
        address = reverse(
            f"{self.admin_site.name}:authorizations_patientauthorization_change",
            args=[found.authorization_id],
        )
        link = format_html('<a href="{}">{}</a>', address, cells.code(found.authorization_id))
        return [
            ("User", self.user(found)),
            ("Source", self.source(found)),
            ("Authorization", link),
            *self.plain_facts(found),
        ]

    @admin.display(description="User")
    def user(self, found: SyncJob) -> SafeString | str:
        return cells.words(found.authorization.consent.end_user.external_id)

    @admin.display(description="Source")
    def source(self, found: SyncJob) -> SafeString:
        return cells.words(found.authorization.endpoint)


class SyncJobSupportAdmin(SyncJobColumns, SupportModelAdmin):
    """For staff: states, counts and faults; no user and nothing of the records."""

    url_path = "sync-jobs"
    list_title = "Sync jobs"
    list_display = (
        "created",
        "shown_state",
        "application",
        "mode",
        "shown_cause",
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
