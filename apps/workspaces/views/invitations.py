"""Invitations: sent from the members page, accepted from a mail's link."""

from __future__ import annotations

import datetime as dt
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from ..authentication import actor_of, person_of
from ..forms import InvitationForm
from ..models import Invitation, Role
from ..scoped_admin import Fresh, Need, membership_of, render_page, workspace_page
from ..scoped_admin.guards import OWNERS_ONLY, grantable, takes
from ..selectors import find_invitation, owns_address
from ..services import (
    AlreadyInvited,
    AlreadyMember,
    InvitationClosed,
    SentJustNow,
    TooManyInvitations,
    WrongPerson,
    accept_invitation,
    invite_member,
    resend_invitation,
    withdraw_invitation,
)
from .members import crumbs_of, members_url


@workspace_page(Need.ADMINISTER, methods=("GET", "POST"), fresh=Fresh.ALWAYS)
def invite(request: HttpRequest) -> HttpResponse:
    mine = membership_of(request)
    form = InvitationForm(request.POST or None, offered=grantable(mine), initial={"role": Role.DEVELOPER})
    if request.method == "POST" and form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        try:
            invited = invite_member(
                workspace=mine.workspace, email=email, role=role, by=actor_of(request), now=timezone.now()
            )
        except (AlreadyMember, AlreadyInvited, TooManyInvitations) as refusal:
            form.add_error("email", str(refusal))
        else:
            until = invited.expires_at.astimezone(dt.UTC).strftime("%d %b %Y, %H:%M UTC")
            messages.success(request, f"An invitation is on its way to {email}. It is good until {until}.")
            return HttpResponseRedirect(members_url(mine.workspace))
    context = {"form": form, "submit": "Send the invitation", "cancel": members_url(mine.workspace)}
    return render_page(request, "form.html", context, title="Invite a person", crumbs=crumbs_of(mine, "Invite"))


@workspace_page(Need.ADMINISTER, methods=("POST",), fresh=Fresh.ALWAYS)
def resend(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    if Role(invitation.role) not in grantable(membership_of(request)):
        messages.error(request, OWNERS_ONLY)
    else:
        try:
            resend_invitation(invitation=invitation, by=actor_of(request), now=timezone.now())
        except (InvitationClosed, SentJustNow) as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(
                request, f"A new link is on its way to {invitation.email}. The one before it works no more."
            )
    return HttpResponseRedirect(members_url(invitation.workspace))


@workspace_page(Need.ADMINISTER, methods=("POST",), fresh=Fresh.ALWAYS)
def withdraw(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    try:
        withdraw_invitation(invitation=invitation, by=actor_of(request), now=timezone.now())
    except InvitationClosed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"The invitation of {invitation.email} is withdrawn. Its link works no more.")
    return HttpResponseRedirect(members_url(invitation.workspace))


@never_cache
@takes("GET", "POST")
def accept(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation to whoever holds its link; make a member of whoever owns its address."""
    invitation = find_invitation(token)
    if invitation is None:
        raise Http404
    if not invitation.is_open(timezone.now()):
        return _show(request, invitation, "closed", status=410)
    if not request.user.is_authenticated:
        if request.method == "POST":
            return redirect_to_login(request.path, reverse("account_login"))
        return _show(request, invitation, "nobody")
    if not owns_address(person_of(request), invitation.email):
        return _show(request, invitation, "other", status=403 if request.method == "POST" else 200)
    return _accept(request, invitation) if request.method == "POST" else _show(request, invitation, "me")


def _accept(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    workspace = invitation.workspace
    try:
        accept_invitation(invitation=invitation, user=person_of(request), by=actor_of(request), now=timezone.now())
    except AlreadyMember:
        messages.info(request, f"You are a member of {workspace.name} already.")
    except (InvitationClosed, WrongPerson) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"Welcome to {workspace.name}.")
    return HttpResponseRedirect(reverse("home"))


def _show(request: HttpRequest, invitation: Invitation, who: str, *, status: int = 200) -> HttpResponse:
    back = urlencode({"next": request.path})
    context = {
        "invitation": invitation,
        "workspace": invitation.workspace,
        "who": who,
        "sign_in": f"{reverse('account_login')}?{back}",
        "sign_up": f"{reverse('account_signup')}?{urlencode({'email': invitation.email})}&{back}",
    }
    title = f"Join {invitation.workspace.name}" if who != "closed" else "This invitation does not work any more"
    return render_page(request, "workspaces/invitation.html", context, title=title, crumbs=[], status=status)


def _invitation(request: HttpRequest, invitation_id: UUID) -> Invitation:
    rows = Invitation.objects.select_related("workspace")
    return get_object_or_404(rows, pk=invitation_id, workspace=membership_of(request).workspace_id)
