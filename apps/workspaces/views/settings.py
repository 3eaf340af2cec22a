"""The settings of a workspace: its name, and whether its members need a second factor."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ..authentication import actor_of, person_of
from ..forms import WorkspaceForm
from ..models import Membership
from ..scoped_admin import Crumb, Fresh, Need, membership_of, render_page, workspace_page
from ..selectors import has_second_factor, list_members
from ..services import OwnFactorMissing, rename_workspace, require_second_factor, stop_requiring_second_factor
from .members import crumbs_of, members_url


@workspace_page(Need.READ)
def settings_page(request: HttpRequest) -> HttpResponse:
    mine = membership_of(request)
    return _show(request, WorkspaceForm(initial={"name": mine.workspace.name}))


@workspace_page(Need.ADMINISTER, methods=("POST",))
def rename(request: HttpRequest) -> HttpResponse:
    mine = membership_of(request)
    form = WorkspaceForm(request.POST)
    if not form.is_valid():
        return _show(request, form)
    rename_workspace(workspace=mine.workspace, name=form.cleaned_data["name"], by=actor_of(request))
    messages.success(request, "The settings are saved.")
    return HttpResponseRedirect(reverse("workspace_settings", args=[mine.workspace.slug]))


@workspace_page(Need.ADMINISTER, methods=("GET", "POST"), fresh=Fresh.ALWAYS)
def change_second_factor_rule(request: HttpRequest) -> HttpResponse:
    """Ask before the rule is switched over, and say whom it will keep out."""
    mine = membership_of(request)
    if request.method == "POST":
        return _switch(request, mine)
    missing = [each.user.email for each, has_factor in list_members(mine.workspace) if not has_factor]
    context = {
        "workspace": mine.workspace,
        "missing": missing,
        "i_have_one": has_second_factor(mine.user_id),
        "cancel": members_url(mine.workspace),
    }
    title = "Stop requiring a second factor" if mine.workspace.requires_second_factor else "Require a second factor"
    return render_page(
        request, "workspaces/second_factor.html", context, title=title, crumbs=crumbs_of(mine, "Second factor")
    )


def _switch(request: HttpRequest, mine: Membership) -> HttpResponse:
    workspace, by = mine.workspace, actor_of(request)
    wanted = request.POST.get("require")  # what the page offered: a stale page switches nothing back
    if wanted == "no":
        stop_requiring_second_factor(workspace=workspace, by=by)
        messages.success(request, "A second factor is no longer required.")
    elif wanted == "yes":
        try:
            require_second_factor(workspace=workspace, person=person_of(request), by=by)
        except OwnFactorMissing as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, "A second factor is required from now on. All members are told by mail.")
    return HttpResponseRedirect(members_url(workspace))


def _show(request: HttpRequest, form: forms.Form) -> HttpResponse:
    mine = membership_of(request)
    crumbs: list[Crumb] = [(mine.workspace.name, reverse("home")), ("Settings", "")]
    context = {"form": form, "workspace": mine.workspace, "mine": mine}
    return render_page(request, "workspaces/settings.html", context, title="Workspace settings", crumbs=crumbs)
