"""Retry or replay many deliveries: a page that says exactly which, then the work is the workers'."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from apps.applications.listing import BadQuery, read_filter
from apps.applications.middleware import Scope, scope_of
from apps.applications.models import Application
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Need, portal_page, render_page

from ..filters import DeliveryFilters
from ..models import Delivery
from ..services import TooManyDeliveries, list_matching, start_bulk_action
from ..states import BulkVerb, DeliveryState, DestinationState

MOST_TICKED = 1_000
WHAT_HAPPENS = {
    BulkVerb.RETRY: (
        "Each is tried again now: the same delivery, the same object key. An object that is there already is never"
        " overwritten. Deliveries that cannot be retried are skipped, and the result says why."
    ),
    BulkVerb.REPLAY: (
        "Each becomes a new delivery: the same bytes under a new object key, with today's settings of its"
        " destination, in one attempt. Objects that are there already stay. The health of a destination does not"
        " change."
    ),
}


@portal_page(Need.WRITE)
def retry_many(request: HttpRequest) -> HttpResponse:
    return _many(request, BulkVerb.RETRY)


@portal_page(Need.GUARD)
def replay_many(request: HttpRequest) -> HttpResponse:
    return _many(request, BulkVerb.REPLAY)


def _many(request: HttpRequest, verb: BulkVerb) -> HttpResponse:
    scope = scope_of(request)
    try:
        ids, used = _meant(request, scope)
    except BadQuery as refusal:
        return render(request, "400.html", {"reason": str(refusal)}, status=400)
    except TooManyDeliveries as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(f"{_list_url(scope)}?{request.GET.urlencode()}")
    seen = _fingerprint(ids)
    if request.method == "POST" and ids and request.POST.get("seen") == seen:
        begun = start_bulk_action(
            application=Application.objects.get(pk=scope.application_id),
            mode=str(scope.mode),
            verb=verb,
            delivery_ids=ids,
            filter_used=used,
            by=actor_of(request),
            now=timezone.now(),
        )
        return HttpResponseRedirect(reverse(f"{scope.mode}:destinations_bulkaction_change", args=[begun.pk]))
    return _confirm(request, scope, verb, ids, used, seen)


def _meant(request: HttpRequest, scope: Scope) -> tuple[list[UUID], dict[str, Any] | None]:
    """Return the deliveries that the address names: ticked ones, or what a filter matches.

    Raises: BadQuery, TooManyDeliveries
    """
    own = Delivery.objects.filter(application=scope.application_id, mode=str(scope.mode))
    ticked = request.GET.getlist("id")
    if not ticked:
        query = read_filter(request.GET, DeliveryFilters)
        return list_matching(DeliveryFilters(data=query, queryset=own).qs), dict(query.lists())
    if len(ticked) > MOST_TICKED:
        raise BadQuery(f"At most {MOST_TICKED:,} deliveries can be ticked.")
    try:
        return list_matching(own.filter(pk__in=[UUID(each) for each in ticked])), None
    except ValueError:
        raise BadQuery("One of the ticked deliveries has no ID of ours.") from None


def _confirm(
    request: HttpRequest, scope: Scope, verb: BulkVerb, ids: Sequence[UUID], used: dict[str, Any] | None, seen: str
) -> HttpResponse:
    rows = list(Delivery.objects.filter(pk__in=ids).values_list("state", "destination__name", "destination__state"))
    off = [state for _, _, state in rows if state not in (DestinationState.ENABLED, DestinationState.DELETED)]
    back = f"{_list_url(scope)}?{request.GET.urlencode()}" if used is not None else _list_url(scope)
    context = {
        "verb": verb.value,
        "count": len(ids),
        "what_happens": WHAT_HAPPENS[verb],
        "has_changed": request.method == "POST",
        "is_filtered": bool(used),
        "is_everything": used == {},
        "states": Counter(state for state, _, _ in rows).most_common(),
        "destinations": Counter(name for _, name, _ in rows).most_common(10),
        "held": len(off),
        "delivered": sum(state == DeliveryState.DELIVERED for state, _, _ in rows),
        "seen": seen,
        "cancel": back,
    }
    title = f"{verb.value.capitalize()} {len(ids):,} {'delivery' if len(ids) == 1 else 'deliveries'}"
    crumbs = [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("Deliveries", _list_url(scope)),
        (title, ""),
    ]
    return render_page(request, "destinations/delivery_many.html", context, title=title, crumbs=crumbs)


def _fingerprint(ids: Sequence[UUID]) -> str:
    """Return what tells this set of deliveries from any other: what was seen is what is done."""
    return hashlib.sha256(b"".join(each.bytes for each in sorted(ids))).hexdigest()


def _list_url(scope: Scope) -> str:
    return reverse(f"{scope.mode}:destinations_delivery_changelist")
