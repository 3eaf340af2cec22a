"""Lists on the admin machinery, narrowed to the request's scope and to what is declared.

Nothing of the stock forms is routed: a list, an object page of ours, and the class's own pages. Writes are
views that call one service; the history of an object is its audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from .guards import Scope, not_allowed, scope_on
from .links import scope_url
from .lists import CappedPaginator, PortalChangeList, search_whole
from .pages import Crumb, page_context, render_page
from .support_trail import record_support_view

LOOKUPS = ("", "__exact", "__id__exact", "__gte", "__lt", "__isnull")


class InOtherMode(Http404):
    """404, with the way to the same object in the other mode."""

    def __init__(self, *, mode: str, address: str) -> None:
        super().__init__()
        self.mode, self.address = mode, address


class DeclaredOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A read-only list and object page that can be asked for nothing but what the class declares."""

    url_path: ClassVar[str]
    id_converter: ClassVar[str] = "uuid"
    object_template: ClassVar[str] = "admin/object_page.html"
    list_title: ClassVar[str]
    list_subtitle: ClassVar[str] = ""
    empty_title: ClassVar[str] = "Nothing here yet"
    empty_text: ClassVar[str] = ""
    # Exact matches that the search box tries: ids of ours, and texts.
    search_ids: ClassVar[Sequence[str]] = ("pk",)
    search_texts: ClassVar[Sequence[str]] = ()

    actions = None
    list_per_page = 25
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_display_links: Any = None
    paginator = CappedPaginator
    # Columns that a person may sort by, and their fields; by default the date that leads the list.
    sort_columns: ClassVar[Mapping[str, str]] = {"when": "created_at", "created": "created_at", "made": "created_at"}

    # -- how a list is sorted and counted ----------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PortalChangeList]:
        return PortalChangeList

    def get_sort_columns(self) -> dict[str, str]:
        fields = {field.name for field in self.opts.get_fields()}
        return {
            column: field
            for column, field in self.sort_columns.items()
            if column in self.list_display and field in fields
        }

    def get_sortable_by(self, request: HttpRequest) -> list[str]:  # type: ignore[override]
        return list(self.get_sort_columns())

    # -- what may be asked ----------------------------------------------------------------------
    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        return lookup in self._declared_lookups()

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return False

    def _declared_lookups(self) -> set[str]:
        declared: set[str] = set()
        for each in self.list_filter:
            if isinstance(each, type):
                declared.add(each.parameter_name)  # type: ignore[attr-defined]
            else:
                name = each[0] if isinstance(each, tuple) else each
                declared.update(f"{name}{suffix}" for suffix in LOOKUPS)
        return declared

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return [*self.search_ids, *self.search_texts]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        found = search_whole(queryset, term, ids=self.search_ids, texts=self.search_texts) if term else queryset
        return found, False

    # -- what may be done: nothing here -----------------------------------------------------------
    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # The audit trail is written by services; Django's own log is not written at all (rulings A12).
    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        return None

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:  # type: ignore[override]
        return None

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:  # type: ignore[override]
        return None

    # -- pages ------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        return [
            path("", self.wrap(self.changelist_view), name=f"{name}_changelist"),
            *self.own_urls(),
            path(f"<{self.id_converter}:object_id>/", self.wrap(self.object_view), name=f"{name}_change"),
        ]

    def own_urls(self) -> list[URLPattern]:
        """Return the class's own pages: views of its app, wrapped by `own`."""
        return []

    def own(self, route: str, view: Callable[..., HttpResponse], action: str) -> URLPattern:
        """Name a page of ours after the model: `<app>_<model>_<action>`."""
        return path(route, self.wrap(view), name=f"{self.opts.app_label}_{self.opts.model_name}_{action}")

    def wrap(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        return self.admin_site.admin_view(view)

    def url(self, action: str, *args: object) -> str:
        name = f"{self.opts.app_label}_{self.opts.model_name}_{action}"
        return reverse(f"{self.admin_site.name}:{name}", args=args)

    def home_crumbs(self, request: HttpRequest) -> list[Crumb]:
        """Return the crumbs above the list."""
        raise NotImplementedError

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return not_allowed(request, ("GET",))
        crumbs = [*self.home_crumbs(request), (self.list_title, "")]
        context = {
            **page_context(request, title=self.list_title, crumbs=crumbs),
            "subtitle": self.list_subtitle,
            "empty_title": self.empty_title,
            "empty_text": self.empty_text,
            **self.list_context(request),
            **(extra_context or {}),
        }
        try:
            response = super().changelist_view(request, context)
        except (DisallowedModelAdminLookup, DisallowedModelAdminToField):
            return render(request, "400.html", {"reason": "This list has no such filter."}, status=400)
        if changes := getattr(response, "context_data", {}).get("cl"):
            self.note_seen(request, changes.result_list, listed=True)
        return response

    def note_seen(self, request: HttpRequest, rows: Sequence[Model], *, listed: bool = False) -> None:
        """Told which rows a page is about to show."""

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        try:
            return super().get_changelist_instance(request)
        except IncorrectLookupParameters:
            # Django would redirect to `?e=1`; a wrong value is answered like an unknown filter.
            raise DisallowedModelAdminLookup from None

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the list's template needs beside the rows."""
        return {}

    def object_view(self, request: HttpRequest, object_id: object) -> HttpResponse:
        """Show one object of the scope; of another scope, 404."""
        if request.method not in ("GET", "HEAD"):
            return not_allowed(request, ("GET",))
        found = self.get_queryset(request).filter(pk=object_id).first()
        if found is None:
            raise self.missing(request, object_id)
        self.note_seen(request, [found])
        name = self.name_of(found)
        crumbs = [*self.home_crumbs(request), (self.list_title, self.url("changelist")), (name, "")]
        context = {"object": found, "object_id": str(found.pk), **self.object_context(request, found)}
        return render_page(request, self.object_template, context, title=name, crumbs=crumbs)

    def missing(self, request: HttpRequest, object_id: object) -> Http404:
        """Return the refusal for an object that is not here."""
        return Http404()

    def name_of(self, found: Any) -> str:
        """Return what the page's title and breadcrumbs call the object."""
        return str(found)

    def object_context(self, request: HttpRequest, found: Any) -> dict[str, Any]:
        """Return what the object's page shows; by default `facts`, a list of (label, value)."""
        return {"facts": self.facts(found)}

    def facts(self, found: Any) -> list[tuple[str, SafeString | str]]:
        return []


class ScopedModelAdmin(DeclaredOnlyAdmin):
    """Rows of the request's application and mode only."""

    scope_application: ClassVar[str] = "application"
    scope_mode: ClassVar[str] = "mode"

    def scope(self, request: HttpRequest) -> Scope:
        return scope_on(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        scope = self.scope(request)
        narrowed = {self.scope_application: scope.application_id, self.scope_mode: str(scope.mode)}
        return super().get_queryset(request).filter(**narrowed)

    def missing(self, request: HttpRequest, object_id: object) -> Http404:
        """Say so if the object is in the other mode of the same application: members may know (ux.md 7)."""
        scope = self.scope(request)
        other = "live" if str(scope.mode) == "test" else "test"
        if self.scope_application not in {field.name for field in self.opts.get_fields()}:
            return Http404()  # the audit trail has no foreign keys
        there = {"pk": object_id, self.scope_application: scope.application_id, self.scope_mode: other}
        if not self.model._default_manager.filter(**there).exists():
            return Http404()
        name = f"{self.opts.app_label}_{self.opts.model_name}_change"
        address = scope_url(scope.workspace_slug, scope.application_slug, other, name, object_id)
        return InOtherMode(mode=other, address=address)

    def home_crumbs(self, request: HttpRequest) -> list[Crumb]:
        return [(self.scope(request).application_name, reverse(f"{self.admin_site.name}:index"))]


class SupportModelAdmin(DeclaredOnlyAdmin):
    """Rows of all workspaces, for the console; classes here name no clinical column.

    What staff see of a team stands in that team's audit log.
    """

    def note_seen(self, request: HttpRequest, rows: Sequence[Model], *, listed: bool = False) -> None:
        record_support_view(request, rows, listed=listed)

    def home_crumbs(self, request: HttpRequest) -> list[Crumb]:
        return [("Support", reverse(f"{self.admin_site.name}:index"))]
