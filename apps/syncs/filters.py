"""Filters of `/api/v1/sync-jobs`."""

from __future__ import annotations

import django_filters

from apps.applications.filters import CreatedFilters

from .models import SyncJob
from .states import SyncCause, SyncState


class SyncJobFilters(CreatedFilters):
    state = django_filters.MultipleChoiceFilter(choices=[(state.value, state.value) for state in SyncState])
    cause = django_filters.MultipleChoiceFilter(choices=[(cause.value, cause.value) for cause in SyncCause])
    authorization_id = django_filters.UUIDFilter()
    consent_id = django_filters.UUIDFilter(field_name="authorization__consent_id")
    external_id = django_filters.CharFilter(field_name="authorization__consent__end_user__external_id")

    class Meta:
        model = SyncJob
        fields: list[str] = []
