"""Filters of the management API: first the access, then what the query asks for.

Owns that no list and no look-up leaves the access's application and mode; refuses parameters that nobody
reads.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import django_filters
from django.core.exceptions import ValidationError as InvalidValue
from django.db.models import F, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from apps.workspaces.scoped_admin import lists

from .authentication import access_of
from .keys import KeyKind
from .models import ApiKey

PAGE_PARAMETERS = frozenset({"limit", "cursor"})
# How much of an unknown name, and of how many, an answer repeats.
SHOWN_CHARS, SHOWN_NAMES = 40, 20
# What was never used sorts before all that was.
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
INSTANT = "Send an instant like 2026-11-21T12:00:00Z, of the years 2 to 9998."


class ScopeFilter(BaseFilterBackend):
    """Keep to the access. Each view names its `scope_fields`; one that names none fails, it does not leak."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        access = access_of(request)
        application = access.application
        values = {
            "application_id": application.pk,
            "mode": access.mode.value,
            "workspace_id": application.workspace_id,
        }
        return queryset.filter(**{field: values[field] for field in view.scope_fields})


class ListedFilters(DjangoFilterBackend):  # type: ignore[misc]
    """The view's filter set; a misspelt parameter is an error, not a longer list."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Raises: ValidationError naming the parameter."""
        filterset = self.get_filterset_class(view, queryset)
        known = PAGE_PARAMETERS | set(filterset.base_filters if filterset else ())
        unknown = sorted(set(request.query_params) - known)
        if unknown:
            known_words = ", ".join(sorted(known))
            raise ValidationError(
                {name[:SHOWN_CHARS]: [f"Unknown parameter. Known: {known_words}."] for name in unknown[:SHOWN_NAMES]}
            )
        for name, values in sorted(request.query_params.lists()):
            if any("\ufffd" in value for value in values):
                raise ValidationError({name: ["This is not UTF-8. Percent-encode UTF-8 bytes."]})
            if len(values) > 1 and name not in _repeatable(filterset):
                raise ValidationError({name: ["Sent more than once. Send it once."]})
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered

    def get_filterset(self, request: Request, queryset: QuerySet[Any], view: Any) -> Any:
        """Build the filter set; what it says of a wrong value names what would do, not what was sent."""
        filterset = super().get_filterset(request, queryset, view)
        for field in filterset.form.fields.values() if filterset else ():
            if choices := [str(value) for value, _ in getattr(field, "choices", ()) if value]:
                field.error_messages["invalid_choice"] = f"Send one of: {', '.join(choices)}."
            if isinstance(field, IsoDateTimeField):
                field.error_messages["invalid"] = INSTANT
                field.validators.append(_check_instant)
        return filterset


def _check_instant(value: dt.datetime) -> None:
    """PostgreSQL and Python end at different years, and an offset may lead beyond: stay well inside."""
    if not 1 < value.year < 9999:
        raise InvalidValue(INSTANT)


def _repeatable(filterset: Any) -> set[str]:
    """Return the parameters that mean "one of these" when they are repeated."""
    filters: dict[str, Any] = filterset.base_filters if filterset else {}
    return {name for name, each in filters.items() if isinstance(each, django_filters.MultipleChoiceFilter)}


class CreatedFilters(django_filters.FilterSet):  # type: ignore[misc]
    """What every list with `created_at` understands."""

    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


class SortFilter(django_filters.ChoiceFilter):  # type: ignore[misc]
    """`sort=name` or `sort=-name`: puts what is sorted by on each row as `sorted_by`; never null, for cursors."""

    def __init__(self, sorts: Mapping[str, Combinable]) -> None:
        self.sorts = sorts
        names = [f"{sign}{name}" for name in sorts for sign in ("", "-")]
        super().__init__(choices=[(name, name) for name in names], help_text="Newest first unless told.")

    def filter(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.annotate(sorted_by=self.sorts[value.lstrip("-")]) if value else queryset


class ListFilters(CreatedFilters):
    """What every list does that the portal shows too: both read their rows through the same filter set."""

    # What `q` is compared with, whole: ids of ours, and texts.
    search_ids: ClassVar[Sequence[str]] = ("pk",)
    search_texts: ClassVar[Sequence[str]] = ()
    default_order: ClassVar[tuple[str, ...]] = ("-created_at", "id")

    q = django_filters.CharFilter(method="search", help_text="A whole ID or text that the portal's search takes.")

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return lists.search_whole(queryset, value.strip(), ids=self.search_ids, texts=self.search_texts)

    @classmethod
    def order_of(cls, sort: str) -> tuple[str, ...]:
        """Return the fields to order by for a value of `sort`; the last one is unique."""
        if not sort:
            return cls.default_order
        return ("-sorted_by" if sort.startswith("-") else "sorted_by", *cls.default_order)


class ApiKeyFilters(ListFilters):
    search_texts = ("note", "public_value")

    kind = django_filters.MultipleChoiceFilter(choices=[(kind.value, kind.value) for kind in KeyKind])
    sort = SortFilter({"created_at": F("created_at"), "last_used_at": Coalesce(F("last_used_at"), Value(NEVER))})

    class Meta:
        model = ApiKey
        fields: list[str] = []
