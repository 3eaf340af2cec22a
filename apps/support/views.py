"""The console's first page: what waits for a person, and whether the machinery runs."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from apps.workspaces.models import Workspace
from apps.workspaces.scoped_admin import render_page, support_page
from apps.workspaces.scoped_admin.support_trail import record_support_view

from . import selectors


@support_page(methods=("GET",))
def overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    pulse = selectors.find_pulse()
    lanes = selectors.list_lanes(now=now)
    requests, failing = selectors.list_open_requests(), selectors.list_failing_destinations()
    record_support_view(request, [*requests, *failing], listed=True)
    context = {
        "requests": requests,
        "failing": failing,
        "lanes": [(lane, lane.is_late(now), _list_of(lane)) for lane in lanes],
        "workers": selectors.list_workers(),
        "pulse": pulse,
        "sweeper_late": pulse.sweeper_is_late(now),
        "sealer_late": pulse.sealer_is_late(now),
        "tiles": [
            ("Open requests", len(requests), False),
            ("Failing destinations", len(failing), bool(failing)),
            *((f"{lane.name} failed, 7 days", lane.failed, bool(lane.failed)) for lane in lanes),
            ("Workspaces", Workspace.objects.count(), False),
        ],
    }
    return render_page(request, "support/overview.html", context, title="Support", crumbs=[("Support", "")])


def _list_of(lane: selectors.Lane) -> str:
    return reverse(f"support:{lane.page}_changelist") if lane.page else ""
