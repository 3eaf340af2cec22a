"""The set-up in four steps, each with its own address: left at any of them, it goes on there (ux.md 9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.applications.keys import Mode
from apps.applications.middleware import Scope, scope_of
from apps.applications.models import Application
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Need, field_errors, portal_page, render_page, take_ticket

from ..connectors.s3.config import DEFAULT_PREFIX
from ..forms import OptionsForm, PlainConfirmation, RoleForm, WhereForm
from ..models import Destination
from ..options import DEFAULTS
from ..selectors import CONFIG_FIELDS, external_id_of, find_test_to_show
from ..services import InvalidDestination, draft_destination, rotate_external_id, update_destination
from ..states import DestinationState
from .addresses import crumbs_to, find_destination, list_url, own_url, page_url
from .external_ids import SHOWN_ALREADY, show_once
from .policy_texts import show_policies
from .shown_tests import ShownTest
from .switching import run_test

# name of the page, what people call it
STEPS = (("step1", "Where"), ("step2", "External ID"), ("step3", "AWS role"), ("step4", "Test and enable"))
TESTED = (DestinationState.READY, DestinationState.ENABLED)


@dataclass(frozen=True, slots=True)
class SetupStep:
    """One of the four; `address` is empty while there is nothing to open."""

    number: int
    text: str
    address: str
    done: bool
    here: bool


def next_page(destination: Destination, *, has_external_id: bool) -> str:
    """Return the page of the first step that is not done."""
    if not has_external_id:
        return "step2"
    return "step4" if destination.role_arn else "step3"


@portal_page(Need.GUARD)
def create(request: HttpRequest) -> HttpResponse:
    scope = scope_of(request)
    form = WhereForm(request.POST or None, initial={"prefix": DEFAULT_PREFIX})
    if request.method == "POST" and form.is_valid():
        application = Application.objects.select_related("workspace").get(pk=scope.application_id)
        try:
            draft = draft_destination(
                application=application, mode=Mode(scope.mode), fields=form.fields_given(), by=actor_of(request)
            )
        except InvalidDestination as refusal:
            field_errors(form, refusal.errors)
        else:
            return HttpResponseRedirect(own_url(scope, "step2", draft))
    return _page(request, 1, "where", None, {"form": form, "cancel": list_url(scope)})


@portal_page(Need.GUARD)
def where(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    form = WhereForm(request.POST or None, initial=_kept(destination))
    if request.method == "POST" and _saved(request, destination, form):
        return HttpResponseRedirect(own_url(scope, "step2", destination))
    return _page(request, 1, "where", destination, {"form": form, "cancel": page_url(scope, destination)})


@portal_page(Need.GUARD)
def external_id(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    """Make the first external ID and show it in this answer; opened again, say that it was shown."""
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    present = external_id_of(destination).present
    if request.method == "POST":
        if present or not take_ticket(request):
            messages.warning(request, SHOWN_ALREADY)
            return HttpResponseRedirect(own_url(scope, "step2", destination))
        return show_once(request, destination, rotate_external_id(destination=destination, by=actor_of(request)))
    return _page(request, 2, "external_id", destination, {"form": PlainConfirmation(), "present": present})


@portal_page(Need.GUARD)
def aws(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    form = RoleForm(request.POST or None, initial=_kept(destination))
    if request.method == "POST" and _saved(request, destination, form):
        return HttpResponseRedirect(own_url(scope, "step4", destination))
    context = {
        "form": form,
        "policies": show_policies(request, destination),
        "present": external_id_of(destination).present,
    }
    return _page(request, 3, "aws", destination, context)


@portal_page(Need.GUARD)
def test(request: HttpRequest, destination_id: UUID) -> HttpResponse:
    if request.method == "POST":
        return run_test(request, destination_id)
    scope = scope_of(request)
    destination = find_destination(scope, destination_id)
    latest = find_test_to_show(destination)
    context = {
        "shown": ShownTest(latest) if latest else None,
        "test_is_current": latest is not None and latest.config_version == destination.config_version,
        "is_draft": destination.state == DestinationState.DRAFT,
        "can_enable": destination.state == DestinationState.READY,
        "options": OptionsForm(initial={name: getattr(destination, name) for name in DEFAULTS}),
    }
    return _page(request, 4, "test", destination, context)


def _saved(request: HttpRequest, destination: Destination, form: forms.Form) -> bool:
    """Whether the form's fields are kept now; if not, it says why."""
    if not form.is_valid():
        return False
    given = form.fields_given() if isinstance(form, WhereForm) else form.cleaned_data
    try:
        update_destination(destination=destination, fields=given, by=actor_of(request))
    except InvalidDestination as refusal:
        field_errors(form, refusal.errors)
        return False
    return True


def _kept(destination: Destination) -> dict[str, str]:
    return {name: getattr(destination, name) for name in ("name", *CONFIG_FIELDS)}


def _page(
    request: HttpRequest, number: int, name: str, destination: Destination | None, context: Mapping[str, Any]
) -> HttpResponse:
    scope = scope_of(request)
    steps = _steps(scope, destination, number)
    current = steps[number - 1]
    title = f"Set up {destination}" if destination else "New destination"
    whole = {
        **context,
        "destination": destination,
        "steps": steps,
        "current": current,
        "back": steps[number - 2].address if number > 1 else "",
        "following": steps[number].address if number < len(steps) else "",
    }
    crumbs = crumbs_to(scope, current.text, destination)
    return render_page(request, f"destinations/setup_{name}.html", whole, title=title, crumbs=crumbs)


def _steps(scope: Scope, destination: Destination | None, here: int) -> list[SetupStep]:
    if destination is None:
        new = reverse(f"{scope.mode}:destinations_destination_create")
        return [
            SetupStep(number, text, new if number == 1 else "", False, number == here)
            for number, (_, text) in enumerate(STEPS, 1)
        ]
    done = (True, external_id_of(destination).present, bool(destination.role_arn), destination.state in TESTED)
    return [
        SetupStep(number, text, own_url(scope, name, destination), is_done, number == here)
        for number, ((name, text), is_done) in enumerate(zip(STEPS, done, strict=True), 1)
    ]
