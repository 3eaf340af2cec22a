"""A portal list that mirrors a list of the API: same filters by the same names, same order, CSV, curl."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.workspaces.scoped_admin import ScopedModelAdmin
from apps.workspaces.scoped_admin.guards import not_allowed
from apps.workspaces.scoped_admin.pages import page_context

from .export import MOST_EXPORTED, csv_lines
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

    def get_sort_columns(self) -> dict[str, str]:
        return {column: name for column, name in self.sort_columns.items() if column in self.list_display}

    def decorate(self, rows: list[Any]) -> None:
        """Give the rows of one page what their cells need beside their columns."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return not_allowed(request, ("GET",))
        rows = self.get_queryset(request)
        if self.list_select_related:
            rows = rows.select_related(*self.list_select_related)  # type: ignore[misc]
        try:
            read = ListRead(self, rows, request.GET)
        except BadQuery as refusal:
            return render(request, "400.html", {"reason": str(refusal)}, status=400)
        if read.own["format"] == "csv":
            return self._csv(read)
        context = {
            **page_context(request, title=self.list_title, crumbs=[*self.home_crumbs(request), (self.list_title, "")]),
            "subtitle": self.list_subtitle,
            "empty_title": self.empty_title,
            "empty_text": self.empty_text,
            "cl": read,
            "most_exported": MOST_EXPORTED,
            **self.list_context(request),
            **(extra_context or {}),
        }
        return render(request, self.list_template, context)

    def _csv(self, read: ListRead) -> StreamingHttpResponse:
        lines = csv_lines(read.rows, read.order, self.viewset.serializer_class)
        answer = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        day = timezone.now().strftime("%Y-%m-%d")
        answer["Content-Disposition"] = f'attachment; filename="{self.api_path}-{day}.csv"'
        answer["Cache-Control"] = "no-store"
        return answer
