"""Filters of `/api/v1/destinations`, `deliveries` and `bulk-actions`, and of the same lists in the portal."""

from __future__ import annotations

import django_filters
from django.db.models import BigIntegerField, F, Value
from django.db.models.functions import Coalesce

from apps.applications.filters import ListFilters, SortFilter

from .models import KINDS, BulkAction, Delivery, Destination
from .states import BulkState, BulkVerb, DeliveryKind, DeliveryState, DestinationState

LISTED_STATES = [(state.value, state.value) for state in DestinationState if state != DestinationState.DELETED]


def _or_before_all(name: str) -> Coalesce:
    """Sort what is not known yet before every number; the column's own type would know no -1."""
    return Coalesce(F(name), Value(-1), output_field=BigIntegerField())


class DestinationFilters(ListFilters):
    search_texts = ("bucket", "name")

    kind = django_filters.MultipleChoiceFilter(choices=KINDS)
    state = django_filters.MultipleChoiceFilter(choices=LISTED_STATES)
    sort = SortFilter({"created_at": F("created_at"), "name": F("name"), "state": F("state")})

    class Meta:
        model = Destination
        fields: list[str] = []


class DeliveryFilters(ListFilters):
    search_ids = ("pk", "sync_job_id", "authorization_id", "destination_id", "replay_of_id")
    search_texts = ("object_key", "external_id")

    state = django_filters.MultipleChoiceFilter(choices=[(state.value, state.value) for state in DeliveryState])
    kind = django_filters.MultipleChoiceFilter(choices=[(kind.value, kind.value) for kind in DeliveryKind])
    destination_id = django_filters.UUIDFilter()
    authorization_id = django_filters.UUIDFilter()
    consent_id = django_filters.UUIDFilter(field_name="authorization__consent_id")
    sync_job_id = django_filters.UUIDFilter()
    replay_of_id = django_filters.UUIDFilter()
    bulk_action_id = django_filters.UUIDFilter(
        field_name="made_by_item__action_id", help_text="The replays that this bulk action made."
    )
    external_id = django_filters.CharFilter()
    object_key = django_filters.CharFilter()
    error_code = django_filters.CharFilter(help_text="The code of the last failed attempt, whole.")
    delivered_after = django_filters.IsoDateTimeFilter(field_name="delivered_at", lookup_expr="gte")
    delivered_before = django_filters.IsoDateTimeFilter(field_name="delivered_at", lookup_expr="lt")
    sort = SortFilter(
        {
            "created_at": F("created_at"),
            "state": F("state"),
            "object_key": F("object_key"),
            "resources": _or_before_all("resources"),
            "bytes": _or_before_all("bytes"),
            "attempts": F("attempts"),
        }
    )

    class Meta:
        model = Delivery
        fields: list[str] = []


class BulkActionFilters(ListFilters):
    action = django_filters.MultipleChoiceFilter(
        field_name="verb", choices=[(verb.value, verb.value) for verb in BulkVerb]
    )
    state = django_filters.MultipleChoiceFilter(choices=[(state.value, state.value) for state in BulkState])
    sort = SortFilter({"created_at": F("created_at"), "deliveries": F("delivery_count")})

    class Meta:
        model = BulkAction
        fields: list[str] = []
