"""Lists and object pages of deliveries, in the portal and in the console."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import Facet, MirroredModelAdmin
from apps.workspaces.scoped_admin import Need, SupportModelAdmin, cells, may

from .. import views
from ..api import DeliveryViewSet
from ..models import Delivery, DeliveryAttempt, Destination
from ..states import DeliveryKind, DeliveryState
from . import delivery_words as words
from .delivery_page import delivery_context


def names_of_destinations(ids: Iterable[str]) -> dict[str, str]:
    rows = Destination.objects.filter(pk__in=list(ids)).values_list("pk", "name")
    return {str(pk): name for pk, name in rows}


class DeliveryColumns:
    """Cells that the portal's list and the console's share."""

    @admin.display(description="When (UTC)")
    def when(self, found: Delivery) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="State")
    def shown_state(self, found: Delivery) -> SafeString:
        error = format_html('<span class="second bad">{}</span>', found.error_code) if found.error_code else ""
        more = words.what_comes_next(found)
        second = format_html('<span class="second">{}</span>', more) if more else ""
        return format_html("{}{}{}", cells.state_tag(found.state), error, second)

    @admin.display(description="Resources")
    def resource_count(self, found: Delivery) -> SafeString:
        return _number(f"{found.resources:,}" if found.resources is not None else cells.NOTHING)

    @admin.display(description="Size")
    def size(self, found: Delivery) -> SafeString:
        return _number(cells.file_size(found.bytes))

    @admin.display(description="Tries")
    def tries(self, found: Delivery) -> SafeString:
        return _number(found.attempts)


class DeliveryAdmin(DeliveryColumns, MirroredModelAdmin):
    viewset = DeliveryViewSet
    api_path = "deliveries"
    url_path = "deliveries"
    list_title = "Deliveries"
    list_subtitle = "Every object written, or not, to a destination. Newest first."
    empty_title = "No deliveries yet"
    empty_text = "The next sync of an authorization makes one for each enabled destination."
    list_template = "destinations/delivery_list.html"
    list_display = (
        "when",
        "shown_state",
        "object_and_user",
        "destination",
        "resource_count",
        "size",
        "tries",
        "last_took",
    )
    list_display_links = ("when",)
    list_select_related = ("destination", "authorization")
    sort_columns = {
        "when": "created_at",
        "shown_state": "state",
        "object_and_user": "object_key",
        "resource_count": "resources",
        "size": "bytes",
        "tries": "attempts",
    }
    facets = (
        Facet(parameter="state", title="state", field="state", values=list(DeliveryState)),
        Facet(parameter="kind", title="kind", field="kind", values=list(DeliveryKind)),
        Facet(parameter="destination_id", title="destination", field="destination_id", names=names_of_destinations),
        Facet(parameter="error_code", title="error", field="error_code"),
    )
    search_help_text = "Paste a whole ID, object key or user"
    object_template = "destinations/delivery.html"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("retry-many/", views.retry_many, "retry_many"),
            self.own("replay-many/", views.replay_many, "replay_many"),
            self.own("<uuid:delivery_id>/retry/", views.retry, "retry"),
            self.own("<uuid:delivery_id>/replay/", views.replay, "replay"),
        ]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        return {"ticks": may(self.scope(request).role, Need.WRITE)}

    def decorate(self, rows: list[Any]) -> None:
        """Give each row how long its last attempt took."""
        attempts = DeliveryAttempt.objects.filter(delivery__in=rows).order_by("number")
        lasting = dict(attempts.values_list("delivery_id", "milliseconds"))
        for row in rows:
            row.last_milliseconds = lasting.get(row.pk)

    def object_context(self, request: HttpRequest, found: Delivery) -> dict[str, Any]:
        return delivery_context(self.scope(request), found)

    def name_of(self, found: Delivery) -> str:
        return found.object_key.rpartition("/")[2]

    @admin.display(description="Object and user")
    def object_and_user(self, found: Delivery) -> SafeString:
        kind = "" if found.kind == DeliveryKind.LIVE else f" · {words.KINDS[DeliveryKind(found.kind)]}"
        return format_html(
            '{}<span class="second">{}{}</span>',
            cells.object_name(found.object_key),
            cells.words(found.external_id),
            kind,
        )

    @admin.display(description="Last try")
    def last_took(self, found: Any) -> SafeString:
        return _number(words.took(found.last_milliseconds))


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
            ("Whose", words.OWNERS.get(found.error_owner, cells.NOTHING)),
            ("Created", cells.moment(found.created_at)),
            ("Gives up", cells.moment(found.give_up_at)),
        ]

    def object_context(self, request: HttpRequest, found: Delivery) -> dict[str, Any]:
        return {"facts": self.facts(found)}

    def name_of(self, found: Delivery) -> str:
        return f"Delivery {found.pk}"


def _number(value: object) -> SafeString:
    return format_html('<span class="num">{}</span>', value)
