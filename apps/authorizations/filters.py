"""Filters of `/api/v1/authorizations`."""

from __future__ import annotations

import django_filters

from apps.applications.filters import CreatedFilters

from .models import STATES, USAGES, PatientAuthorization


class AuthorizationFilters(CreatedFilters):
    state = django_filters.MultipleChoiceFilter(choices=STATES)
    usage = django_filters.ChoiceFilter(choices=USAGES)
    external_id = django_filters.CharFilter(field_name="consent__end_user__external_id")
    consent_id = django_filters.UUIDFilter()
    endpoint_id = django_filters.UUIDFilter()

    class Meta:
        model = PatientAuthorization
        fields: list[str] = []
