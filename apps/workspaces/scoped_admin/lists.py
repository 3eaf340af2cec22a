"""How a list counts, sorts and filters: never more rows than people page through, only declared columns.

Counts stop at `MOST`, so a list of a million rows answers as fast as one of a thousand (design, budgets).
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.core.exceptions import EmptyResultSet
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.http import HttpRequest

MOST = 10_000


def count_rows(wanted: QuerySet[Any, Any], *, columns: int) -> dict[tuple[Any, ...], int]:
    """Return how often each row of values is there, counted by the server: thousands of rows never come here."""
    try:
        query, parameters = wanted.query.sql_with_params()
    except EmptyResultSet:  # a search for what no row can be
        return {}
    names = ", ".join(f"value_{place}" for place in range(columns))
    counted = f"SELECT {names}, count(*) FROM ({query}) newest ({names}) GROUP BY {names}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(counted, parameters)
        return {tuple(row): count for *row, count in cursor.fetchall()}


def search_whole(
    rows: QuerySet[Any], term: str, *, ids: Sequence[str] = (), texts: Sequence[str] = ()
) -> QuerySet[Any]:
    """Return the rows in which a whole id or text is what was searched for.

    Which columns know it is asked first: under one condition an index has the rows in the list's order, under an OR
    of all of them none has.
    """
    wanted: dict[str, object] = dict.fromkeys(texts, term)
    with suppress(ValueError):
        wanted |= dict.fromkeys(ids, uuid.UUID(term))
    looks = [rows.filter(**{name: value}).order_by().values_list(Value(name))[:1] for name, value in wanted.items()]
    found = Q(pk__in=())
    for (name,) in looks[0].union(*looks[1:], all=True) if looks else ():
        found |= Q(**{name: wanted[name]})
    return rows.filter(found)


class ByDate(admin.DateFieldListFilter):
    """When a row was made, in the words of the page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "date"


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts to one more than `MOST`; what lies behind is found by filters and search."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows.order_by()[: MOST + 1].count()


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a filter; `count` is None where it was not counted."""

    text: str
    address: str
    selected: bool
    count: int | None


class Listed(Protocol):
    """What a list asks of the class that declares it."""

    def get_sort_columns(self) -> dict[str, str]: ...
    def url(self, action: str, *args: object) -> str: ...


class PortalChangeList(ChangeList):
    """A change list that sorts by `model_admin.sort_columns` and by nothing else."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(request, *args, **kwargs)

    def get_ordering_field(self, field_name: Any) -> Any:
        return self.listed.get_sort_columns().get(field_name)

    @property
    def listed(self) -> Listed:
        return cast("Listed", self.model_admin)

    def sort_address(self, index: int, *, ascending: bool) -> str:
        return self.get_query_string({ORDER_VAR: f"{'' if ascending else '-'}{index}"}, [PAGE_VAR])

    def filter_choices(self, spec: Any) -> list[Choice]:
        """Return the values of one filter; counted, those that no row has are left out."""
        offered = list(spec.choices(self))
        counts = self._count(spec)
        if counts is None:
            return [_choice(each, None) for each in offered]
        values = _values(spec)
        total = sum(counts.values())
        counted = [_choice(offered[0], total)]
        for value, each in zip(values, offered[1:], strict=False):
            if counts[value] or each["selected"]:
                counted.append(_choice(each, counts[value]))
        return counted

    def _count(self, spec: Any) -> Counter[str] | None:
        """Count the rows of each value under all other filters; None for too many, or for other kinds of filter."""
        if not _is_counted(spec):
            return None
        if any(name in self.filter_params for name in spec.expected_parameters()):
            others = self.get_queryset(self.request, exclude_parameters=spec.expected_parameters())
            counted = self._count_values(others, [spec])
        else:
            counted = self._shown_values  # this filter narrows nothing: one query serves all such
        values = counted[spec.field.attname]
        return values if values.total() <= MOST else None

    @cached_property
    def _shown_values(self) -> dict[str, Counter[str]]:
        return self._count_values(self.queryset, [spec for spec in self.filter_specs if _is_counted(spec)])

    def _count_values(self, rows: QuerySet[Any], specs: list[Any]) -> dict[str, Counter[str]]:
        names = [spec.field.attname for spec in specs]
        counted: dict[str, Counter[str]] = {name: Counter() for name in names}
        for row, count in count_rows(rows.order_by().values_list(*names)[: MOST + 1], columns=len(names)).items():
            for name, value in zip(names, row, strict=True):
                counted[name][str(value)] += count
        return counted

    @property
    def first_shown(self) -> int:
        return (self.page_num - 1) * self.list_per_page + 1

    @property
    def last_shown(self) -> int:
        return self.first_shown + len(self.result_list) - 1

    @property
    def total_words(self) -> str:
        return f"{MOST:,}+" if self.result_count > MOST else f"{self.result_count:,}"


def _is_counted(spec: Any) -> bool:
    return isinstance(spec, admin.ChoicesFieldListFilter | admin.RelatedFieldListFilter)


def _values(spec: Any) -> list[str]:
    if isinstance(spec, admin.ChoicesFieldListFilter):
        return [str(value) for value, _ in spec.field.flatchoices]
    return [str(value) for value, _ in spec.lookup_choices]


def _choice(offered: Any, count: int | None) -> Choice:
    return Choice(str(offered["display"]), offered["query_string"], bool(offered["selected"]), count)
