"""Filters of `/api/v1/sync-jobs` and of the same list in the portal."""

from __future__ import annotations

import django_filters
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet

from apps.applications.filters import ListFilters, SortFilter

from .models import SyncJob
from .states import SyncCause, SyncState

HAS_GAPS = ExpressionWrapper(~Q(gaps=[]), output_field=BooleanField())


class SyncJobFilters(ListFilters):
    search_ids = ("pk", "authorization_id", "authorization__consent_id")
    search_texts = ("authorization__consent__end_user__external_id",)

    state = django_filters.MultipleChoiceFilter(choices=[(state.value, state.value) for state in SyncState])
    cause = django_filters.MultipleChoiceFilter(choices=[(cause.value, cause.value) for cause in SyncCause])
    authorization_id = django_filters.UUIDFilter()
    consent_id = django_filters.UUIDFilter(field_name="authorization__consent_id")
    endpoint_id = django_filters.UUIDFilter(field_name="authorization__endpoint_id")
    external_id = django_filters.CharFilter(field_name="authorization__consent__end_user__external_id")
    error_code = django_filters.CharFilter(help_text="Why a failed job failed, whole.")
    has_gaps = django_filters.ChoiceFilter(
        choices=[("true", "true"), ("false", "false")],
        method="filter_gaps",
        help_text="Whether some type could not be fetched whole.",
    )
    sort = SortFilter(
        {
            "created_at": F("created_at"),
            "state": F("state"),
            "cause": F("cause"),
            "requests_made": F("requests_made"),
        }
    )

    class Meta:
        model = SyncJob
        fields: list[str] = []

    def filter_gaps(self, queryset: QuerySet[SyncJob], name: str, value: str) -> QuerySet[SyncJob]:
        return queryset.exclude(gaps=[]) if value == "true" else queryset.filter(gaps=[])
