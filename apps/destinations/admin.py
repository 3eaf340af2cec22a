"""Lists and object pages of destinations and deliveries, in the portal and in the console."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import ByDate, Need, ScopedModelAdmin, SupportModelAdmin, cells, may

from . import views
from .models import Delivery, Destination
from .selectors import policies_for
from .states import DeliveryState, DestinationState

# The steps of a connection test as people read them; a step that is not here keeps its name.
STEP_WORDS = {
    "check_form": "Fields checked",
    "our_identity": "Our own identity",
    "assume_role": "Role found and trusted",
    "refuse_without_external_id": "Refused without the external ID",
    "refuse_wrong_external_id": "Refused with a wrong external ID",
    "write_object": "Object written",
    "refuse_overwrite": "Overwriting refused",
    "encryption": "Encryption checked",
}
RETRYABLE = (DeliveryState.FAILED, DeliveryState.HELD, DeliveryState.RETRYING)


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
        test = found.tests.order_by("-ran_at", "id").first()
        return {
            "destination": found,
            "test": test,
            "steps": [{**step, "title": STEP_WORDS.get(step["name"], step["name"])} for step in test.steps]
            if test
            else [],
            "test_is_current": test is not None and test.config_version == found.config_version,
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


class DeliveryColumns:
    """Cells that the portal's list and the console's share."""

    @admin.display(description="When (UTC)")
    def when(self, found: Delivery) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="State")
    def shown_state(self, found: Delivery) -> SafeString:
        return cells.state_tag(found.state)

    @admin.display(description="Resources")
    def resource_count(self, found: Delivery) -> SafeString:
        return _number(found.resources if found.resources is not None else cells.NOTHING)

    @admin.display(description="Size")
    def size(self, found: Delivery) -> SafeString:
        return _number(cells.file_size(found.bytes))

    @admin.display(description="Tries")
    def tries(self, found: Delivery) -> SafeString:
        return _number(found.attempts)

    @admin.display(description="Next try (UTC)")
    def next_try(self, found: Delivery) -> SafeString | str:
        waiting = found.state in (DeliveryState.PENDING, DeliveryState.RETRYING)
        return cells.moment(found.next_attempt_at) if waiting else cells.NOTHING


class DeliveryAdmin(DeliveryColumns, ScopedModelAdmin):
    url_path = "deliveries"
    list_title = "Deliveries"
    list_subtitle = "Every object written, or not, to a destination. Newest first."
    empty_title = "No deliveries yet"
    empty_text = "The next sync of an authorization makes one for each enabled destination."
    list_display = (
        "when",
        "shown_state",
        "object_and_user",
        "destination",
        "resource_count",
        "size",
        "tries",
        "next_try",
    )
    list_display_links = ("when",)
    list_select_related = ("destination",)
    list_filter = ("state", ("destination", admin.RelatedOnlyFieldListFilter), ("created_at", ByDate))
    ordering = ("-created_at", "id")
    search_ids = ("pk", "sync_job_id", "authorization", "destination")
    search_texts = ("object_key", "external_id")
    search_help_text = "Paste a whole ID, object key or user"
    object_template = "destinations/delivery.html"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("<uuid:delivery_id>/retry/", views.retry, "retry"),
            self.own("<uuid:delivery_id>/replay/", views.replay, "replay"),
        ]

    def object_context(self, request: HttpRequest, found: Delivery) -> dict[str, Any]:
        return {
            "delivery": found,
            "attempts": found.attempt_rows.order_by("-number"),
            "facts": self.facts(found),
            "retryable": found.state in RETRYABLE,
            "replayable": found.state == DeliveryState.DELIVERED,
            "counts": sorted(found.resource_counts.items()),
        }

    def name_of(self, found: Delivery) -> str:
        return found.object_key.rpartition("/")[2]

    def facts(self, found: Delivery) -> list[tuple[str, SafeString | str]]:
        facts = [
            ("Object key", cells.code(found.object_key)),
            (
                "Destination",
                self._link("destinations_destination", found.destination_id, found.destination.name),
            ),
            ("User", cells.code(found.external_id)),
            ("Sync job", self._link("syncs_syncjob", found.sync_job_id, str(found.sync_job_id))),
            (
                "Authorization",
                self._link("authorizations_patientauthorization", found.authorization_id, str(found.authorization_id)),
            ),
            ("Kind", found.kind),
            ("Size", cells.file_size(found.bytes)),
            ("SHA-256", cells.code(found.sha256)),
            ("Created", cells.moment(found.created_at)),
            ("Delivered", cells.moment(found.delivered_at)),
            ("Next try", self.next_try(found)),
            ("Gives up", cells.moment(found.give_up_at)),
        ]
        if found.replay_of_id:
            facts.append(
                (
                    "Replay of",
                    self._link("destinations_delivery", found.replay_of_id, str(found.replay_of_id)),
                )
            )
        return facts

    def _link(self, model: str, pk: object, text: str) -> SafeString:
        address = reverse(f"{self.admin_site.name}:{model}_change", args=[pk])
        return format_html('<a href="{}">{}</a>', address, text)

    @admin.display(description="Object and user")
    def object_and_user(self, found: Delivery) -> SafeString:
        error = format_html('<span class="second bad">{}</span>', found.error_code) if found.error_code else ""
        return format_html(
            '{}<span class="second">{}</span>{}',
            cells.object_name(found.object_key),
            found.external_id,
            error,
        )


class DeliverySupportAdmin(DeliveryColumns, SupportModelAdmin):
    """For staff: no user, no object key (it begins with the user), nothing of the records."""

    url_path = "deliveries"
    list_title = "Deliveries"
    list_display = (
        "when",
        "shown_state",
        "application",
        "mode",
        "destination",
        "resource_count",
        "size",
        "tries",
        "error_code",
        "next_try",
    )
    list_display_links = ("when",)
    list_select_related = ("application", "destination")
    list_filter = ("state", "mode")
    ordering = ("-created_at", "id")
    search_ids = ("pk", "sync_job_id", "authorization", "destination")

    def facts(self, found: Delivery) -> list[tuple[str, SafeString | str]]:
        return [
            ("State", self.shown_state(found)),
            ("Application", str(found.application)),
            ("Mode", found.mode),
            ("Destination", cells.code(found.destination_id)),
            ("Sync job", cells.code(found.sync_job_id)),
            ("Tries", str(found.attempts)),
            ("Error", cells.code(found.error_code)),
            ("Whose", found.error_owner or cells.NOTHING),
            ("Created", cells.moment(found.created_at)),
            ("Next try", self.next_try(found)),
            ("Gives up", cells.moment(found.give_up_at)),
        ]

    def object_context(self, request: HttpRequest, found: Delivery) -> dict[str, Any]:
        return {"facts": self.facts(found)}

    def name_of(self, found: Delivery) -> str:
        return f"Delivery {found.pk}"


def _number(value: object) -> SafeString:
    return format_html('<span class="num">{}</span>', value)


PORTAL = [(Destination, DestinationAdmin), (Delivery, DeliveryAdmin)]
SUPPORT = [(Delivery, DeliverySupportAdmin)]
