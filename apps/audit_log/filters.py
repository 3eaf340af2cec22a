"""Filters of `/api/v1/audit-events`."""

from __future__ import annotations

import django_filters

from apps.audit.models import AuditEvent


class AuditEventFilters(django_filters.FilterSet):  # type: ignore[misc]
    action = django_filters.CharFilter(help_text="As `delivery.replayed`.")
    actor_id = django_filters.CharFilter()
    target_type = django_filters.CharFilter()
    target_id = django_filters.CharFilter()
    created_after = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = AuditEvent
        fields: list[str] = []
