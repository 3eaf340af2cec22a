"""The console's first page: what waits for a person."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from apps.applications.models import LiveAccessRequest
from apps.destinations.models import Delivery, Destination
from apps.destinations.states import DeliveryState, DestinationState
from apps.syncs.models import SyncJob
from apps.syncs.states import UNFINISHED
from apps.workspaces.models import Workspace
from apps.workspaces.scoped_admin import render_page, support_page


@support_page(methods=("GET",))
def overview(request: HttpRequest) -> HttpResponse:
    waiting = LiveAccessRequest.objects.filter(decision=LiveAccessRequest.Decision.PENDING)
    context = {
        "requests": waiting.select_related("application__workspace").order_by("requested_at", "id")[:20],
        "tiles": [
            ("Open requests", waiting.count()),
            ("Workspaces", Workspace.objects.count()),
            ("Unfinished syncs", SyncJob.objects.filter(state__in=UNFINISHED).count()),
            ("Failed deliveries", Delivery.objects.filter(state=DeliveryState.FAILED).count()),
            ("Paused destinations", Destination.objects.filter(state=DestinationState.PAUSED).count()),
        ],
    }
    return render_page(request, "support/overview.html", context, title="Support", crumbs=[("Support", "")])
