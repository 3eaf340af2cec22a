"""One look at a list: which rows the address asks for, how they are paged, what the filters would show."""

from __future__ import annotations

import shlex
from functools import cached_property
from typing import TYPE_CHECKING, Any

import django_filters
from django.conf import settings
from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from apps.workspaces.scoped_admin import lists
from apps.workspaces.templatetags import portal_lists

from ..paging import cursor_of, rows_after
from .facets import Counted, Facet, FacetValue, count_values, offered_values

if TYPE_CHECKING:
    from .mirrored import MirroredModelAdmin

# What the address says beside the filters: where the page begins, and which way it was turned.
OWN_PARAMETERS = ("cursor", "back")


class BadQuery(Exception):
    """The address asks for what this list does not have. The message says so to a person."""


def curl_of(path: str) -> str:
    """Return a read of the management API as a command of the shell."""
    return f'curl -sS -H "Authorization: Bearer $MANAGEMENT_KEY" {shlex.quote(f"{settings.PUBLIC_URL}/api/v1/{path}")}'


def read_filter(query: QueryDict, filterset_class: Any) -> QueryDict:
    """Return the filters of an address, without its order and page. Raises: BadQuery."""
    plain = query.copy()
    for name in (*OWN_PARAMETERS, "sort"):
        plain.pop(name, None)
    return checked(plain, filterset_class)


def checked(query: QueryDict, filterset_class: Any) -> QueryDict:
    """Return the query without what says nothing. Raises: BadQuery for what the filter set does not understand."""
    plain = query.copy()
    for name, values in list(plain.lists()):
        if name not in filterset_class.base_filters:
            raise BadQuery("This list has no such filter.")
        said = [each for each in values if each.strip()]
        if len(said) > 1 and not isinstance(filterset_class.base_filters[name], django_filters.MultipleChoiceFilter):
            raise BadQuery(f"The filter {name} was sent more than once.")
        if said:
            plain.setlist(name, said)
        else:
            del plain[name]
    if not filterset_class(data=plain).is_valid():
        raise BadQuery("A filter has a value that this list does not know.")
    return plain


class ListRead:
    """A page of a list, for the template. Raises: BadQuery when it is made."""

    def __init__(self, listed: MirroredModelAdmin, rows: QuerySet[Any], query: QueryDict) -> None:
        self.listed, self.base = listed, rows
        self.model, self.model_admin = listed.model, listed
        self.list_display, self.list_display_links = listed.list_display, listed.list_display_links
        self.own = {name: query.get(name, "") for name in OWN_PARAMETERS}
        self.params = query.copy()
        for name in OWN_PARAMETERS:
            self.params.pop(name, None)
        self.params = checked(self.params, listed.viewset.filterset_class)
        self.order = listed.viewset.filterset_class.order_of(self.params.get("sort", ""))
        self.rows = self.filtered()
        self.result_list = self._page()
        listed.decorate(self.result_list)

    def filtered(self, without: str = "") -> QuerySet[Any]:
        """Return the rows under all filters, or all but one."""
        query = self.params.copy()
        query.pop(without, None)
        rows: QuerySet[Any] = self.listed.viewset.filterset_class(data=query, queryset=self.base).qs
        return rows

    # -- the page -------------------------------------------------------------------------------------
    def _page(self) -> list[Any]:
        size, backwards = self.listed.list_per_page, bool(self.own["back"] and self.own["cursor"])
        order = tuple(_turned(name) for name in self.order) if backwards else self.order
        rows = self.rows
        if self.own["cursor"]:
            try:
                rows = rows.filter(rows_after(rows, order, self.own["cursor"]))
            except ValidationError:
                raise BadQuery("This page of the list cannot be found. Start at its beginning.") from None
        found = list(rows.order_by(*order)[: size + 1])
        there_is_more, found = len(found) > size, found[:size]
        if backwards:
            found.reverse()
        self.has_next = there_is_more if not backwards else True
        self.has_previous = bool(self.own["cursor"]) if not backwards else there_is_more
        return found

    @cached_property
    def result_count(self) -> int:
        """Return how many rows there are, or one more than is counted."""
        for facet in self.listed.facets:
            if facet.parameter not in self.params:  # this one has been counted under all filters
                return self._counts[facet.parameter].values.total()
        return self.rows.order_by()[: lists.MOST + 1].count()

    @cached_property
    def first_shown(self) -> int:
        """Return the place of the first row; 0 when it lies further than is counted."""
        if not self.has_previous or not self.result_list:
            return 1
        turned = tuple(_turned(name) for name in self.order)
        before = self.rows.filter(rows_after(self.rows, turned, cursor_of(self.result_list[0], self.order)))
        place = before.order_by()[: lists.MOST + 1].count() + 1
        return place if place <= lists.MOST else 0

    @property
    def last_shown(self) -> int:
        return self.first_shown + len(self.result_list) - 1

    @property
    def total_words(self) -> str:
        return f"{lists.MOST:,}+" if self.result_count > lists.MOST else f"{self.result_count:,}"

    @property
    def next_address(self) -> str:
        return self._address(cursor=cursor_of(self.result_list[-1], self.order)) if self.has_next else ""

    @property
    def previous_address(self) -> str:
        if not self.has_previous or not self.result_list:
            return ""
        return self._address(cursor=cursor_of(self.result_list[0], self.order), back="1")

    # -- what is asked ----------------------------------------------------------------------------------
    @property
    def query(self) -> str:
        return self.params.get("q", "")

    @property
    def filter_params(self) -> dict[str, list[str]]:
        """Return what a form of one filter hands on of the others."""
        return {name: values for name, values in self.params.lists() if name != "q"}

    @property
    def has_active_filters(self) -> bool:
        return bool(set(self.params) - {"q", "sort"})

    @property
    def query_string(self) -> str:
        return self._address()

    @property
    def matching(self) -> str:
        """Return the query without its order: what an action on all that match is told."""
        return self._address(sort="")

    @property
    def curl(self) -> str:
        """Return the same query to the API as a command of the shell."""
        return curl_of(f"{self.listed.api_path}{self._address().removesuffix('?')}")

    def _address(self, **changes: str) -> str:
        query = self.params.copy()
        for name, value in changes.items():
            query[name] = value
            if not value:
                del query[name]
        return f"?{query.urlencode()}"

    # -- heads and filters ---------------------------------------------------------------------------------
    def get_ordering_field_columns(self) -> dict[int, str]:
        sort = self.params.get("sort", "-created_at")
        names = [self.listed.get_sort_columns().get(str(each)) for each in self.list_display]
        if sort.lstrip("-") not in names:
            return {}
        return {names.index(sort.lstrip("-")): "desc" if sort.startswith("-") else "asc"}

    def sort_address(self, index: int, *, ascending: bool) -> str:
        name = self.listed.get_sort_columns()[str(self.list_display[index])]
        return self._address(sort=name if ascending else f"-{name}")

    @property
    def rows_to_tick(self) -> list[tuple[Any, Any]]:
        """Return each object with its cells."""
        changes: Any = self
        return list(zip(self.result_list, portal_lists.list_rows(changes), strict=True))

    @cached_property
    def filters(self) -> list[tuple[Facet, list[FacetValue]]]:
        """Return the facets that are worth a row: those that narrow the list, or do already."""
        facets, counts = self.listed.facets, self._counts
        shown = ((facet, self._values(facet, counts[facet.parameter])) for facet in facets)
        return [(facet, values) for facet, values in shown if _narrows(values)]

    @cached_property
    def _counts(self) -> dict[str, Counted]:
        order = self.listed.viewset.filterset_class.default_order
        idle = [facet for facet in self.listed.facets if facet.parameter not in self.params]
        counts = count_values(self.rows, idle, order) if idle else {}
        for facet in self.listed.facets:
            if facet not in idle:
                counts |= count_values(self.filtered(without=facet.parameter), [facet], order)
        return counts

    def _values(self, facet: Facet, counted: Counted) -> list[FacetValue]:
        chosen = self.params.getlist(facet.parameter)
        everything = FacetValue("All", self._address(**{facet.parameter: ""}), not chosen, counted.total)
        offered = [
            FacetValue(text, self._address(**{facet.parameter: value}), value in chosen, counted.words(value))
            for value, text in offered_values(facet, counted, chosen)
        ]
        return [everything, *offered]

    @property
    def has_dates(self) -> bool:
        return "created_after" in self.listed.viewset.filterset_class.base_filters

    @property
    def dates(self) -> tuple[str, str]:
        """Return the days that the date filter names, as a browser's date field wants them."""
        return self.params.get("created_after", "")[:10], self.params.get("created_before", "")[:10]


def _narrows(values: list[FacetValue]) -> bool:
    everything, *rest = values
    return not everything.selected or any(value.count != everything.count for value in rest)


def _turned(name: str) -> str:
    return name[1:] if name.startswith("-") else f"-{name}"
