"""Retries and replays of many: a list, and a page of each that follows its progress."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import Facet, MirroredModelAdmin, curl_of
from apps.workspaces.scoped_admin import cells

from ..api import BulkActionViewSet
from ..models import BulkAction
from ..states import BulkItemState, BulkState, BulkVerb

SKIPPED_SHOWN = 50
NOUNS = {BulkVerb.RETRY: "Retry", BulkVerb.REPLAY: "Replay"}


def filter_words(action: BulkAction) -> str:
    """Say which deliveries were meant. Shape: "state Failed; kind live"."""
    if action.filter is None:
        return "Ticked one by one"
    parts = (
        f"{name.replace('_', ' ')} {' or '.join(cells.state_word(value) for value in values)}"
        for name, values in sorted(action.filter.items())
    )
    return "; ".join(parts) or "All deliveries"


class BulkActionAdmin(MirroredModelAdmin):
    viewset = BulkActionViewSet
    api_path = "bulk-actions"
    url_path = "bulk-actions"
    list_title = "Bulk actions"
    list_subtitle = "Retries and replays of many deliveries at once. Newest first."
    empty_title = "None yet"
    empty_text = "Tick deliveries in their list, or filter it, to retry or replay many at once."
    list_display = ("when", "name", "shown_state", "meant", "done", "skipped", "who")
    list_display_links = ("when",)
    sort_columns = {"when": "created_at"}
    facets = (
        Facet(parameter="action", title="action", field="verb", values=list(BulkVerb)),
        Facet(parameter="state", title="state", field="state", values=list(BulkState)),
    )
    search_help_text = "Paste a whole ID"
    object_template = "destinations/bulk_action.html"

    def object_context(self, request: HttpRequest, found: BulkAction) -> dict[str, Any]:
        skipped = found.items.filter(state=BulkItemState.SKIPPED).select_related("delivery").order_by("number")
        return {
            "action": found,
            "noun": NOUNS[BulkVerb(found.verb)],
            "past": "replayed" if found.verb == BulkVerb.REPLAY else "retried",
            "worked": found.done_count + found.skipped_count,
            "ended": found.state == BulkState.COMPLETED,
            "facts": self.facts(found),
            "skipped": list(skipped[:SKIPPED_SHOWN]),
            "curl": curl_of(f"bulk-actions/{found.pk}"),
        }

    def name_of(self, found: BulkAction) -> str:
        return f"{NOUNS[BulkVerb(found.verb)]} of {found.delivery_count:,}"

    def facts(self, found: BulkAction) -> list[tuple[str, SafeString | str]]:
        return [
            ("Asked by", self.who(found)),
            ("Deliveries", f"{found.delivery_count:,}"),
            ("Which", filter_words(found)),
            ("Begun (UTC)", cells.moment(found.created_at)),
            ("Ended (UTC)", cells.moment(found.ended_at)),
        ]

    @admin.display(description="When (UTC)")
    def when(self, found: BulkAction) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="Action")
    def name(self, found: BulkAction) -> str:
        return self.name_of(found)

    @admin.display(description="State")
    def shown_state(self, found: BulkAction) -> SafeString:
        return cells.state_tag(found.state)

    @admin.display(description="Which")
    def meant(self, found: BulkAction) -> SafeString:
        return cells.words(filter_words(found))

    @admin.display(description="Done")
    def done(self, found: BulkAction) -> SafeString:
        return format_html('<span class="num">{}</span>', f"{found.done_count:,}")

    @admin.display(description="Skipped")
    def skipped(self, found: BulkAction) -> SafeString:
        return format_html('<span class="num">{}</span>', f"{found.skipped_count:,}")

    @admin.display(description="Asked by")
    def who(self, found: BulkAction) -> SafeString:
        return cells.words(found.asked_by.get("label") or found.asked_by.get("kind", ""))
