"""Filters of `/api/v1/endpoints`."""

from __future__ import annotations

import django_filters

from .models import Endpoint, EndpointStatus


class EndpointFilters(django_filters.FilterSet):  # type: ignore[misc]
    name = django_filters.CharFilter(lookup_expr="icontains", help_text="Part of the name.")
    status = django_filters.MultipleChoiceFilter(choices=EndpointStatus.choices)
    # Not a BooleanFilter: that one reads any other word as "no filter".
    refreshable = django_filters.TypedChoiceFilter(
        choices=[("true", "true"), ("false", "false")], coerce=lambda text: text == "true"
    )

    class Meta:
        model = Endpoint
        fields: list[str] = []
