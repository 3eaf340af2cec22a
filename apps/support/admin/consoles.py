"""What the console adds to the lists of workspaces and endpoints: people with their factors, health, and two verbs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone

from apps.directory.admin import EndpointAdmin
from apps.directory.models import Endpoint
from apps.workspaces.admin import WorkspaceAdmin
from apps.workspaces.models import Workspace
from apps.workspaces.selectors import list_members

from .. import selectors, views


class WorkspaceConsole(WorkspaceAdmin):
    object_template = "support/workspace.html"

    def own_urls(self) -> list[URLPattern]:
        return [self.own("members/<int:membership_id>/second-factor/", views.reset_factor, "reset_factor")]

    def object_context(self, request: HttpRequest, found: Workspace) -> dict[str, Any]:
        return {
            "facts": self.facts(found),
            "members": list_members(found),
            "applications": found.applications.order_by("name", "id"),
        }


class EndpointConsole(EndpointAdmin):
    object_template = "support/endpoint.html"

    def own_urls(self) -> list[URLPattern]:
        return [
            self.own("<uuid:object_id>/status/", views.change_endpoint, "status"),
            self.own("<uuid:object_id>/limits/", views.change_endpoint_limits, "limits"),
        ]

    def object_context(self, request: HttpRequest, found: Endpoint) -> dict[str, Any]:
        return {
            "endpoint": found,
            "facts": self.facts(found),
            "health": selectors.find_endpoint_health(found, now=timezone.now()),
        }
