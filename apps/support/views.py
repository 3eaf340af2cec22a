"""The console's first page, its search, and the two things that staff may change here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.directory.models import Endpoint, EndpointStatus
from apps.directory.services import set_endpoint_limits
from apps.workspaces.authentication import actor_of
from apps.workspaces.models import Membership
from apps.workspaces.scoped_admin import Crumb, render_page, root_url, support_page
from apps.workspaces.scoped_admin.guards import signed_in_recently
from apps.workspaces.scoped_admin.support_trail import record_support_view

from . import selectors
from .forms import EndpointLimitsForm, EndpointStatusForm, ResetForm
from .searching import find_by_id
from .services import NoSecondFactor, NotByOneself, Proof, reset_second_factor, set_endpoint_status


@dataclass(frozen=True, slots=True)
class Tile:
    """A number of the first page. `address` leads to what was counted."""

    text: str
    count: int
    is_bad: bool
    address: str


@support_page(methods=("GET",))
def overview(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    pulse = selectors.find_pulse()
    lanes = selectors.list_lanes(now=now)
    requests, failing = selectors.list_open_requests(), selectors.list_failing_destinations()
    troubled = selectors.list_troubled_endpoints(now=now)
    record_support_view(request, [*requests, *failing], listed=True)
    context = {
        "requests": requests,
        "failing": failing,
        "troubled": troubled,
        "lanes": [(lane, _list_of(lane)) for lane in lanes],
        "workers": selectors.list_workers(),
        "pulse": pulse,
        "sweeper_late": pulse.sweeper_is_late(now),
        "sealer_late": pulse.sealer_is_late(now),
        "recent_days": selectors.RECENT.days,
        "subtitle": f"Failures are those of {selectors.RECENT.days} days. What you open of a team is written into that"
        " team's audit log.",
        "tiles": _tiles(
            lanes,
            open_requests=_count(requests, selectors.count_open_requests),
            failing=_count(failing, selectors.count_failing_destinations),
            troubled=len(troubled),
        ),
    }
    return render_page(request, "support/overview.html", context, title="Support", crumbs=[("Support", "")])


def _count(shown: Sequence[object], count_all: Callable[[], int]) -> int:
    """Count again only where the list was cut."""
    return len(shown) if len(shown) < selectors.MOST_SHOWN else count_all()


def _tiles(lanes: list[selectors.Lane], *, open_requests: int, failing: int, troubled: int) -> list[Tile]:
    """Return what waits for a person, and where to look at it."""
    stuck = sum(lane.stuck for lane in lanes)
    decisions = f"{reverse('support:applications_liveaccessrequest_changelist')}?decision__exact=pending"
    return [
        Tile("Open live access requests", open_requests, False, decisions),
        *(
            Tile(f"Failed {lane.name.lower()}", lane.failed, bool(lane.failed), f"{_list_of(lane)}?state__exact=FAILED")
            for lane in lanes
        ),
        Tile("Stuck in the queue", stuck, bool(stuck), "#lanes"),
        Tile("Endpoints in trouble", troubled, bool(troubled), "#endpoints"),
        Tile("Failing destinations", failing, bool(failing), "#destinations"),
    ]


def _list_of(lane: selectors.Lane) -> str:
    return reverse(f"support:{lane.page}_changelist")


@support_page(methods=("GET",))
def search(request: HttpRequest) -> HttpResponse:
    """Answer `?q=` with what has this ID; one hit is gone to at once."""
    text = request.GET.get("q", "").strip()[:64].replace("\x00", "")
    hits = find_by_id(text)
    if len(hits) == 1:
        return HttpResponseRedirect(hits[0].address)
    record_support_view(request, [hit.row for hit in hits if hit.row is not None], listed=True)
    crumbs: list[Crumb] = [("Support", reverse("support:index")), ("Search", "")]
    return render_page(request, "support/search.html", {"query": text, "hits": hits}, title="Search", crumbs=crumbs)


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


@support_page()
def change_endpoint_limits(request: HttpRequest, object_id: UUID) -> HttpResponse:
    """Say how much a source bears."""
    endpoint = get_object_or_404(Endpoint, pk=object_id)
    back = reverse("support:directory_endpoint_change", args=[endpoint.pk])
    now = {"concurrent_syncs": endpoint.concurrent_syncs, "requests_per_minute": endpoint.requests_per_minute}
    form = EndpointLimitsForm(request.POST or None, initial=now)
    if request.method == "POST" and form.is_valid():
        if set_endpoint_limits(endpoint=endpoint, **form.cleaned_data, by=actor_of(request)):
            messages.success(request, f"The limits of {endpoint} are changed.")
        return HttpResponseRedirect(back)
    context = {
        "form": form,
        "submit": "Save",
        "cancel": back,
        "intro": "Syncs that run keep to the old limits for the rest of their step, three minutes at most.",
    }
    crumbs: list[Crumb] = [
        ("Support", reverse("support:index")),
        ("Endpoints", reverse("support:directory_endpoint_changelist")),
        (str(endpoint), back),
        ("Limits", ""),
    ]
    return render_page(request, "form.html", context, title=f"Limits of {endpoint}", crumbs=crumbs)
