"""Filters of the management API: first the access, then what the query asks for.

Owns that no list and no look-up leaves the access's application and mode; refuses parameters that nobody
reads.
"""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from .authentication import access_of
from .keys import KeyKind
from .models import ApiKey

PAGE_PARAMETERS = frozenset({"limit", "cursor"})


class ScopeFilter(BaseFilterBackend):
    """Keep to the access. Each view names its `scope_fields`; one that names none fails, it does not leak."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        access = access_of(request)
        values = {"application_id": access.application.pk, "mode": access.mode.value}
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
            raise ValidationError({name: [f"Unknown parameter. Known: {known_words}."] for name in unknown})
        filtered: QuerySet[Any] = super().filter_queryset(request, queryset, view)
        return filtered


class CreatedFilters(django_filters.FilterSet):  # type: ignore[misc]
    """What every list with `created_at` understands."""

    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


class ApiKeyFilters(CreatedFilters):
    kind = django_filters.MultipleChoiceFilter(choices=[(kind.value, kind.value) for kind in KeyKind])

    class Meta:
        model = ApiKey
        fields: list[str] = []
