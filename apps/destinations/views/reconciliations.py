"""Compare a destination's storage with what was delivered: the last run, those before it, a button to begin one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone

from apps.applications.listing import curl_of
from apps.applications.middleware import scope_of
from apps.outbox.transitions import IllegalTransition
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Need, portal_page, render_page

from ..models import Destination, Reconciliation
from ..services import AlreadyReconciling, start_reconciliation
from ..states import DeliveryState, DestinationState
from .addresses import crumbs_to, find_destination, own_url
from .shown_runs import ShownRun

RUNS = 12


@portal_page(Need.READ, methods=("GET",))
def reconciliations(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Show the newest run, or the one that `?run=` names."""
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    runs = list(destination.reconciliations.order_by("-created_at", "id")[:RUNS])
    for run in runs:
        run.destination = destination
    shown = _chosen(request, destination, runs)
    is_running = shown is not None and ShownRun(shown).is_unfinished
    path = f"destinations/{destination.pk}/reconciliations"
    context = {
        "destination": destination,
        "shown": ShownRun(shown) if shown else None,
        "runs": [ShownRun(run) for run in runs],
        "is_busy": any(ShownRun(run).is_unfinished for run in runs),
        "delivered_count": _count_delivered(destination) if is_running else 0,
        "is_draft": destination.state == DestinationState.DRAFT,
        "curl": curl_of(f"{path}/{shown.pk}" if shown else path),
    }
    title = f"Reconciliation of {destination}"
    crumbs = crumbs_to(scope, "Reconciliation", destination)
    return render_page(request, "destinations/reconciliations.html", context, title=title, crumbs=crumbs)


@portal_page(Need.GUARD, methods=("POST",))
def reconcile(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    try:
        start_reconciliation(destination=destination, by=actor_of(request), now=timezone.now())
    except (AlreadyReconciling, IllegalTransition) as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(own_url(scope, "reconciliations", destination))


def _chosen(request: HttpRequest, destination: Destination, runs: list[Reconciliation]) -> Reconciliation | None:
    """Raises: Http404 for a run that is none of this destination."""
    wanted = request.GET.get("run", "")
    if not wanted:
        return runs[0] if runs else None
    try:
        return destination.reconciliations.select_related("destination").get(pk=UUID(wanted))
    except (ValueError, Reconciliation.DoesNotExist):
        raise Http404 from None


def _count_delivered(destination: Destination) -> int:
    """Count what a run has to look at: how far it is, is told against that."""
    return destination.deliveries.filter(state=DeliveryState.DELIVERED).count()
