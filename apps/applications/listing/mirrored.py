"""A portal list that mirrors a list of the API: same filters by the same names, same order, CSV, curl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from apps.workspaces.scoped_admin import ScopedModelAdmin
from apps.workspaces.scoped_admin.guards import not_allowed
from apps.workspaces.scoped_admin.pages import page_context

from .export import MOST_ROWS, Columns, columns_of, csv_response
from .facets import Facet
from .read import BadQuery, ListRead


class MirroredModelAdmin(ScopedModelAdmin):
    """What the address bar says is what the API takes; `viewset` has the filter set and the serializer of both."""

    viewset: ClassVar[Any]
    api_path: ClassVar[str]
    facets: ClassVar[Sequence[Facet]] = ()
    list_template: ClassVar[str] = "admin/mirrored_list.html"
    # Columns that a person may sort by, and what the API's `sort` calls them.
    sort_columns = {"when": "created_at", "created": "created_at"}

    def get_urls(self) -> list[URLPattern]:
        return [path("export.csv", self.admin_site.admin_view(self.csv_view)), *super().get_urls()]

    def csv_columns(self) -> Columns:
        """Return the columns of the CSV and what each shows of a row."""
        return columns_of(self.viewset.serializer_class)

    def get_sort_columns(self) -> dict[str, str]:
        return {column: name for column, name in self.sort_columns.items() if column in self.list_display}

    def decorate(self, rows: list[Any]) -> None:
        """Give the rows of one page what their cells need beside their columns."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return not_allowed(request, ("GET",))
        try:
            read = ListRead(self, self.listed_rows(request), request.GET)
        except BadQuery as refusal:
            return _not_understood(request, refusal)
        self.note_seen(request, read.result_list, listed=True)
        context = {
            **page_context(request, title=self.list_title, crumbs=[*self.home_crumbs(request), (self.list_title, "")]),
            "subtitle": self.list_subtitle,
            "empty_title": self.empty_title,
            "empty_text": self.empty_text,
            "cl": read,
            "most_exported": MOST_ROWS,
            **self.list_context(request),
            **(extra_context or {}),
        }
        return render(request, self.list_template, context)

    def csv_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """Stream the rows of the same address as CSV."""
        if request.method not in ("GET", "HEAD"):
            return not_allowed(request, ("GET",))
        try:
            read = ListRead(self, self.listed_rows(request), request.GET)
        except BadQuery as refusal:
            return _not_understood(request, refusal)
        is_cut = read.result_count > MOST_ROWS
        return csv_response(read.rows, read.order, self.csv_columns(), name=self.url_path, is_cut=is_cut)

    def listed_rows(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the list before any filter."""
        rows = self.get_queryset(request)
        related: Any = self.list_select_related
        return rows.select_related(*related) if related else rows


def _not_understood(request: HttpRequest, refusal: BadQuery) -> HttpResponse:
    return render(request, "400.html", {"reason": str(refusal)}, status=400)
