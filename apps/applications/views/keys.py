"""The portal's own pages on keys: create (shown once), roll, end, say where one is stored."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Crumb, Fresh, Need, once_only, portal_page, render_page, take_ticket

from ..forms import EndKeyForm, NewKeyForm, NoteForm, RollKeyForm
from ..keys import KeyKind, Mode
from ..middleware import Scope, scope_of
from ..models import ApiKey, Application
from ..services import (
    IssuedKey,
    KeyEnded,
    LiveAccessMissing,
    RollInProgress,
    end_api_key,
    issue_api_key,
    note_api_key,
    roll_api_key,
)

SHOWN_ALREADY = "That key was made and shown already; it cannot be shown again. Roll it if it was lost."


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def create_key(request: HttpRequest) -> HttpResponse:
    scope = scope_of(request)
    application = application_of(scope)
    if request.method == "GET" and scope.mode == Mode.LIVE and not application.has_live_access:
        messages.warning(request, str(LiveAccessMissing()))
        return HttpResponseRedirect(reverse(f"{scope.mode}:settings"))
    form = NewKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not take_ticket(request):
            return _back(request, SHOWN_ALREADY)
        try:
            issued = issue_api_key(
                application=application,
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
    scope = scope_of(request)
    key = find_key(scope, key_id)
    form = RollKeyForm(request.POST or None, mode=Mode(scope.mode))
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
            key.refresh_from_db()
            return _show_once(request, issued, old=key)
    context = {
        "form": form,
        "submit": "Roll key",
        "cancel": key_url(scope, key),
        "intro": f"A new key replaces {key}. Both work until the old one ends, so that you can exchange them without a"
        " gap. You can end the old one at any time.",
    }
    return render_page(request, "form.html", context, title=f"Roll {key}", crumbs=_crumbs(scope, "Roll"))


@portal_page(Need.GUARD, fresh=Fresh.ALWAYS)
def end_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """End a key; the old one of a pair without a question, since its successor is there."""
    scope = scope_of(request)
    key = find_key(scope, key_id)
    form = _end_form(request, scope, key)
    if request.method == "POST" and form.is_valid():
        end_api_key(api_key=key, by=actor_of(request), now=timezone.now())
        messages.success(request, f"{key} has ended. Requests with it are refused from now on.")
        return HttpResponseRedirect(keys_url(scope))
    context = {
        "form": form,
        "submit": "End the key",
        "submit_style": "danger",
        "cancel": key_url(scope, key),
        "intro": f"Requests with {key} are refused at once, and it cannot be brought back. {_use_of(key)}",
        "intro_kind": "bad",
    }
    return render_page(request, "form.html", context, title=f"End {key}", crumbs=_crumbs(scope, "End"))


@portal_page(Need.GUARD)
def note_key(request: HttpRequest, key_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    key = find_key(scope, key_id)
    form = NoteForm(request.POST if request.method == "POST" else None, initial={"note": key.note})
    if request.method == "POST" and form.is_valid():
        note_api_key(api_key=key, note=form.cleaned_data["note"], by=actor_of(request))
        messages.success(request, "The note is saved.")
        return HttpResponseRedirect(key_url(scope, key))
    context = {"form": form, "submit": "Save", "cancel": key_url(scope, key)}
    return render_page(request, "form.html", context, title=f"Note on {key}", crumbs=_crumbs(scope, "Note"))


def _use_of(key: ApiKey) -> str:
    """Say what decides whether a key may go: its last use, and whether there is a successor."""
    used = f"{key.last_used_at:%d %b %H:%M} UTC" if key.last_used_at else "never"
    if key.last_used_ip:
        used += f" from {key.last_used_ip}"
    advice = f"Its successor {key.replaced_by} works on." if key.replaced_by else "If it is in use, roll it instead."
    return f"Last used: {used}. {advice}"


def _end_form(request: HttpRequest, scope: Scope, key: ApiKey) -> forms.Form:
    data = request.POST if request.method == "POST" else None
    if scope.mode == Mode.TEST or key.replaced_by_id is not None:
        return forms.Form(data)
    return EndKeyForm(data, last_four=key.last_four)


def application_of(scope: Scope) -> Application:
    return Application.objects.select_related("workspace").get(pk=scope.application_id)


def find_key(scope: Scope, key_id: UUID) -> ApiKey:
    keys = ApiKey.objects.select_related("application__workspace")
    return get_object_or_404(keys, pk=key_id, application=scope.application_id, mode=scope.mode)


def keys_url(scope: Scope) -> str:
    return reverse(f"{scope.mode}:applications_apikey_changelist")


def key_url(scope: Scope, key: ApiKey) -> str:
    return reverse(f"{scope.mode}:applications_apikey_change", args=[key.pk])


def _show_once(request: HttpRequest, issued: IssuedKey, old: ApiKey | None = None) -> HttpResponse:
    scope = scope_of(request)
    context = {
        "api_key": issued.api_key,
        "value": issued.value,
        "done": keys_url(scope),
        "old": old,
        "old_works": old is not None and old.expires_at is not None and old.expires_at > timezone.now(),
    }
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
    return HttpResponseRedirect(keys_url(scope_of(request)))


def _crumbs(scope: Scope, here: str) -> list[Crumb]:
    return [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("API keys", keys_url(scope)),
        (here, ""),
    ]
