"""The values of a filter with how many rows each would show, counted no further than people page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.db.models.expressions import Combinable

from apps.workspaces.scoped_admin import lists

MOST_VALUES = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One parameter that is offered as a row of links.

    `field` is what is counted; `expression` makes it where it is no column. `values` fixes their order; without it
    the commonest come first. `names` turns values into words.
    """

    parameter: str
    title: str
    field: str
    expression: Combinable | None = None
    values: Sequence[str] = ()
    names: Callable[[Iterable[str]], Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class FacetValue:
    """`count` is in words: "67"; "67+" where only the newest were looked at; "" where nothing is known."""

    text: str
    address: str
    selected: bool
    count: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How often each value is there; `capped` says that there are more rows than were looked at."""

    values: Counter[str]
    capped: bool

    @property
    def total(self) -> str:
        return f"{lists.MOST:,}+" if self.capped else f"{self.values.total():,}"

    def words(self, value: str) -> str:
        found = self.values[value]
        if not self.capped:
            return f"{found:,}"
        return f"{found:,}+" if found else ""


def count_values(rows: QuerySet[Any], facets: Sequence[Facet], order: Sequence[str]) -> dict[str, Counted]:
    """Count the values of several facets in one query, over the newest rows. Shape: parameter -> counts."""
    made = {facet.field: facet.expression for facet in facets if facet.expression is not None}
    wanted = rows.annotate(**made).order_by(*order).values_list(*(facet.field for facet in facets))
    found = lists.count_rows(wanted[: lists.MOST + 1], columns=len(facets))
    counted = {facet.parameter: Counted(Counter(), sum(found.values()) > lists.MOST) for facet in facets}
    for row, count in found.items():
        for facet, value in zip(facets, row, strict=True):
            counted[facet.parameter].values[_text(value)] += count
    return counted


def offered_values(facet: Facet, counted: Counted, chosen: Sequence[str]) -> list[tuple[str, str]]:
    """Return the values to offer and their words: those that have rows, may have rows, or are chosen."""
    if facet.values:
        values = [each for each in facet.values if counted.values[each] or counted.capped or each in chosen]
    else:
        common = [value for value, _ in counted.values.most_common(MOST_VALUES) if value]
        values = [*common, *(each for each in chosen if each not in common)]
    names = facet.names(values) if facet.names else {}
    return [(value, names.get(value, value)) for value in values]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
