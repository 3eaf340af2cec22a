"""Lists and object pages of deliveries, in the portal and in the console."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import ByDate, ScopedModelAdmin, SupportModelAdmin, cells

from .. import views
from ..models import Delivery
from ..states import DeliveryState

RETRYABLE = (DeliveryState.FAILED, DeliveryState.HELD, DeliveryState.RETRYING)


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
