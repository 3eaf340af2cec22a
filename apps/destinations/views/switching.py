"""Buttons of a destination: test, set the region that a test found, enable, disable, back-fill, delete."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.middleware import Scope
from apps.outbox.transitions import IllegalTransition
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Fresh, Need, portal_page, render_page

from ..forms import PlainConfirmation, TypedConfirmation
from ..selectors import find_offered_fix
from ..services import (
    InvalidDestination,
    NotTested,
    TooManyTests,
    backfill_destination,
    delete_destination,
    disable_destination,
    enable_destination,
    test_connection,
    update_destination,
)
from .editing import crumbs_to, find_destination, list_url, page_url


@portal_page(Need.WRITE, methods=("POST",))
def run_test(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    try:
        test = test_connection(destination=destination, by=actor_of(request), now=timezone.now())
    except TooManyTests as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(page_url(scope, destination))
    if test.passed:
        messages.success(request, "The test passed. The destination can be enabled.")
    else:
        messages.error(request, "The test failed. The step that failed says what to change.")
    return HttpResponseRedirect(page_url(scope, destination))


@portal_page(Need.GUARD, methods=("POST",))
def set_region(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Set the region that the last test found; nothing is taken from the request."""
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    region = find_offered_fix(destination).get("region")
    if region is None:
        messages.error(request, "No test of the current settings has found another region.")
        return HttpResponseRedirect(page_url(scope, destination))
    try:
        update_destination(destination=destination, fields={"region": region}, by=actor_of(request))
    except InvalidDestination as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The region is {region} now. Test the connection again.")
    return HttpResponseRedirect(page_url(scope, destination))


@portal_page(Need.GUARD, methods=("POST",), fresh=Fresh.IN_LIVE)
def enable(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    try:
        enable_destination(destination=destination, by=actor_of(request), now=timezone.now())
    except (NotTested, IllegalTransition) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The destination is enabled. The next sync is delivered to it.")
    return HttpResponseRedirect(page_url(scope, destination))


@portal_page(Need.WRITE, methods=("POST",))
def disable(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    try:
        disable_destination(destination=destination, by=actor_of(request))
    except IllegalTransition as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The destination is disabled. Its deliveries are held, none is lost.")
    return HttpResponseRedirect(page_url(scope, destination))


@portal_page(Need.GUARD, methods=("POST",))
def backfill(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    made = backfill_destination(destination=destination, by=actor_of(request), now=timezone.now())
    messages.success(request, f"{made} deliveries were made for what this destination has not received yet.")
    return HttpResponseRedirect(page_url(scope, destination))


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def delete(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    destination = find_destination(scope, destination_id)
    form = (
        TypedConfirmation(request.POST or None, word=destination.name)
        if scope.mode == Mode.LIVE
        else PlainConfirmation(request.POST or None)
    )
    if request.method == "POST" and (form.is_valid() or not form.fields):
        delete_destination(destination=destination, by=actor_of(request), now=timezone.now())
        messages.success(request, f"{destination} is deleted. What it received stays in your bucket.")
        return HttpResponseRedirect(list_url(scope))
    context = {
        "form": form,
        "submit": "Delete destination",
        "submit_style": "danger",
        "cancel": page_url(scope, destination),
        "intro": "Its external ID is destroyed and never used again; deliveries that wait are cancelled."
        " The history stays, and so does everything in your bucket.",
        "intro_kind": "bad",
    }
    return render_page(
        request,
        "form.html",
        context,
        title=f"Delete {destination}",
        crumbs=crumbs_to(scope, "Delete", destination),
    )
