"""Filters of `/api/v1/audit-events` and of the same lists in the portal."""

from __future__ import annotations

import uuid
from contextlib import suppress

import django_filters
from django.db.models import CharField, F, Func, Q, QuerySet, Value

from apps.applications.filters import ListFilters, SortFilter
from apps.audit.events import ActorKind
from apps.audit.models import AuditEvent

# The nouns that actions begin with.
SUBJECTS = (
    "allowed_origin", "api_key", "application", "authorization", "bulk_action", "code", "consent", "delivery",
    "destination", "endpoint", "invitation", "live_access", "membership", "operator", "reconciliation", "record",
    "redirect_uri", "second_factor", "support", "sync", "token", "workspace",
)  # fmt: skip
SUBJECT = Func(F("action"), Value("."), Value(1), function="split_part", output_field=CharField())


class AuditEventFilters(ListFilters):
    search_texts = ("target_id", "request_id", "actor_label", "actor_id", "action", "ip")
    # The order of the chain is the order of time.
    default_order = ("-id",)

    actor_kind = django_filters.MultipleChoiceFilter(choices=[(kind.value, kind.value) for kind in ActorKind])
    actor_id = django_filters.CharFilter()
    subject = django_filters.MultipleChoiceFilter(
        choices=[(subject, subject) for subject in SUBJECTS],
        method="filter_subject",
        help_text="What the action begins with.",
    )
    action = django_filters.CharFilter(help_text="As `delivery.replayed`.")
    target_type = django_filters.CharFilter()
    target_id = django_filters.CharFilter()
    request_id = django_filters.CharFilter()
    created_after = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")
    sort = SortFilter({"created_at": F("id")})

    class Meta:
        model = AuditEvent
        fields: list[str] = []

    def search(self, queryset: QuerySet[AuditEvent], name: str, value: str) -> QuerySet[AuditEvent]:
        """Find an event by its own number, or by any ID or name in it, whole."""
        term = value.strip()
        if term.isascii() and term.isdigit() and len(term) <= 18:
            return queryset.filter(pk=int(term))
        with suppress(ValueError):
            term = str(uuid.UUID(term))  # however it was written
        wanted = Q(pk__in=())
        for field in self.search_texts:
            wanted |= Q(**{field: term})
        return queryset.filter(wanted)

    def filter_subject(self, rows: QuerySet[AuditEvent], name: str, value: list[str]) -> QuerySet[AuditEvent]:
        wanted = Q()
        for subject in value:
            wanted |= Q(action__startswith=f"{subject}.")
        return rows.filter(wanted)
