"""The page of an authorization: its timeline, syncs and deliveries together."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone

from apps.authorizations.admin import AuthorizationList
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.states import ACTIVE

from . import views


class AuthorizationAdmin(AuthorizationList):
    object_template = "dashboard/authorization.html"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("<uuid:authorization_id>/sync/", views.sync_now, "sync"),
            self.own("<uuid:authorization_id>/revoke/", views.revoke, "revoke"),
        ]

    def object_context(self, request: HttpRequest, found: PatientAuthorization) -> dict[str, Any]:
        return {
            "authorization": found,
            "facts": self.facts(found),
            "events": found.events.order_by("at", "pk"),
            "jobs": found.sync_jobs.order_by("-created_at", "id")[:10],
            "deliveries": found.deliveries.order_by("-created_at", "id")[:10],
            "active": found.is_active(timezone.now()),
            "revocable": found.state in ACTIVE,
        }


PORTAL = [(PatientAuthorization, AuthorizationAdmin)]
