"""The list of patient authorizations. Its page with syncs and deliveries is the dashboard's, one floor up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.applications.listing import Facet, MirroredModelAdmin
from apps.directory.models import Endpoint
from apps.workspaces.scoped_admin import cells

from .api import AuthorizationViewSet
from .filters import EXPIRING, SOON, with_end
from .models import PatientAuthorization
from .states import AuthorizationState, Usage


def names_of_endpoints(ids: Iterable[str]) -> dict[str, str]:
    return {str(each.pk): str(each) for each in Endpoint.objects.filter(pk__in=list(ids))}


class AuthorizationList(MirroredModelAdmin):
    viewset = AuthorizationViewSet
    api_path = "authorizations"
    url_path = "authorizations"
    list_title = "Authorizations"
    list_subtitle = "What patients have agreed to share, one row for each source."
    empty_title = "No patient has authorized yet"
    empty_text = "Send patients to the consent pages with your publishable key. In test mode, play a synthetic one."
    list_display = ("created", "state_shown", "user", "source", "usage_shown", "last_sync", "end")
    list_display_links = ("user",)
    sort_columns = {
        "created": "created_at",
        "state_shown": "state",
        "user": "external_id",
        "last_sync": "last_synced_at",
    }
    facets = (
        Facet(parameter="state", title="state", field="state", values=list(AuthorizationState)),
        Facet(parameter="usage", title="usage", field="usage", values=list(Usage)),
        Facet(parameter="endpoint_id", title="source", field="endpoint_id", names=names_of_endpoints),
        Facet(
            parameter="expiring",
            title="end",
            field="expiring",
            expression=Case(When(EXPIRING, then=Value("true")), default=Value("")),
            values=["true"],
            names=lambda values: dict.fromkeys(values, "Expiring"),
        ),
    )
    search_help_text = "Paste a user, or the ID of an authorization, consent or endpoint"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return with_end(super().get_queryset(request)).select_related("endpoint", "consent__end_user")

    @admin.display(description="Created (UTC)")
    def created(self, found: PatientAuthorization) -> SafeString | str:
        return cells.moment(found.created_at)

    @admin.display(description="State")
    def state_shown(self, found: PatientAuthorization) -> SafeString:
        error = format_html('<span class="second bad">{}</span>', found.error_code) if found.error_code else ""
        return format_html("{}{}", cells.state_tag(found.state), error)

    @admin.display(description="User")
    def user(self, found: PatientAuthorization) -> SafeString | str:
        return cells.code(found.consent.end_user.external_id)

    @admin.display(description="Source")
    def source(self, found: PatientAuthorization) -> SafeString:
        return cells.words(found.endpoint)

    @admin.display(description="Usage")
    def usage_shown(self, found: PatientAuthorization) -> str:
        return found.usage.replace("_", " ").capitalize()

    @admin.display(description="Last sync (UTC)")
    def last_sync(self, found: PatientAuthorization) -> SafeString | str:
        return cells.moment(found.last_synced_at)

    @admin.display(description="Ends (UTC)")
    def end(self, found: Any) -> SafeString | str:
        ends_at: dt.datetime | None = found.ends_at
        if found.purged_at is not None:
            return format_html('{}<span class="second">data deleted</span>', cells.moment(found.purged_at))
        if ends_at is None:
            return cells.NOTHING
        # Of ONE_TIME nothing else is expected.
        expiring = found.usage == Usage.MULTIPLE and ends_at < timezone.now() + SOON
        soon = cells.state_tag("expiring") if expiring else ""
        return format_html("{} {}", cells.moment(ends_at), soon)
