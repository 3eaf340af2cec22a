"""Lists of keys (portal), applications and requests for live access (console)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.workspaces.scoped_admin import Need, SupportModelAdmin, cells, may

from . import views
from .api import ApiKeyViewSet
from .keys import KeyKind, Scope
from .listing import Facet, MirroredModelAdmin, curl_of
from .models import ApiKey, Application, LiveAccessRequest

UNUSED = dt.timedelta(days=90)
SHOWN_SCOPES = 2
SCOPE_WORDS = {
    Scope.LINK: "consent and tokens",
    Scope.RECORDS_READ: "read records",
    Scope.DESTINATIONS_WRITE: "change destinations",
    Scope.DELIVERIES_REPLAY: "retry and replay deliveries",
    Scope.KEYS_WRITE: "create, roll and end keys",
    Scope.WEBHOOKS_WRITE: "change webhooks",
    Scope.AUTHORIZATIONS_WRITE: "sync and revoke authorizations",
    Scope.MEMBERS_WRITE: "change members",
}


def key_state(key: ApiKey) -> str:
    """Say in one word where a key is in its life."""
    if key.expires_at is None:
        return "active"
    return "expiring" if key.expires_at > timezone.now() else "ended"


def is_safe_to_end(key: ApiKey) -> bool:
    """Whether a key's successor is in use, and was used after it."""
    heir_used_at = key.replaced_by.last_used_at if key.replaced_by else None
    return heir_used_at is not None and (key.last_used_at is None or heir_used_at >= key.last_used_at)


def key_hint(key: ApiKey) -> str:
    """Advise on a key: whether the old one of a pair may end, whether an idle one is still needed."""
    state, heir = key_state(key), key.replaced_by
    if state == "expiring" and heir is not None:
        if is_safe_to_end(key):
            return "Its successor is in use: safe to end."
        return "Its successor has not been used yet." if heir.last_used_at is None else "Both are in use still."
    if state == "active" and timezone.now() - (key.last_used_at or key.created_at) > UNUSED:
        return "Not used for 90 days. If nobody needs it, end it."
    return ""


class ApiKeyAdmin(MirroredModelAdmin):
    viewset = ApiKeyViewSet
    api_path = "keys"
    url_path = "keys"
    list_title = "API keys"
    list_subtitle = "A secret is shown once, when it is made. Afterwards its first and last characters tell it apart."
    empty_title = "No key yet"
    empty_text = "Create a secret key for your server. It is shown once, so have your vault open."
    list_display = ("key", "state", "kind_and_scopes", "made", "used")
    list_display_links = ("key",)
    list_select_related = ("replaced_by",)
    sort_columns = {"made": "created_at", "used": "last_used_at"}
    facets = (Facet(parameter="kind", title="kind", field="kind", values=list(KeyKind)),)
    search_help_text = "Paste a whole ID or note"
    object_template = "applications/key.html"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("new/", views.create_key, "create"),
            self.own("<uuid:key_id>/roll/", views.roll_key, "roll"),
            self.own("<uuid:key_id>/end/", views.end_key, "end"),
            self.own("<uuid:key_id>/note/", views.note_key, "note"),
        ]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        scope = self.scope(request)
        if not may(scope.role, Need.GUARD, str(scope.mode)):
            return {}
        return {"add_url": self.url("create"), "add_text": "Create key"}

    def object_context(self, request: HttpRequest, found: ApiKey) -> dict[str, Any]:
        before = ApiKey.objects.filter(replaced_by=found.pk).first()
        return {
            "facts": self.facts(found),
            "curl": curl_of(f"{self.api_path}/{found.pk}"),
            "state": key_state(found),
            "api_key": found,
            "hint": key_hint(found),
            "is_safe": is_safe_to_end(found),
            "predecessor": before if before is not None and key_state(before) == "expiring" else None,
        }

    def facts(self, found: ApiKey) -> list[tuple[str, SafeString | str]]:
        heir = found.replaced_by
        return [
            ("Key", cells.code(found.public_value or str(found))),
            ("Kind", found.get_kind_display().capitalize()),
            ("May", ", ".join(scope_words(found)).capitalize()),
            ("Mode", found.mode.capitalize()),
            ("Stored at", cells.words(found.note) if found.note else "Not said"),
            ("Created", format_html("{} UTC by {}", cells.moment(found.created_at), cells.words(found.created_by))),
            ("Last used", last_use(found)),
            ("Ends", format_html("{} UTC", cells.moment(found.expires_at)) if found.expires_at else "Does not end"),
            ("Replaced by", _link(self, heir) if heir is not None else cells.NOTHING),
        ]

    @admin.display(description="Key")
    def key(self, found: ApiKey) -> SafeString | str:
        shown = format_html('<code class="whole">{}</code>', found.public_value or str(found))
        note = format_html('<span class="second">{}</span>', cells.words(found.note)) if found.note else ""
        return format_html("{}{}", shown, note)

    @admin.display(description="State")
    def state(self, found: ApiKey) -> SafeString:
        state = key_state(found)
        lines = [key_hint(found)]
        if found.expires_at is not None:
            ends = f"in {_left(found.expires_at)}, " if state == "expiring" else ""
            lines.insert(0, format_html("{}{}", ends, cells.moment(found.expires_at)))
        told = format_html_join("", '<span class="second">{}</span>', ((line,) for line in lines if line))
        return format_html("{}{}", cells.state_tag(state), told)

    @admin.display(description="Kind")
    def kind_and_scopes(self, found: ApiKey) -> SafeString:
        words = scope_words(found)
        more = f" and {len(words) - SHOWN_SCOPES} more" if len(words) > SHOWN_SCOPES + 1 else ""
        shown = ", ".join(words[:SHOWN_SCOPES] if more else words) + more
        return format_html(
            '{}<span class="second" title="{}">{}</span>',
            found.get_kind_display().capitalize(),
            ", ".join(words),
            shown,
        )

    @admin.display(description="Created (UTC)")
    def made(self, found: ApiKey) -> SafeString:
        by = cells.words(found.created_by)
        return format_html('{}<span class="second nowrap">{}</span>', cells.moment(found.created_at), by)

    @admin.display(description="Last used (UTC)")
    def used(self, found: ApiKey) -> SafeString | str:
        if found.last_used_at is None:
            return "Never used"
        return format_html('{}<span class="second">{}</span>', cells.moment(found.last_used_at), caller(found))


def last_use(key: ApiKey) -> SafeString | str:
    if key.last_used_at is None:
        return "Never used"
    return format_html("{} UTC from {}", cells.moment(key.last_used_at), caller(key))


def caller(key: ApiKey) -> str:
    """Name who used a key last. A publishable key is used by patients, whose addresses are not for the team."""
    return "a patient" if key.kind == KeyKind.PUBLISHABLE else key.last_used_ip


def scope_words(key: ApiKey) -> list[str]:
    return [SCOPE_WORDS[Scope(scope)] for scope in key.scopes]


def _link(listed: ApiKeyAdmin, key: ApiKey) -> SafeString:
    return format_html('<a href="{}"><code>{}</code></a>', listed.url("change", key.pk), str(key))


def _left(at: dt.datetime) -> str:
    """Shape: "6 days", "23 h", "40 min"."""
    minutes = max(1, round((at - timezone.now()).total_seconds() / 60))
    if minutes < 100:
        return f"{minutes} min"
    return f"{round(minutes / 60)} h" if minutes < 48 * 60 else f"{round(minutes / 1440)} days"


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
