"""List and object page of destinations in the portal."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import BooleanField, Exists, OuterRef, QuerySet, Value
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import Facet, MirroredModelAdmin, curl_of
from apps.workspaces.scoped_admin import Need, cells, may

from .. import views
from ..api import DestinationViewSet
from ..health import health_of
from ..models import Destination, DestinationSecret
from ..selectors import (
    Summary,
    find_test_to_show,
    list_changes,
    list_days,
    summarize,
)
from ..states import UNDELIVERED, Contents, DeliveryState, DestinationState
from ..views.policy_texts import show_policies
from ..views.setup import next_page
from ..views.shown_tests import HISTORY, ShownTest
from .backfills import backfill_context
from .changes import Change
from .deliveries_chart import draw
from .watching import watch_context

CHANGES = 6
LISTED = [state for state in DestinationState if state != DestinationState.DELETED]
WAITING = tuple(state for state in UNDELIVERED if state not in (DeliveryState.FAILED, DeliveryState.SKIPPED))
SWITCHABLE = (DestinationState.READY, DestinationState.ENABLED, DestinationState.PAUSED)
NEXT_STEP_WORDS = {
    "step2": "Next: make its external ID",
    "step3": "Next: create the role in AWS",
    "step4": "Next: test the connection",
}


class DestinationAdmin(MirroredModelAdmin):
    viewset = DestinationViewSet
    api_path = "destinations"
    url_path = "destinations"
    list_title = "Destinations"
    list_subtitle = "Storage of yours that receives every sync as one NDJSON object."
    empty_title = "No destination yet"
    empty_text = (
        "A destination is a bucket in your own AWS account. We assume a role of yours and write one object"
        " per sync: prefix/external ID/consent/authorization/time-sync.ndjson."
    )
    list_display = ("shown_name", "shown_state", "last_test", "last_delivery", "created")
    list_display_links = ("shown_name",)
    sort_columns = {"shown_name": "name", "shown_state": "state", "created": "created_at"}
    facets = (Facet(parameter="state", title="state", field="state", values=LISTED),)
    search_help_text = "Paste a whole ID, bucket or name"
    object_template = "destinations/destination.html"

    def own_urls(self) -> list[URLPattern]:
        one = "<uuid:destination_id>/"
        return [
            self.own("new/", views.create, "create"),
            self.own(f"{one}setup/where/", views.where, "step1"),
            self.own(f"{one}setup/external-id/", views.external_id, "step2"),
            self.own(f"{one}setup/aws/", views.aws, "step3"),
            self.own(f"{one}setup/test/", views.setup_test, "step4"),
            self.own(f"{one}edit/", views.edit, "edit"),
            self.own(f"{one}options/", views.options, "options"),
            self.own(f"{one}test/", views.run_test, "test"),
            self.own(f"{one}set-region/", views.set_region, "set_region"),
            self.own(f"{one}enable/", views.enable, "enable"),
            self.own(f"{one}disable/", views.disable, "disable"),
            self.own(f"{one}backfill/", views.backfill, "backfill"),
            self.own(f"{one}reconciliations/", views.reconciliations, "reconciliations"),
            self.own(f"{one}reconcile/", views.reconcile, "reconcile"),
            self.own(f"{one}rotate/", views.rotate, "rotate"),
            self.own(f"{one}rotate/test/", views.adopt, "adopt"),
            self.own(f"{one}rotate/discard/", views.discard, "discard"),
            self.own(f"{one}delete/", views.delete, "remove"),
        ]

    # -- the list ---------------------------------------------------------------------------------
    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        scope = self.scope(request)
        if not may(scope.role, Need.GUARD, str(scope.mode)):
            return {"empty_text": f"{self.empty_text} An owner or admin of the workspace can add one."}
        return {"add_url": self.url("create"), "add_text": "Add destination"}

    def listed_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what is deleted, as the API does; say on each row whether the reader may go on with it."""
        scope = self.scope(request)
        may_guard = may(scope.role, Need.GUARD, str(scope.mode))
        rows: QuerySet[Any] = super().listed_rows(request).filter(state__in=LISTED)
        marked: QuerySet[Any] = rows.annotate(set_up_by_reader=Value(may_guard, output_field=BooleanField()))
        return marked

    def decorate(self, rows: list[Any]) -> None:
        """Give each row of the page its summary: three queries, however many rows."""
        summaries = summarize(rows, now=timezone.now())
        for row in rows:
            row.summary = summaries[row.pk]

    @admin.display(description="Name")
    def shown_name(self, found: Destination) -> SafeString:
        bucket = format_html('<span class="second"><code>s3://{}/{}</code></span>', found.bucket, found.prefix)
        return format_html("{}{}", cells.words(found.name), bucket)

    @admin.display(description="State")
    def shown_state(self, found: Any) -> SafeString:
        return format_html('{}<span class="second">{}</span>', cells.state_tag(found.state), self._what_is_next(found))

    def _what_is_next(self, found: Any) -> SafeString | str:
        summary: Summary = found.summary
        if found.state in (DestinationState.DRAFT, DestinationState.UNTESTED):
            page = "step4"
            if found.state == DestinationState.DRAFT:
                page = next_page(found, has_external_id=summary.has_external_id)
            words = NEXT_STEP_WORDS[page]
            if found.set_up_by_reader:
                return format_html('<a href="{}">{}</a>', self.url(page, found.pk), words)
            return words
        if found.state == DestinationState.READY:
            return "Next: enable it"
        if found.paused_reason:
            return str(found.paused_reason)
        failing = summary.test is not None and not summary.test.passed
        return "Test failing" if failing and found.state == DestinationState.ENABLED else ""

    @admin.display(description="Last test (UTC)")
    def last_test(self, found: Any) -> SafeString | str:
        test = found.summary.test
        if test is None:
            return "None yet"
        outcome = "Passed" if test.passed else "Failed"
        older = ", of earlier settings" if test.config_version != found.config_version else ""
        return format_html('{}<span class="second">{}{}</span>', cells.moment(test.ran_at), outcome, older)

    @admin.display(description="Last delivery (UTC)")
    def last_delivery(self, found: Any) -> SafeString:
        summary: Summary = found.summary
        at = cells.moment(summary.last_delivered_at) if summary.last_delivered_at else "None in 28 days"
        waiting = sum(summary.counts[state] for state in WAITING)
        counted = (
            (summary.counts[DeliveryState.DELIVERED], "delivered"),
            (waiting, "waiting"),
            (summary.counts[DeliveryState.FAILED], "failed"),
        )
        words = ", ".join(f"{count:,} {word}" for count, word in counted if count)
        return format_html('{}<span class="second">{}</span>', at, f"28 days: {words}" if words else "")

    @admin.display(description="Created (UTC)")
    def created(self, found: Destination) -> SafeString | str:
        return cells.moment(found.created_at)

    # -- the page of one ----------------------------------------------------------------------------
    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        secret = DestinationSecret.objects.filter(destination=OuterRef("pk"))
        rows: QuerySet[Any] = super().get_queryset(request).select_related("application")
        waiting = secret.filter(next_external_id__isnull=False)
        marked: QuerySet[Any] = rows.annotate(has_external_id=Exists(secret), next_waits=Exists(waiting))
        return marked

    def object_context(self, request: HttpRequest, found: Any) -> dict[str, Any]:
        tests = list(found.tests.order_by("-ran_at", "id")[:HISTORY])
        latest = find_test_to_show(found, recent=tests)
        deleted = found.state == DestinationState.DELETED
        draft = found.state == DestinationState.DRAFT
        return {
            "destination": found,
            "shown": ShownTest(latest) if latest else None,
            "test_is_current": latest is not None and latest.config_version == found.config_version,
            "history": [ShownTest(each) for each in tests],
            "facts": self.facts(found, issued=found.has_external_id),
            "curl": "" if deleted else curl_of(f"{self.api_path}/{found.pk}"),
            "policies": None if deleted or draft else show_policies(request, found),
            "chart": draw(list_days(found, now=timezone.now())),
            "changes": [Change(event) for event in list_changes(found, most=CHANGES)],
            "health": health_of(found, now=timezone.now()),
            **backfill_context(self.scope(request), found, now=timezone.now()),
            **watch_context(found, tests),
            "deliveries": found.deliveries.order_by("-created_at", "id")[:6],
            "switchable": found.state in SWITCHABLE,
            "next_waits": found.next_waits,
            "continue_url": self.url(next_page(found, has_external_id=found.has_external_id), found.pk)
            if draft
            else "",
        }

    def facts(self, found: Destination, *, issued: bool = True) -> list[tuple[str, SafeString | str]]:
        return [
            ("Bucket", cells.code(found.bucket)),
            ("Prefix", cells.code(found.prefix)),
            ("Region", cells.code(found.region)),
            ("Role", cells.code(found.role_arn)),
            ("Bucket owner", cells.code(found.expected_bucket_owner) if found.expected_bucket_owner else "As the role"),
            ("External ID", "Shown once, when it was made" if issued else "Not made yet"),
            ("Contents", "Changes since the last delivery" if found.contents == Contents.DELTA else "Everything"),
            ("Beside the data", _added(found)),
            ("Encryption", cells.code(found.kms_key_arn) if found.kms_key_arn else "SSE-S3"),
            ("Created (UTC)", cells.moment(found.created_at)),
        ]


def _added(found: Destination) -> str:
    """Say what lies beside the data objects."""
    added = [word for word, is_on in (("Manifest", found.manifest), ("Deletions", found.tombstones)) if is_on]
    return ", ".join(added) or "Nothing"
