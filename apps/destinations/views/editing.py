"""Change the settings of a destination that is set up, or its options alone."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from apps.applications.middleware import scope_of
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Need, field_errors, portal_page, render_page

from ..forms import DestinationForm, OptionsForm
from ..options import DEFAULTS
from ..selectors import CONFIG_FIELDS
from ..services import InvalidDestination, update_destination
from ..states import DestinationState
from .addresses import back_url, crumbs_to, find_destination, own_url, page_url


@portal_page(Need.GUARD)
def edit(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    if destination.state == DestinationState.DRAFT:
        return HttpResponseRedirect(own_url(scope, "step1", destination))
    form = DestinationForm(
        request.POST or None, initial={name: getattr(destination, name) for name in ("name", *CONFIG_FIELDS, *DEFAULTS)}
    )
    if request.method == "POST" and form.is_valid():
        try:
            update_destination(destination=destination, fields=form.fields_given(), by=actor_of(request))
        except InvalidDestination as refusal:
            field_errors(form, refusal.errors)
        else:
            messages.success(request, "The destination is saved. A change of bucket, role or key needs a new test.")
            return HttpResponseRedirect(page_url(scope, destination))
    context = {
        "form": form,
        "submit": "Save",
        "cancel": page_url(scope, destination),
        "intro": "Anything but the name and the options makes the destination untested: deliveries wait until a test"
        " has passed and it is enabled again. None is lost.",
        "intro_kind": "warn" if destination.enabled else "info",
    }
    return render_page(
        request,
        "destinations/edit.html",
        context,
        title=f"Edit {destination}",
        crumbs=crumbs_to(scope, "Edit", destination),
    )


@portal_page(Need.GUARD, methods=("POST",))
def options(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Save the options alone: they leave the connection tested."""
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    form = OptionsForm(request.POST)
    if form.is_valid():
        update_destination(destination=destination, fields=form.options_given(), by=actor_of(request))
        messages.success(request, "The options are saved. The next delivery follows them.")
    else:
        messages.error(request, "A delivery cannot hold that. Choose one of the two.")
    return HttpResponseRedirect(back_url(request, scope, destination))
