"""Create and edit a destination, rotate its external ID. The external ID is in one answer each."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from apps.applications.keys import Mode
from apps.applications.middleware import Scope
from apps.applications.models import Application
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import (
    Crumb,
    Fresh,
    Need,
    field_errors,
    once_only,
    portal_page,
    render_page,
    take_ticket,
)

from ..connectors.s3.config import DEFAULT_PREFIX
from ..forms import DestinationForm, PlainConfirmation
from ..models import Destination
from ..selectors import CONFIG_FIELDS, policies_for
from ..services import InvalidDestination, create_destination, rotate_external_id, update_destination
from ..states import DestinationState

SHOWN_ALREADY = "That external ID was shown already and cannot be shown again. Make a new one if it was lost."


@portal_page(Need.GUARD)
def create(request: HttpRequest) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    form = DestinationForm(request.POST or None, initial={"prefix": DEFAULT_PREFIX})
    if request.method == "POST" and form.is_valid():
        if not take_ticket(request):
            messages.warning(request, SHOWN_ALREADY)
            return HttpResponseRedirect(list_url(scope))
        application = Application.objects.select_related("workspace").get(pk=scope.application_id)
        try:
            made = create_destination(
                application=application,
                mode=Mode(scope.mode),
                fields=form.fields_given(),
                by=actor_of(request),
            )
        except InvalidDestination as refusal:
            field_errors(form, refusal.errors)
        else:
            return _show_once(request, made.destination, made.external_id)
    context = {"form": form, "submit": "Create destination", "cancel": list_url(scope)}
    return render_page(request, "form.html", context, title="New destination", crumbs=crumbs_to(scope, "New"))


@portal_page(Need.GUARD)
def edit(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    form = DestinationForm(
        request.POST or None, initial={name: getattr(destination, name) for name in ("name", *CONFIG_FIELDS)}
    )
    if request.method == "POST" and form.is_valid():
        try:
            update_destination(destination=destination, fields=form.fields_given(), by=actor_of(request))
        except InvalidDestination as refusal:
            field_errors(form, refusal.errors)
        else:
            messages.success(request, "The destination is saved. A change of bucket, role or key needs a new test.")
            return HttpResponseRedirect(page_url(scope, destination))
    context = {"form": form, "submit": "Save", "cancel": page_url(scope, destination)}
    return render_page(
        request,
        "form.html",
        context,
        title=f"Edit {destination}",
        crumbs=crumbs_to(scope, "Edit", destination),
    )


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def rotate(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    if request.method == "POST":
        if not take_ticket(request):
            messages.warning(request, SHOWN_ALREADY)
            return HttpResponseRedirect(page_url(scope, destination))
        external_id = rotate_external_id(destination=destination, by=actor_of(request))
        return _show_once(request, destination, external_id)
    context = {
        "form": PlainConfirmation(),
        "submit": "Make a new external ID",
        "cancel": page_url(scope, destination),
        "intro": "The old external ID stops working at once. Deliveries wait until your trust policy has the"
        " new one, a connection test has passed and you enable the destination again.",
        "intro_kind": "warn",
    }
    return render_page(
        request,
        "form.html",
        context,
        title=f"New external ID for {destination}",
        crumbs=crumbs_to(scope, "New external ID", destination),
    )


def find_destination(scope: Scope, destination_id: UUID) -> Destination:
    """Return one that can still be changed: of the scope, and not deleted."""
    rows = Destination.objects.exclude(state=DestinationState.DELETED).select_related("application__workspace")
    return get_object_or_404(rows, pk=destination_id, application=scope.application_id, mode=scope.mode)


def list_url(scope: Scope) -> str:
    return reverse(f"{scope.mode}:destinations_destination_changelist")


def page_url(scope: Scope, destination: Destination) -> str:
    return reverse(f"{scope.mode}:destinations_destination_change", args=[destination.pk])


def crumbs_to(scope: Scope, here: str, destination: Destination | None = None) -> list[Crumb]:
    trail: list[Crumb] = [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("Destinations", list_url(scope)),
    ]
    if destination is not None:
        trail.append((destination.name, page_url(scope, destination)))
    return [*trail, (here, "")]


def _show_once(request: HttpRequest, destination: Destination, external_id: str) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    context = {
        "destination": destination,
        "external_id": external_id,
        "policies": policies_for(destination, external_id=external_id),
        "done": page_url(scope, destination),
    }
    return once_only(
        render_page(
            request,
            "destinations/external_id_once.html",
            context,
            title="Store this external ID now",
            crumbs=crumbs_to(scope, "External ID", destination),
        )
    )
