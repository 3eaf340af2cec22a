"""List and object page of destinations in the portal."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import Need, ScopedModelAdmin, cells, may

from .. import views
from ..models import Destination
from ..selectors import find_test_to_show, policies_for
from ..states import DestinationState
from .connection_tests import HISTORY, ShownTest


class DestinationAdmin(ScopedModelAdmin):
    url_path = "destinations"
    list_title = "Destinations"
    list_subtitle = "Storage of yours that receives every sync as one NDJSON object."
    empty_title = "No destination yet"
    empty_text = (
        "A destination is a bucket in your own AWS account. We assume a role of yours and write one object"
        " per sync: prefix/external ID/consent/authorization/time-sync.ndjson."
    )
    list_display = ("shown_name", "shown_state", "where", "last_delivery", "created")
    list_display_links = ("shown_name",)
    list_filter = ("state",)
    ordering = ("-created_at", "id")
    search_texts = ("bucket", "name")
    search_help_text = "Paste a whole ID, bucket or name"
    object_template = "destinations/destination.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        latest = Max("deliveries__delivered_at")
        rows: QuerySet[Any] = super().get_queryset(request).annotate(last_delivered_at=latest)
        return rows

    def own_urls(self) -> list[URLPattern]:
        one = "<uuid:destination_id>/"
        return [
            self.own("new/", views.create, "create"),
            self.own(f"{one}edit/", views.edit, "edit"),
            self.own(f"{one}test/", views.run_test, "test"),
            self.own(f"{one}set-region/", views.set_region, "set_region"),
            self.own(f"{one}enable/", views.enable, "enable"),
            self.own(f"{one}disable/", views.disable, "disable"),
            self.own(f"{one}backfill/", views.backfill, "backfill"),
            self.own(f"{one}rotate/", views.rotate, "rotate"),
            self.own(f"{one}delete/", views.delete, "remove"),
        ]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        scope = self.scope(request)
        if not may(scope.role, Need.GUARD, str(scope.mode)):
            return {}
        return {"add_url": self.url("create"), "add_text": "Add destination"}

    def object_context(self, request: HttpRequest, found: Destination) -> dict[str, Any]:
        test = find_test_to_show(found)
        return {
            "destination": found,
            "shown": ShownTest(test) if test else None,
            "test_is_current": test is not None and test.config_version == found.config_version,
            "history": [ShownTest(each) for each in found.tests.order_by("-ran_at", "id")[:HISTORY]],
            "facts": self.facts(found),
            "policies": policies_for(found) if found.state != DestinationState.DELETED else None,
            "deliveries": found.deliveries.order_by("-created_at", "id")[:6],
        }

    def facts(self, found: Destination) -> list[tuple[str, SafeString | str]]:
        return [
            ("Bucket", cells.code(found.bucket)),
            ("Prefix", cells.code(found.prefix)),
            ("Region", cells.code(found.region)),
            ("Role", cells.code(found.role_arn)),
            ("Bucket owner", cells.code(found.expected_bucket_owner)),
            ("External ID", "Shown once, when it was made"),
            ("Encryption", cells.code(found.kms_key_arn) if found.kms_key_arn else "SSE-S3"),
            ("Created", cells.moment(found.created_at)),
        ]

    @admin.display(description="Name")
    def shown_name(self, found: Destination) -> str:
        return found.name

    @admin.display(description="State")
    def shown_state(self, found: Destination) -> SafeString:
        reason = format_html('<span class="second">{}</span>', found.paused_reason) if found.paused_reason else ""
        return format_html("{}{}", cells.state_tag(found.state), reason)

    @admin.display(description="Bucket")
    def where(self, found: Destination) -> SafeString:
        return format_html(
            '<code>s3://{}/{}</code><span class="second">{}</span>', found.bucket, found.prefix, found.region
        )

    @admin.display(description="Last delivery (UTC)")
    def last_delivery(self, found: Any) -> SafeString | str:
        return cells.moment(found.last_delivered_at) if found.last_delivered_at else "None yet"

    @admin.display(description="Created (UTC)")
    def created(self, found: Destination) -> SafeString | str:
        return cells.moment(found.created_at)
