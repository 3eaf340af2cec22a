"""The list of patient authorizations. Its page with syncs and deliveries is the dashboard's, one floor up."""

from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import ByDate, ScopedModelAdmin, cells

from .models import PatientAuthorization


class AuthorizationList(ScopedModelAdmin):
    url_path = "authorizations"
    list_title = "Authorizations"
    list_subtitle = "What patients have agreed to share, one row for each source."
    empty_title = "No patient has authorized yet"
    empty_text = "In test mode, run the consent pages as a synthetic patient with your publishable key."
    list_display = ("created", "state_shown", "user", "endpoint", "usage", "last_sync", "next_refresh")
    list_display_links = ("user",)
    list_select_related = ("endpoint", "consent__end_user")
    list_filter = ("state", "usage", ("endpoint", admin.RelatedOnlyFieldListFilter), ("created_at", ByDate))
    ordering = ("-created_at", "id")
    search_ids = ("pk", "consent")
    search_texts = ("consent__end_user__external_id",)
    search_help_text = "Paste a whole ID or user"

    def facts(self, found: PatientAuthorization) -> list[tuple[str, SafeString | str]]:
        return [
            ("User", cells.code(found.consent.end_user.external_id)),
            ("Source", str(found.endpoint)),
            ("Usage", found.usage),
            ("Consent", cells.code(found.consent_id)),
            ("Agreed", cells.moment(found.consent.agreed_at)),
            ("What was read", str(found.consent.text) if found.consent.text else cells.NOTHING),
            ("Shared", ", ".join(found.consent.shared_kinds) or cells.NOTHING),
            ("Last sync", cells.moment(found.last_synced_at)),
            ("Next refresh", cells.moment(found.next_refresh_at)),
            ("Data goes", cells.moment(found.purge_at)),
            ("Data gone", cells.moment(found.purged_at)),
        ]

    @admin.display(description="Created (UTC)")
    def created(self, found: PatientAuthorization) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="State")
    def state_shown(self, found: PatientAuthorization) -> SafeString:
        return cells.state_tag(found.state)

    @admin.display(description="User")
    def user(self, found: PatientAuthorization) -> SafeString:
        return format_html("<code>{}</code>", found.consent.end_user.external_id)

    @admin.display(description="Last sync (UTC)")
    def last_sync(self, found: PatientAuthorization) -> SafeString | str:
        return cells.moment(found.last_synced_at)

    @admin.display(description="Next refresh (UTC)")
    def next_refresh(self, found: PatientAuthorization) -> SafeString | str:
        return cells.moment(found.next_refresh_at)
