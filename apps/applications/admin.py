"""Lists of keys (portal), applications and requests for live access (console)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import Need, ScopedModelAdmin, SupportModelAdmin, cells, may

from . import views
from .models import ApiKey, Application, LiveAccessRequest


def key_state(key: ApiKey) -> str:
    """Say in one word where a key is in its life."""
    if key.expires_at is None:
        return "active"
    return "expiring" if key.expires_at > timezone.now() else "ended"


class ApiKeyAdmin(ScopedModelAdmin):
    url_path = "keys"
    list_title = "API keys"
    list_subtitle = "A secret is shown once, when it is made. Afterwards its first and last characters tell it apart."
    empty_title = "No key yet"
    empty_text = "Create a secret key for your server. It is shown once, so have your vault open."
    list_display = ("key", "state", "kind", "scope_names", "made", "used", "expires")
    list_display_links = ("key",)
    list_filter = ("kind",)
    ordering = ("-created_at", "id")
    object_template = "applications/key.html"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("new/", views.create_key, "create"),
            self.own("<uuid:key_id>/roll/", views.roll_key, "roll"),
            self.own("<uuid:key_id>/end/", views.end_key, "end"),
        ]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        scope = self.scope(request)
        if not may(scope.role, Need.GUARD, str(scope.mode)):
            return {}
        return {"add_url": self.url("create"), "add_text": "Create key"}

    def object_context(self, request: HttpRequest, found: ApiKey) -> dict[str, Any]:
        return {"facts": self.facts(found), "state": key_state(found), "api_key": found}

    def facts(self, found: ApiKey) -> list[tuple[str, SafeString | str]]:
        return [
            ("Key", cells.code(found.public_value or str(found))),
            ("Kind", found.get_kind_display()),
            ("Mode", found.mode),
            ("Scopes", ", ".join(found.scopes)),
            ("Note", found.note or cells.NOTHING),
            ("Created", format_html("{} by {}", cells.moment(found.created_at), found.created_by)),
            ("Last used", self.used(found)),
            ("Ends", self.expires(found)),
            ("Replaced by", str(found.replaced_by) if found.replaced_by else cells.NOTHING),
        ]

    @admin.display(description="Key")
    def key(self, found: ApiKey) -> SafeString | str:
        return cells.code(found.public_value or str(found))

    @admin.display(description="State")
    def state(self, found: ApiKey) -> SafeString:
        return cells.state_tag(key_state(found))

    @admin.display(description="Scopes")
    def scope_names(self, found: ApiKey) -> str:
        return ", ".join(found.scopes)

    @admin.display(description="Created (UTC)")
    def made(self, found: ApiKey) -> SafeString:
        return format_html('{}<span class="second">{}</span>', cells.moment(found.created_at), found.created_by)

    @admin.display(description="Last used (UTC)")
    def used(self, found: ApiKey) -> SafeString | str:
        if found.last_used_at is None:
            return "Never used"
        return format_html('{}<span class="second">{}</span>', cells.moment(found.last_used_at), found.last_used_ip)

    @admin.display(description="Ends (UTC)")
    def expires(self, found: ApiKey) -> SafeString | str:
        return cells.moment(found.expires_at) if found.expires_at else "Does not end"


class ApplicationAdmin(SupportModelAdmin):
    url_path = "applications"
    list_title = "Applications"
    list_display = ("name", "slug", "workspace", "live", "created")
    list_display_links = ("name",)
    list_select_related = ("workspace",)
    ordering = ("-created_at", "id")
    search_texts = ("slug", "name")

    def facts(self, found: Application) -> list[tuple[str, SafeString | str]]:
        return [
            ("Workspace", str(found.workspace)),
            ("Short name", cells.code(found.slug)),
            ("Sync frequency", found.get_sync_frequency_display()),
            ("Live access", self.live(found)),
            ("Granted by", found.live_granted_by or cells.NOTHING),
            ("Created", cells.moment(found.created_at)),
        ]

    @admin.display(description="Live access (UTC)")
    def live(self, found: Application) -> SafeString | str:
        return cells.moment(found.live_granted_at) if found.live_granted_at else "No"

    @admin.display(description="Created (UTC)")
    def created(self, found: Application) -> SafeString | str:
        return cells.moment(found.created_at)


class LiveAccessRequestAdmin(SupportModelAdmin):
    url_path = "live-access"
    list_title = "Live access"
    list_subtitle = "Teams that ask for live keys. Open requests first."
    empty_title = "No requests"
    empty_text = "When a team asks for live access, its request waits here for an answer."
    list_display = ("application", "workspace", "state", "asked", "decided")
    list_display_links = ("application",)
    list_select_related = ("application__workspace",)
    list_filter = ("decision",)
    ordering = ("-decision", "-requested_at", "id")

    def own_urls(self) -> list[URLPattern]:
        return [self.own("<uuid:request_id>/decide/", views.decide_request, "decide")]

    object_template = "applications/live_access_request.html"

    def facts(self, found: LiveAccessRequest) -> list[tuple[str, SafeString | str]]:
        return [
            ("Application", str(found.application)),
            ("Workspace", str(found.application.workspace)),
            ("Purpose", found.purpose),
            ("Asked", self.asked(found)),
            ("Answer", cells.state_tag(found.decision)),
            ("Answered", self.decided(found)),
            ("Notes", found.notes or cells.NOTHING),
        ]

    @admin.display(description="Workspace")
    def workspace(self, found: LiveAccessRequest) -> str:
        return str(found.application.workspace)

    @admin.display(description="Answer")
    def state(self, found: LiveAccessRequest) -> SafeString:
        return cells.state_tag(found.decision)

    @admin.display(description="Asked (UTC)")
    def asked(self, found: LiveAccessRequest) -> SafeString:
        return format_html('{}<span class="second">{}</span>', cells.moment(found.requested_at), found.requested_by)

    @admin.display(description="Answered (UTC)")
    def decided(self, found: LiveAccessRequest) -> SafeString | str:
        if found.decided_at is None:
            return cells.NOTHING
        return format_html('{}<span class="second">{}</span>', cells.moment(found.decided_at), found.decided_by)


PORTAL = [(ApiKey, ApiKeyAdmin)]
SUPPORT = [(LiveAccessRequest, LiveAccessRequestAdmin), (Application, ApplicationAdmin)]
