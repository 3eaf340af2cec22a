"""Filters of `/api/v1/destinations` and `/api/v1/deliveries`."""

from __future__ import annotations

import django_filters

from apps.applications.filters import CreatedFilters

from .models import KINDS, Delivery, Destination
from .states import DeliveryKind, DeliveryState, DestinationState

LISTED_STATES = [(state.value, state.value) for state in DestinationState if state != DestinationState.DELETED]


class DestinationFilters(CreatedFilters):
    kind = django_filters.MultipleChoiceFilter(choices=KINDS)
    state = django_filters.MultipleChoiceFilter(choices=LISTED_STATES)

    class Meta:
        model = Destination
        fields: list[str] = []


class DeliveryFilters(CreatedFilters):
    state = django_filters.MultipleChoiceFilter(choices=[(state.value, state.value) for state in DeliveryState])
    kind = django_filters.MultipleChoiceFilter(choices=[(kind.value, kind.value) for kind in DeliveryKind])
    destination_id = django_filters.UUIDFilter()
    authorization_id = django_filters.UUIDFilter()
    consent_id = django_filters.UUIDFilter(field_name="authorization__consent_id")
    sync_job_id = django_filters.UUIDFilter()
    external_id = django_filters.CharFilter()
    object_key = django_filters.CharFilter()
    delivered_after = django_filters.IsoDateTimeFilter(field_name="delivered_at", lookup_expr="gte")
    delivered_before = django_filters.IsoDateTimeFilter(field_name="delivered_at", lookup_expr="lt")

    class Meta:
        model = Delivery
        fields: list[str] = []
