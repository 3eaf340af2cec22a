"""The tags of lists: heads that say how they sort, cells with their labels, filters with counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import template
from django.contrib.admin.utils import display_for_field, display_for_value, label_for_field, lookup_field
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import ForeignKey
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..scoped_admin import cells
from ..scoped_admin.lists import Choice, PortalChangeList

register = template.Library()


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head. `sort` is what aria-sort says, "" where the list is not sorted by it."""

    text: str
    css: str
    sort: str
    address: str


@dataclass(frozen=True, slots=True)
class Cell:
    label: str
    css: str
    value: SafeString | str
    leads: bool


@register.simple_tag
def list_heads(changes: PortalChangeList) -> list[Head]:
    """Give the heads of a list."""
    sortable = changes.listed.get_sort_columns()
    sorted_by = changes.get_ordering_field_columns()
    heads = []
    for index, name in enumerate(map(str, changes.list_display)):
        direction = {"asc": "ascending", "desc": "descending"}.get(sorted_by.get(index, ""), "")
        address = changes.sort_address(index, ascending=direction == "descending") if name in sortable else ""
        heads.append(Head(_label(changes, name), f"column-{name}", direction, address))
    return heads


@register.simple_tag
def list_rows(changes: PortalChangeList) -> list[list[Cell]]:
    """Give the rows of this page of a list."""
    labels = {name: _label(changes, name) for name in map(str, changes.list_display)}
    return [list(_cells(changes, found, labels)) for found in changes.result_list]


@register.simple_tag
def filter_choices(changes: PortalChangeList, spec: Any) -> list[Choice]:
    """Give the values of one filter, counted where that is quick."""
    return changes.filter_choices(spec)


@register.simple_tag
def page_address(changes: PortalChangeList, step: int) -> str:
    """Give the query of the page `step` pages on, filters kept."""
    return str(changes.get_query_string({PAGE_VAR: changes.page_num + step}))


def _label(changes: PortalChangeList, name: str) -> str:
    text = str(label_for_field(name, changes.model, changes.model_admin))
    return text[:1].upper() + text[1:]


def _cells(changes: PortalChangeList, found: Any, labels: dict[str, str]) -> Iterator[Cell]:
    links = changes.list_display_links or ()
    for name, label in labels.items():
        value = _shown(changes, found, name)
        leads = name in links
        if leads:
            value = format_html('<a href="{}">{}</a>', changes.listed.url("change", found.pk), value)
        yield Cell(label, f"column-{name}", value, leads)


def _shown(changes: PortalChangeList, found: Any, name: str) -> SafeString | str:
    try:
        field, _, value = lookup_field(name, found, changes.model_admin)
    except ObjectDoesNotExist:
        return cells.NOTHING
    if isinstance(field, ForeignKey):
        value = getattr(found, field.name)
    elif field is not None:
        value = display_for_field(value, field, cells.NOTHING)
    if isinstance(value, SafeString):
        return value
    text = display_for_value(value, cells.NOTHING)
    return text if text == cells.NOTHING else cells.words(text)
