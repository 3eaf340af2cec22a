"""Filters of `/api/v1/authorizations` and of the same list in the portal, and when an authorization ends by itself.

An end is known to the database: the data's purge, or the longest time that the source lets us in, whichever
comes first. What has ended already has none.
"""

from __future__ import annotations

import datetime as dt

import django_filters
from django.db.models import Case, DateTimeField, DurationField, ExpressionWrapper, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Least, Now

from apps.applications.filters import ListFilters, SortFilter

from .models import STATES, USAGES, PatientAuthorization
from .states import ACTIVE, Usage

SOON = dt.timedelta(days=7)


def with_end(authorizations: QuerySet[PatientAuthorization]) -> QuerySet[PatientAuthorization]:
    """Annotate `ends_at`: when a running authorization ends unless somebody renews it; null for all others."""
    allowed = ExpressionWrapper(
        F("endpoint__max_auth_seconds") * Value(dt.timedelta(seconds=1)), output_field=DurationField()
    )
    began = Coalesce("authorized_at", "created_at")
    at_source = Case(
        When(
            endpoint__refreshable=True,
            endpoint__max_auth_seconds__gt=0,
            then=ExpressionWrapper(began + allowed, output_field=DateTimeField()),
        ),
    )
    running = When(state__in=ACTIVE, purged_at__isnull=True, then=Least("purge_at", at_source))
    return authorizations.annotate(ends_at=Case(running, output_field=DateTimeField()))


# What somebody should renew; of ONE_TIME no more is expected. Asks for `with_end`.
EXPIRING = Q(usage=Usage.MULTIPLE.value, ends_at__lt=Now() + Value(SOON))


class AuthorizationFilters(ListFilters):
    search_ids = ("pk", "consent_id", "endpoint_id", "destination_patient_id")
    search_texts = ("consent__end_user__external_id",)

    state = django_filters.MultipleChoiceFilter(choices=STATES)
    usage = django_filters.ChoiceFilter(choices=USAGES)
    external_id = django_filters.CharFilter(field_name="consent__end_user__external_id")
    consent_id = django_filters.UUIDFilter()
    endpoint_id = django_filters.UUIDFilter()
    expiring = django_filters.ChoiceFilter(
        choices=[("true", "true")],
        method="filter_expiring",
        help_text=f"Running ones of usage MULTIPLE that end within {SOON.days} days unless they are renewed.",
    )
    sort = SortFilter(
        {
            "created_at": F("created_at"),
            "state": F("state"),
            "external_id": F("consent__end_user__external_id"),
            "last_synced_at": Coalesce(F("last_synced_at"), F("created_at")),
        }
    )

    class Meta:
        model = PatientAuthorization
        fields: list[str] = []

    def filter_expiring(
        self, rows: QuerySet[PatientAuthorization], name: str, value: str
    ) -> QuerySet[PatientAuthorization]:
        return with_end(rows).filter(EXPIRING)
