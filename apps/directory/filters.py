"""Filters of `/api/v1/endpoints`."""

from __future__ import annotations

import django_filters

from .models import Endpoint, EndpointStatus


class EndpointFilters(django_filters.FilterSet):  # type: ignore[misc]
    name = django_filters.CharFilter(lookup_expr="icontains", help_text="Part of the name.")
    status = django_filters.MultipleChoiceFilter(choices=EndpointStatus.choices)
    refreshable = django_filters.BooleanFilter()

    class Meta:
        model = Endpoint
        fields: list[str] = []
