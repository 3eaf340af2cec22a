"""The console's first page, and the two things that staff may change here."""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.directory.models import Endpoint, EndpointStatus
from apps.workspaces.authentication import actor_of
from apps.workspaces.models import Membership, Workspace
from apps.workspaces.scoped_admin import Crumb, render_page, root_url, support_page
from apps.workspaces.scoped_admin.guards import signed_in_recently
from apps.workspaces.scoped_admin.support_trail import record_support_view

from . import selectors
from .forms import EndpointStatusForm, ResetForm
from .services import NoSecondFactor, NotByOneself, Proof, reset_second_factor, set_endpoint_status


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


@support_page()
def reset_factor(request: HttpRequest, membership_id: int) -> HttpResponse:
    """Let somebody in again whose device is lost: they set up a new factor at their next sign-in."""
    rows = Membership.objects.select_related("user", "workspace")
    member = get_object_or_404(rows, pk=membership_id)
    back = reverse("support:workspaces_workspace_change", args=[member.workspace_id])
    if not signed_in_recently(request):
        here = urlencode({"next": request.path})
        return HttpResponseRedirect(f"{root_url('account_reauthenticate')}?{here}")
    form = ResetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            reset_second_factor(user=member.user, proof=Proof(form.cleaned_data["proof"]), by=actor_of(request))
        except (NotByOneself, NoSecondFactor) as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, f"{member.user.email} is signed out everywhere and has no second factor now.")
        return HttpResponseRedirect(back)
    record_support_view(request, [member.workspace], listed=False)
    context = {
        "form": form,
        "submit": "Remove the second factor",
        "submit_style": "danger",
        "cancel": back,
        "intro": f"{member.user.email} loses every authenticator app, passkey and recovery code, is signed out"
        " everywhere, and is told by mail. It stands in the audit log of each of their workspaces.",
        "intro_kind": "warn",
    }
    crumbs: list[Crumb] = [
        ("Support", reverse("support:index")),
        ("Workspaces", reverse("support:workspaces_workspace_changelist")),
        (member.workspace.name, back),
        ("Lost device", ""),
    ]
    return render_page(request, "form.html", context, title="Lost device", crumbs=crumbs)


@support_page()
def change_endpoint(request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Say whether patients can choose a source."""
    endpoint = get_object_or_404(Endpoint, pk=object_id)
    back = reverse("support:directory_endpoint_change", args=[endpoint.pk])
    form = EndpointStatusForm(request.POST or None, initial={"status": endpoint.status})
    if request.method == "POST" and form.is_valid():
        status = EndpointStatus(form.cleaned_data["status"])
        if set_endpoint_status(endpoint=endpoint, status=status, by=actor_of(request)):
            messages.success(request, f"{endpoint} is now {status.label.lower()}.")
        return HttpResponseRedirect(back)
    context = {
        "form": form,
        "submit": "Save",
        "cancel": back,
        "intro": "Only who may choose it changes: authorizations that run go on, and so do their syncs.",
    }
    crumbs: list[Crumb] = [
        ("Support", reverse("support:index")),
        ("Endpoints", reverse("support:directory_endpoint_changelist")),
        (str(endpoint), back),
        ("State", ""),
    ]
    return render_page(request, "form.html", context, title=f"State of {endpoint}", crumbs=crumbs)
