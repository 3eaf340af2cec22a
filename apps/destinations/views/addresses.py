"""Where pages of destinations are, and which destination a request means."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from apps.applications.middleware import Scope
from apps.workspaces.scoped_admin import Crumb

from ..models import Destination
from ..states import DestinationState


def find_destination(scope: Scope, destination_id: UUID) -> Destination:
    """Return one that can still be changed: of the scope, and not deleted."""
    rows = Destination.objects.exclude(state=DestinationState.DELETED).select_related("application__workspace")
    return get_object_or_404(rows, pk=destination_id, application=scope.application_id, mode=scope.mode)


def list_url(scope: Scope) -> str:
    return reverse(f"{scope.mode}:destinations_destination_changelist")


def page_url(scope: Scope, destination: Destination) -> str:
    return own_url(scope, "change", destination)


def own_url(scope: Scope, action: str, destination: Destination) -> str:
    return reverse(f"{scope.mode}:destinations_destination_{action}", args=[destination.pk])


def back_url(request: HttpRequest, scope: Scope, destination: Destination) -> str:
    """Return where a button was pressed: the last step of the set-up, or else the destination's page."""
    last_step = own_url(scope, "step4", destination)
    return last_step if request.POST.get("back") == last_step else page_url(scope, destination)


def crumbs_to(scope: Scope, here: str, destination: Destination | None = None) -> list[Crumb]:
    trail: list[Crumb] = [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("Destinations", list_url(scope)),
    ]
    if destination is not None:
        trail.append((destination.name, page_url(scope, destination)))
    return [*trail, (here, "")]
