"""Buttons of a destination: test, set the region that a test found, enable, disable, back-fill, delete."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from apps.applications.keys import Mode
from apps.applications.middleware import Scope, scope_of
from apps.outbox.transitions import IllegalTransition
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Fresh, Need, portal_page, render_page

from ..backlog import UNFINISHED, count_missing
from ..forms import PlainConfirmation, TypedConfirmation
from ..models import Destination
from ..selectors import find_offered_fix
from ..services import (
    InvalidDestination,
    NotTested,
    StillDraft,
    TooManyTests,
    backfill_destination,
    delete_destination,
    disable_destination,
    enable_destination,
    test_connection,
    update_destination,
)
from .addresses import back_url, crumbs_to, find_destination, list_url, page_url


@portal_page(Need.WRITE, methods=("POST",))
def run_test(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    try:
        test = test_connection(destination=destination, by=actor_of(request), now=timezone.now())
    except (TooManyTests, StillDraft) as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(back_url(request, scope, destination))
    if not test.passed:
        messages.error(request, "The test failed. The step that failed says what to change.")
    elif destination.enabled:
        messages.success(request, "The test passed.")
    else:
        messages.success(request, "The test passed. The destination can be enabled.")
    return HttpResponseRedirect(back_url(request, scope, destination))


@portal_page(Need.GUARD, methods=("POST",))
def set_region(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Set the region that the last test found; nothing is taken from the request."""
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    region = find_offered_fix(destination).get("region")
    if region is None:
        messages.error(request, "No test of the current settings has found another region.")
        return HttpResponseRedirect(back_url(request, scope, destination))
    try:
        update_destination(destination=destination, fields={"region": region}, by=actor_of(request))
    except InvalidDestination as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The region is {region} now. Test the connection again.")
    return HttpResponseRedirect(back_url(request, scope, destination))


@portal_page(Need.GUARD, methods=("POST",), fresh=Fresh.IN_LIVE)
def enable(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    try:
        enable_destination(destination=destination, by=actor_of(request), now=timezone.now())
    except (NotTested, IllegalTransition) as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(back_url(request, scope, destination))
    messages.success(request, "The destination is enabled. The next sync is delivered to it.")
    return HttpResponseRedirect(page_url(scope, destination))


@portal_page(Need.WRITE)
def disable(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    form = _confirmation(request, scope, destination)
    if request.method == "POST" and (form.is_valid() or not form.fields):
        try:
            disable_destination(destination=destination, by=actor_of(request))
        except IllegalTransition as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "The destination is disabled. Its deliveries are held, none is lost.")
        return HttpResponseRedirect(page_url(scope, destination))
    intro = (
        "Deliveries stop at once. What waits is held, and goes on when the destination is enabled again."
        " Syncs meanwhile are kept for a back-fill."
    )
    return _ask(request, destination, form, title=f"Disable {destination}", submit="Disable destination", intro=intro)


@portal_page(Need.GUARD)
def backfill(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    now = timezone.now()
    if request.method == "POST":
        begun = backfill_destination(destination=destination, by=actor_of(request), now=now)
        messages.success(
            request, f"The back-fill of {begun.planned_count:,} deliveries has begun. Its progress is below."
        )
        return HttpResponseRedirect(page_url(scope, destination))
    if destination.backfills.filter(state__in=UNFINISHED).exists():
        messages.info(request, "A back-fill is under way already.")
        return HttpResponseRedirect(page_url(scope, destination))
    missing = count_missing(destination, now=now)
    context = {
        "form": PlainConfirmation(),
        "submit": f"Deliver {missing:,} now" if missing else "",
        "cancel": page_url(scope, destination),
        "intro": _what_is_missing(missing),
        "intro_kind": "info",
    }
    crumbs = crumbs_to(scope, "Back-fill", destination)
    return render_page(request, "destinations/ask.html", context, title=f"Back-fill {destination}", crumbs=crumbs)


def _what_is_missing(missing: int) -> str:
    if not missing:
        return "Nothing is missing: every sync of every active authorization was delivered here, or is on its way."
    return (
        f"{missing:,} {'delivery is' if missing == 1 else 'deliveries are'} missing here: one for each sync that ended"
        " while this destination was off, and the newest state of those that were never delivered here. They are made"
        " a few at a time, and what is live goes before them. Of a sync that lies more than"
        f" {settings.VERSION_RETENTION_DAYS} days back, the records may not be kept any more: then it is left out."
    )


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def delete(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    form = _confirmation(request, scope, destination)
    if request.method == "POST" and (form.is_valid() or not form.fields):
        delete_destination(destination=destination, by=actor_of(request), now=timezone.now())
        messages.success(request, f"{destination} is deleted. What it received stays in your bucket.")
        return HttpResponseRedirect(list_url(scope))
    intro = (
        "Its external ID is destroyed and never used again; deliveries that wait are cancelled."
        " The history stays, and so does everything in your bucket."
    )
    return _ask(request, destination, form, title=f"Delete {destination}", submit="Delete destination", intro=intro)


def _confirmation(request: HttpRequest, scope: Scope, destination: Destination) -> forms.Form:
    """Ask for the name in live; in test one press is enough (ux.md 8)."""
    if scope.mode == Mode.LIVE:
        return TypedConfirmation(request.POST or None, word=destination.name)
    return PlainConfirmation(request.POST or None)


def _ask(
    request: HttpRequest, destination: Destination, form: forms.Form, *, title: str, submit: str, intro: str
) -> HttpResponse:
    scope = scope_of(request)
    context = {
        "form": form,
        "submit": submit,
        "submit_style": "danger",
        "cancel": page_url(scope, destination),
        "intro": intro,
        "intro_kind": "warn",
    }
    crumbs = crumbs_to(scope, submit.partition(" ")[0], destination)
    return render_page(request, "destinations/ask.html", context, title=title, crumbs=crumbs)
