"""The external ID: shown in the one answer that makes it, replaced at once or with an overlap (rulings A10)."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.text import slugify

from apps.applications.middleware import Scope, scope_of
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Fresh, Need, once_only, portal_page, render_page, take_ticket

from ..forms import PlainConfirmation, RotationForm
from ..models import Destination
from ..policies import OLD_EXTERNAL_ID_PLACEHOLDER
from ..selectors import external_id_of
from ..services import (
    NoOverlap,
    TooManyTests,
    adopt_external_id,
    discard_next_external_id,
    prepare_external_id,
    rotate_external_id,
)
from ..services.replacing import WORTH_KEEPING
from .addresses import crumbs_to, find_destination, own_url, page_url
from .policy_texts import trust_text

SHOWN_ALREADY = "That external ID was shown already and cannot be shown again. Make a new one if it was lost."


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def rotate(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    overlaps = destination.state in WORTH_KEEPING and not external_id_of(destination).next_waits
    form = RotationForm(request.POST or None) if overlaps else PlainConfirmation(request.POST or None)
    if request.method == "POST" and (form.is_valid() or not form.fields):
        if not take_ticket(request):
            messages.warning(request, SHOWN_ALREADY)
            return HttpResponseRedirect(page_url(scope, destination))
        if form.fields and form.cleaned_data["ends"] == RotationForm.AFTER:
            return _prepare(request, scope, destination)
        external_id = rotate_external_id(destination=destination, by=actor_of(request))
        return show_once(request, destination, external_id)
    context = {
        "form": form,
        "submit": "Make a new external ID",
        "cancel": page_url(scope, destination),
        "intro": "The new one is shown once. It goes into the trust policy of your role."
        + ("" if overlaps else " The old one stops working at once, and the connection must be tested again."),
        "intro_kind": "info" if overlaps else "warn",
    }
    return render_page(
        request,
        "form.html",
        context,
        title=f"New external ID for {destination}",
        crumbs=crumbs_to(scope, "New external ID", destination),
    )


def _prepare(request: HttpRequest, scope: Scope, destination: Destination) -> HttpResponse:
    try:
        external_id = prepare_external_id(destination=destination, by=actor_of(request))
    except NoOverlap as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(page_url(scope, destination))
    return show_once(request, destination, external_id, beside_the_old=True)


@portal_page(Need.GUARD, methods=("POST",))
def adopt(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Test with the external ID that waits; a pass ends the old one."""
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    try:
        test = adopt_external_id(destination=destination, by=actor_of(request), now=timezone.now())
    except (NoOverlap, TooManyTests) as refusal:
        messages.error(request, str(refusal))
    else:
        if test.passed:
            messages.success(request, "The new external ID works. The old one has ended: take it out of the policy.")
        else:
            messages.error(request, "The test with the new external ID failed. Deliveries go on with the old one.")
    return HttpResponseRedirect(page_url(scope, destination))


@portal_page(Need.GUARD, methods=("POST",))
def discard(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    try:
        discard_next_external_id(destination=destination, by=actor_of(request))
    except NoOverlap as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The new external ID is discarded. The old one stays in use.")
    return HttpResponseRedirect(page_url(scope, destination))


def show_once(
    request: HttpRequest, destination: Destination, external_id: str, *, beside_the_old: bool = False
) -> HttpResponse:
    """Answer with the external ID: this answer only, and no cache keeps it."""
    scope = scope_of(request)
    ids = (OLD_EXTERNAL_ID_PLACEHOLDER, external_id) if beside_the_old else (external_id,)
    context = {
        "destination": destination,
        "external_id": external_id,
        "filename": f"external-id-{slugify(destination.name)[:60] or 'destination'}.txt",
        "trust": trust_text(destination, *ids),
        "beside_the_old": beside_the_old,
        "done": page_url(scope, destination) if beside_the_old else own_url(scope, "step3", destination),
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
