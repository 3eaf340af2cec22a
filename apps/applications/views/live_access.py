"""Live access: a team asks in its settings, support staff answer in the console."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Crumb, Need, portal_page, render_page, support_page

from ..forms import DecisionForm, LiveAccessForm
from ..middleware import scope_of
from ..models import LiveAccessRequest
from ..services import AlreadyDecided, RequestOpen, decide_live_access, request_live_access
from .keys import application_of
from .settings import settings_url, show_settings


@portal_page(Need.ADMINISTER, methods=("POST",))
def request_access(request: HttpRequest) -> HttpResponse:
    scope = scope_of(request)
    form = LiveAccessForm(request.POST)
    if form.is_valid():
        try:
            request_live_access(
                application=application_of(scope), purpose=form.cleaned_data["purpose"], by=actor_of(request)
            )
        except RequestOpen as refusal:
            form.add_error("purpose", str(refusal))
    if form.errors:
        return show_settings(request, {"live_form": form})
    messages.success(request, "Your request is with our support staff.")
    return HttpResponseRedirect(settings_url(scope))


@support_page()
def decide_request(request: HttpRequest, request_id: UUID) -> HttpResponse:
    asked = get_object_or_404(LiveAccessRequest.objects.select_related("application__workspace"), pk=request_id)
    form = DecisionForm(request.POST or None)
    back = reverse("support:applications_liveaccessrequest_changelist")
    if request.method == "POST" and form.is_valid():
        granted = form.cleaned_data["decision"] == "granted"
        try:
            decide_live_access(
                request=asked,
                granted=granted,
                notes=form.cleaned_data["notes"],
                by=actor_of(request),
                now=timezone.now(),
            )
        except AlreadyDecided as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{asked.application}: {'granted' if granted else 'refused'}.")
            return HttpResponseRedirect(back)
    crumbs: list[Crumb] = [("Support", reverse("support:index")), ("Live access", back), (str(asked), "")]
    context = {"form": form, "asked": asked, "cancel": back}
    return render_page(
        request,
        "applications/decide.html",
        context,
        title=f"Live access for {asked.application}",
        crumbs=crumbs,
    )
