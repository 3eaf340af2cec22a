"""The settings of an application: name, sync frequency, redirect URIs, origins; and making a new one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import (
    Crumb,
    Need,
    membership_of,
    portal_page,
    render_page,
    root_url,
    scope_url,
    workspace_page,
)

from ..forms import ApplicationForm, LiveAccessForm, NewApplicationForm, OriginForm, RedirectUriForm
from ..keys import Mode
from ..middleware import Scope, scope_of
from ..models import AllowedOrigin, Application, RedirectUri, SyncFrequency
from ..services import (
    InvalidOrigin,
    InvalidRedirectUri,
    add_allowed_origin,
    add_redirect_uri,
    create_application,
    remove_allowed_origin,
    remove_redirect_uri,
    update_application,
)
from .keys import application_of


@portal_page(Need.READ, methods=("GET",))
def settings_page(request: HttpRequest) -> HttpResponse:
    return show_settings(request, {})


@portal_page(Need.ADMINISTER, methods=("POST",))
def change(request: HttpRequest) -> HttpResponse:
    scope = scope_of(request)
    form = ApplicationForm(request.POST)
    if not form.is_valid():
        return show_settings(request, {"form": form})
    update_application(
        application=application_of(scope),
        name=form.cleaned_data["name"],
        sync_frequency=SyncFrequency(form.cleaned_data["sync_frequency"]),
        by=actor_of(request),
    )
    messages.success(request, "The settings are saved.")
    return HttpResponseRedirect(settings_url(scope))


@portal_page(Need.GUARD, methods=("POST",))
def add_uri(request: HttpRequest) -> HttpResponse:
    scope = scope_of(request)
    form = RedirectUriForm(request.POST)
    if form.is_valid() and _is_registered(scope, form.cleaned_data["uri"]):
        form.add_error("uri", f"This address is registered for {scope.mode} mode already. There is nothing to do.")
    elif form.is_valid():
        try:
            add_redirect_uri(
                application=application_of(scope),
                mode=Mode(scope.mode),
                uri=form.cleaned_data["uri"],
                by=actor_of(request),
            )
        except InvalidRedirectUri as refusal:
            form.add_error("uri", str(refusal))
    if form.errors:
        return show_settings(request, {"uri_form": form})
    messages.success(request, "The redirect URI is registered.")
    return HttpResponseRedirect(settings_url(scope))


@portal_page(Need.GUARD, methods=("POST",))
def remove_uri(request: HttpRequest, uri_id: int) -> HttpResponse:
    scope = scope_of(request)
    uris = RedirectUri.objects.select_related("application")
    found = get_object_or_404(uris, pk=uri_id, application=scope.application_id, mode=scope.mode)
    remove_redirect_uri(redirect_uri=found, by=actor_of(request))
    messages.success(request, "The redirect URI is removed. Consents can no longer return to it.")
    return HttpResponseRedirect(settings_url(scope))


@portal_page(Need.GUARD, methods=("POST",))
def add_origin(request: HttpRequest) -> HttpResponse:
    scope = scope_of(request)
    form = OriginForm(request.POST)
    if form.is_valid():
        try:
            _, is_new = add_allowed_origin(
                application=application_of(scope),
                mode=Mode(scope.mode),
                origin=form.cleaned_data["origin"],
                by=actor_of(request),
            )
        except InvalidOrigin as refusal:
            form.add_error("origin", str(refusal))
        else:
            if not is_new:
                form.add_error("origin", f"This origin is allowed in {scope.mode} already. There is nothing to do.")
    if form.errors:
        return show_settings(request, {"origin_form": form})
    messages.success(request, "The origin is allowed. Its pages may hold the widget.")
    return HttpResponseRedirect(settings_url(scope))


@portal_page(Need.GUARD, methods=("POST",))
def remove_origin(request: HttpRequest, origin_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    origins = AllowedOrigin.objects.select_related("application")
    found = get_object_or_404(origins, pk=origin_id, application=scope.application_id, mode=scope.mode)
    remove_allowed_origin(allowed_origin=found, by=actor_of(request))
    messages.success(request, "The origin is removed. Browsers refuse to show the widget on its pages.")
    return HttpResponseRedirect(settings_url(scope))


@workspace_page(Need.ADMINISTER, methods=("GET", "POST"))
def create(request: HttpRequest) -> HttpResponse:
    workspace = membership_of(request).workspace
    form = NewApplicationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, slug = form.cleaned_data["name"], form.cleaned_data["slug"]
        try:
            with transaction.atomic():
                made = create_application(workspace=workspace, name=name, slug=slug, by=actor_of(request))
        except IntegrityError:
            form.add_error("slug", "This workspace has an application of that short name already.")
        else:
            return HttpResponseRedirect(scope_url(workspace.slug, made.slug, "test"))
    crumbs: list[Crumb] = [(workspace.name, root_url("home")), ("New application", "")]
    context = {"form": form, "submit": "Create application", "cancel": root_url("home")}
    return render_page(request, "form.html", context, title="New application", crumbs=crumbs)


def show_settings(request: HttpRequest, forms: dict[str, object]) -> HttpResponse:
    """Draw the page with its four forms; `forms` replaces those that were sent and refused."""
    scope = scope_of(request)
    application: Application = application_of(scope)
    requests = list(application.live_requests.order_by("-requested_at", "id")[:5])
    context = {
        "application": application,
        "form": ApplicationForm(initial={"name": application.name, "sync_frequency": application.sync_frequency}),
        "uri_form": RedirectUriForm(),
        "origin_form": OriginForm(),
        "live_form": LiveAccessForm(),
        "redirect_uris": application.redirect_uris.filter(mode=scope.mode).order_by("uri"),
        "allowed_origins": application.allowed_origins.filter(mode=scope.mode).order_by("origin"),
        "live_requests": requests,
        "open_request": next((each for each in requests if each.decided_at is None), None),
        **forms,
    }
    crumbs: list[Crumb] = [(scope.application_name, reverse(f"{scope.mode}:index")), ("Settings", "")]
    return render_page(request, "applications/settings.html", context, title="Settings", crumbs=crumbs)


def _is_registered(scope: Scope, uri: str) -> bool:
    return RedirectUri.objects.filter(application=scope.application_id, mode=scope.mode, uri=uri).exists()


def settings_url(scope: Scope) -> str:
    return reverse(f"{scope.mode}:settings")
