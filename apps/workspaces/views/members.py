"""Who is in a workspace and what they may do."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from ..authentication import actor_of
from ..forms import RoleForm
from ..models import Membership, Role, Workspace
from ..scoped_admin import Crumb, Fresh, Need, may, membership_of, render_page, workspace_page
from ..scoped_admin.guards import OWNERS_ONLY, grantable, may_change
from ..selectors import list_members, list_waiting_invitations
from ..services import LastOwner, change_role, remove_member

# What the table on the page says; `may` decides, so the page cannot promise what a guard refuses.
RIGHTS: tuple[tuple[str, Need, str], ...] = (
    ("See everything here", Need.READ, ""),
    ("Sync, test connections and retry, in test and live", Need.WRITE, "live"),
    ("Keys, destinations, redirect URIs and revoking in test", Need.GUARD, "test"),
    ("Keys, destinations, redirect URIs and revoking in live", Need.GUARD, "live"),
    ("Settings, new applications, members, asking for live access", Need.ADMINISTER, ""),
)


@workspace_page(Need.READ)
def members(request: HttpRequest) -> HttpResponse:
    mine, now = membership_of(request), timezone.now()
    listed = list_members(mine.workspace)
    context = {
        "members": [
            {"row": each, "has_factor": has_factor, "is_me": each.pk == mine.pk, "may_change": may_change(mine, each)}
            for each, has_factor in listed
        ],
        "without_factor": sum(not has_factor for _, has_factor in listed),
        "invitations": [(each, each.is_open(now)) for each in list_waiting_invitations(mine.workspace)],
        "workspace": mine.workspace,
        "roles": [role.label for role in Role],
        "rights": [(text, [may(role, need, mode) for role in Role]) for text, need, mode in RIGHTS]
        + [("Make, change and remove owners", [role == Role.OWNER for role in Role])],
    }
    return render_page(request, "workspaces/members.html", context, title="Members", crumbs=crumbs_of(mine))


@workspace_page(Need.ADMINISTER, methods=("GET", "POST"), fresh=Fresh.ALWAYS)
def set_role(request: HttpRequest, membership_id: int) -> HttpResponse:
    mine = membership_of(request)
    member = _member(mine, membership_id)
    if not may_change(mine, member):
        return _back(request, OWNERS_ONLY)
    form = RoleForm(request.POST or None, offered=grantable(mine), initial={"role": member.role})
    if request.method == "POST" and form.is_valid():
        try:
            change_role(membership=member, role=Role(form.cleaned_data["role"]), by=actor_of(request))
        except LastOwner as refusal:
            form.add_error("role", str(refusal))
        else:
            messages.success(request, f"{member.user.email} now has the role {member.get_role_display()}.")
            return HttpResponseRedirect(members_url(mine.workspace))
    context = {"form": form, "submit": "Change role", "cancel": members_url(mine.workspace)}
    title = f"Role of {member.user.email}"
    return render_page(request, "form.html", context, title=title, crumbs=crumbs_of(mine, "Role"))


@workspace_page(Need.ADMINISTER, methods=("GET", "POST"), fresh=Fresh.ALWAYS)
def remove(request: HttpRequest, membership_id: int) -> HttpResponse:
    mine = membership_of(request)
    member = _member(mine, membership_id)
    if not may_change(mine, member):
        return _back(request, OWNERS_ONLY)
    if request.method == "POST":
        try:
            remove_member(membership=member, by=actor_of(request))
        except LastOwner as refusal:
            return _back(request, str(refusal))
        messages.success(request, f"{member.user.email} is no longer a member.")
        return HttpResponseRedirect(members_url(mine.workspace))
    context = {
        "form": forms.Form(),
        "intro": f"{member.user.email} loses sight of {mine.workspace.name} at once. Keys that they made go on working:"
        " roll those that they may still hold.",
        "intro_kind": "warn",
        "submit": "Remove from the workspace",
        "submit_style": "danger",
        "cancel": members_url(mine.workspace),
    }
    title = f"Remove {member.user.email}"
    return render_page(request, "form.html", context, title=title, crumbs=crumbs_of(mine, "Remove"))


@workspace_page(Need.READ, methods=("GET", "POST"), fresh=Fresh.ALWAYS)
def leave(request: HttpRequest) -> HttpResponse:
    mine = membership_of(request)
    if request.method == "POST":
        try:
            remove_member(membership=mine, by=actor_of(request))
        except LastOwner as refusal:
            return _back(request, str(refusal))
        messages.success(request, f"You have left {mine.workspace.name}.")
        return HttpResponseRedirect(reverse("home"))
    context = {
        "form": forms.Form(),
        "intro": f"You lose sight of {mine.workspace.name} at once. An owner or admin can invite you again.",
        "intro_kind": "warn",
        "submit": "Leave the workspace",
        "submit_style": "danger",
        "cancel": reverse("workspace_settings", args=[mine.workspace.slug]),
    }
    title = f"Leave {mine.workspace.name}"
    return render_page(request, "form.html", context, title=title, crumbs=crumbs_of(mine, "Leave"))


def members_url(workspace: Workspace) -> str:
    return reverse("workspace_members", args=[workspace.slug])


def crumbs_of(mine: Membership, here: str = "") -> list[Crumb]:
    above: list[Crumb] = [(mine.workspace.name, reverse("home"))]
    return [*above, ("Members", members_url(mine.workspace)), (here, "")] if here else [*above, ("Members", "")]


def _member(mine: Membership, membership_id: int) -> Membership:
    rows = Membership.objects.select_related("user", "workspace")
    return get_object_or_404(rows, pk=membership_id, workspace=mine.workspace_id)


def _back(request: HttpRequest, refusal: str) -> HttpResponse:
    messages.error(request, refusal)
    return HttpResponseRedirect(members_url(membership_of(request).workspace))
