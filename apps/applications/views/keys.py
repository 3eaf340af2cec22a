"""The portal's own pages on keys: create (shown once), roll, end."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Crumb, Fresh, Need, once_only, portal_page, render_page, take_ticket

from ..forms import NewKeyForm, RollKeyForm
from ..keys import KeyKind, Mode
from ..middleware import Scope
from ..models import ApiKey, Application
from ..services import (
    IssuedKey,
    KeyEnded,
    LiveAccessMissing,
    RollInProgress,
    end_api_key,
    issue_api_key,
    roll_api_key,
)

SHOWN_ALREADY = "That key was made and shown already; it cannot be shown again. Roll it if it was lost."


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def create_key(request: HttpRequest) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    form = NewKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not take_ticket(request):
            return _back(request, SHOWN_ALREADY)
        try:
            issued = issue_api_key(
                application=application_of(scope),
                mode=Mode(scope.mode),
                kind=KeyKind(form.cleaned_data["kind"]),
                note=form.cleaned_data["note"],
                by=actor_of(request),
            )
        except LiveAccessMissing as refusal:
            form.add_error(None, str(refusal))
        else:
            return _show_once(request, issued)
    context = {"form": form, "submit": "Create key", "cancel": keys_url(scope)}
    return render_page(request, "form.html", context, title="New API key", crumbs=_crumbs(scope, "New"))


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def roll_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    key = find_key(scope, key_id)
    form = RollKeyForm(request.POST or None, live=scope.mode == Mode.LIVE)
    if request.method == "POST" and form.is_valid():
        if not take_ticket(request):
            return _back(request, SHOWN_ALREADY)
        try:
            issued = roll_api_key(
                api_key=key,
                overlap_seconds=form.cleaned_data["overlap_seconds"],
                by=actor_of(request),
                now=timezone.now(),
            )
        except (KeyEnded, RollInProgress, LiveAccessMissing) as refusal:
            form.add_error(None, str(refusal))
        else:
            return _show_once(request, issued)
    context = {
        "form": form,
        "submit": "Roll key",
        "cancel": keys_url(scope),
        "intro": f"A new key replaces {key}. Both work until the old one ends.",
    }
    return render_page(request, "form.html", context, title=f"Roll {key}", crumbs=_crumbs(scope, "Roll"))


@portal_page(Need.GUARD, methods=("POST",))
def end_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    key = find_key(scope, key_id)
    end_api_key(api_key=key, by=actor_of(request), now=timezone.now())
    messages.success(request, f"{key} has ended. Requests with it are refused from now on.")
    return HttpResponseRedirect(keys_url(scope))


def application_of(scope: Scope) -> Application:
    return Application.objects.select_related("workspace").get(pk=scope.application_id)


def find_key(scope: Scope, key_id: UUID) -> ApiKey:
    keys = ApiKey.objects.select_related("application__workspace")
    return get_object_or_404(keys, pk=key_id, application=scope.application_id, mode=scope.mode)


def keys_url(scope: Scope) -> str:
    return reverse(f"{scope.mode}:applications_apikey_changelist")


def _show_once(request: HttpRequest, issued: IssuedKey) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    context = {"api_key": issued.api_key, "value": issued.value, "done": keys_url(scope)}
    return once_only(
        render_page(
            request,
            "applications/key_once.html",
            context,
            title="Store this key now" if issued.api_key.kind != KeyKind.PUBLISHABLE else "Your publishable key",
            crumbs=_crumbs(scope, "New"),
        )
    )


def _back(request: HttpRequest, text: str) -> HttpResponse:
    messages.warning(request, text)
    return HttpResponseRedirect(keys_url(request.scope))  # type: ignore[attr-defined]


def _crumbs(scope: Scope, here: str) -> list[Crumb]:
    return [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("API keys", keys_url(scope)),
        (here, ""),
    ]
