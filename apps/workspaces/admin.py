"""Workspaces in the console; `apps.support` adds their people and applications, which stand above."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from .models import Workspace
from .scoped_admin import SupportModelAdmin, cells


class WorkspaceAdmin(SupportModelAdmin):
    url_path = "workspaces"
    list_title = "Workspaces"
    list_display = ("name", "slug", "people", "created")
    list_display_links = ("name",)
    ordering = ("-created_at", "id")
    search_texts = ("slug", "name")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request).annotate(member_count=Count("memberships"))
        return rows

    def facts(self, found: Workspace) -> list[tuple[str, SafeString | str]]:
        return [
            ("Short name", cells.code(found.slug)),
            ("Created", cells.moment(found.created_at)),
            ("Second factor", "Required" if found.requires_second_factor else "Not required"),
        ]

    @admin.display(description="Members")
    def people(self, found: Any) -> str:
        return str(found.member_count)

    @admin.display(description="Created (UTC)")
    def created(self, found: Workspace) -> SafeString | str:
        return cells.moment(found.created_at)
