"""The page of an authorization: its states, its history, what is stored and what is gone."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from apps.applications.keys import Mode
from apps.applications.listing import curl_of
from apps.authorizations.admin import AuthorizationList
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.states import ACTIVE
from apps.workspaces.scoped_admin import Need, cells, may

from . import timeline, views

NEWEST = 25  # lines of the history before the fold


class AuthorizationAdmin(AuthorizationList):
    object_template = "dashboard/authorization.html"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("<uuid:authorization_id>/sync/", views.sync_now, "sync"),
            self.own("<uuid:authorization_id>/revoke/", views.revoke, "revoke"),
        ]

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        scope = self.scope(request)
        if scope.mode != Mode.TEST or not may(scope.role, Need.WRITE, str(scope.mode)):
            return {}
        return {"add_url": self.url("connect"), "add_text": "Connect a synthetic patient"}

    def name_of(self, found: PatientAuthorization) -> str:
        return found.consent.end_user.external_id

    def object_context(self, request: HttpRequest, found: Any) -> dict[str, Any]:
        life, now = timeline.tell(found), timezone.now()
        history = [(each, self._address(each)) for each in life.history]
        return {
            "authorization": found,
            "life": life,
            "history": history[:NEWEST],
            "earlier": history[NEWEST:],
            "facts": self.facts(found),
            "consent": found.consent,
            "saw_and_do": timeline.ADVICE.get(found.state),
            "active": found.is_active(now),
            "now": now,
            "revocable": found.state in ACTIVE,
            "curl": curl_of(f"{self.api_path}/{found.pk}"),
        }

    def _address(self, happening: timeline.Happening) -> str:
        return reverse(f"{self.admin_site.name}:{happening.page}", args=[happening.pk]) if happening.page else ""

    def facts(self, found: Any) -> list[tuple[str, SafeString | str]]:
        return [
            ("User", cells.code(found.consent.end_user.external_id)),
            ("Source", cells.words(found.endpoint)),
            ("Endpoint's ID", cells.code(found.endpoint_id)),
            ("Usage", self.usage_shown(found)),
            ("Patient's ID here", cells.code(found.destination_patient_id)),
            ("Created (UTC)", cells.moment(found.created_at)),
            ("Last sync (UTC)", cells.moment(found.last_synced_at)),
            ("Next refresh (UTC)", cells.moment(found.next_refresh_at)),
            ("Ends (UTC)", self.end(found)),
        ]


PORTAL = [(PatientAuthorization, AuthorizationAdmin)]
