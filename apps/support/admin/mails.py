"""Mails in the console: to whom, about what, and why one did not leave. Their text is nowhere to be read."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from apps.mails.models import Mail
from apps.workspaces.scoped_admin import SupportModelAdmin, cells


class MailAdmin(SupportModelAdmin):
    url_path = "mails"
    list_title = "Mails"
    list_subtitle = "What was queued, sent or given up. Rows are kept for a month, without their text."
    empty_title = "No mails"
    list_display = ("kind", "recipient", "shown_state", "tries", "created", "ended")
    list_display_links = ("kind",)
    list_filter = ("state",)
    ordering = ("-created_at", "id")
    search_texts = ("recipient", "workspace_id", "application_id")

    def facts(self, found: Mail) -> list[tuple[str, SafeString | str]]:
        return [
            ("Kind", found.kind),
            ("To", found.recipient),
            ("State", self.shown_state(found)),
            ("Tries", self.tries(found)),
            ("Next try", cells.moment(None if found.ended_at else found.next_attempt_at)),
            ("Error", cells.code(found.error_code)),
            ("Means", found.error_message or cells.NOTHING),
            ("Workspace", cells.code(found.workspace_id)),
            ("Application", cells.code(found.application_id)),
            ("Mode", found.mode or cells.NOTHING),
            ("Queued", self.created(found)),
            ("Ended", self.ended(found)),
        ]

    @admin.display(description="State")
    def shown_state(self, found: Mail) -> SafeString:
        return cells.state_tag(found.state)

    @admin.display(description="Tries")
    def tries(self, found: Mail) -> str:
        return str(found.attempts)

    @admin.display(description="Queued (UTC)")
    def created(self, found: Mail) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="Ended (UTC)")
    def ended(self, found: Mail) -> SafeString | str:
        return cells.moment(found.ended_at)
