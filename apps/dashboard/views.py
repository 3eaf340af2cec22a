"""The overview, the search for anything, and what can be done to an authorization."""

from __future__ import annotations

import re
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache

from apps.applications.keys import Mode
from apps.authorizations.filters import SOON
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.states import ACTIVE
from apps.destinations.forms import PlainConfirmation, TypedConfirmation
from apps.syncs.services import request_sync, revoke_and_expunge
from apps.syncs.services.requesting import NotActive
from apps.syncs.states import SyncCause
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Crumb, Need, Scope, portal_page, render_page, scope_on, scope_url
from apps.workspaces.scoped_admin.guards import takes

from . import searching, selectors, timeline

TYPEABLE = re.compile(r"[!-~]{1,64}")


@portal_page(Need.READ, methods=("GET",))
def overview(request: HttpRequest) -> HttpResponse:
    scope, now = scope_on(request), timezone.now()
    steps = selectors.list_first_steps(scope, now=now)
    health = selectors.find_health(scope, now=now)
    context = {
        "steps": [(step, _step_address(scope, step)) for step in steps],
        "done": sum(step.state == "done" for step in steps),
        "health": health,
        "soon_days": SOON.days,
    }
    crumbs: list[Crumb] = [(scope.application_name, ""), ("Overview", "")]
    return render_page(request, "dashboard/overview.html", context, title="Overview", crumbs=crumbs)


@portal_page(Need.READ, methods=("GET",))
def search(request: HttpRequest) -> HttpResponse:
    """Answer `?q=` from here; one exact hit is gone to at once. Without any, from wherever the person may see."""
    scope = scope_on(request)
    text = _asked(request)
    hits = searching.search(scope, text) if text else []
    events = searching.find_request(scope, text) if text else []
    if len(hits) == 1 and not events:
        return HttpResponseRedirect(_address(hits[0]))
    elsewhere = [] if hits or events or not text else searching.search_everywhere(_person(request), text)
    context = {
        "query": searching.shown_query(text),
        "hits": [(hit, _address(hit)) for hit in hits],
        "events": [(each, reverse(f"{scope.mode}:audit_auditevent_change", args=[each.pk])) for each in events],
        "elsewhere": [(hit, _address(hit)) for hit in elsewhere],
    }
    crumbs: list[Crumb] = [(scope.application_name, reverse(f"{scope.mode}:index")), ("Search", "")]
    return render_page(request, "dashboard/search.html", context, title="Search", crumbs=crumbs)


@never_cache
@login_required
@takes("GET")
def search_everywhere(request: HttpRequest) -> HttpResponse:
    """Answer `?q=` outside any application: from all that this person is a member of."""
    text = _asked(request)
    hits = searching.search_everywhere(_person(request), text) if text else []
    if len(hits) == 1:
        return HttpResponseRedirect(_address(hits[0]))
    context = {"query": searching.shown_query(text), "elsewhere": [(hit, _address(hit)) for hit in hits]}
    return render_page(request, "dashboard/search.html", context, title="Search", crumbs=[])


@portal_page(Need.WRITE, methods=("POST",))
def sync_now(request: HttpRequest, authorization_id: UUID) -> HttpResponse:
    authorization = _find(request, authorization_id)
    try:
        request_sync(authorization=authorization, cause=SyncCause.MANUAL, by=actor_of(request), now=timezone.now())
    except NotActive as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "A sync is waiting for its turn.")
    return HttpResponseRedirect(_page(request, authorization))


@portal_page(Need.GUARD)
def revoke(request: HttpRequest, authorization_id: UUID) -> HttpResponse:
    scope = scope_on(request)
    authorization = _find(request, authorization_id)
    back = _page(request, authorization)
    if authorization.state not in ACTIVE:
        messages.error(request, f"This authorization is {authorization.state.lower()}: there is nothing to revoke.")
        return HttpResponseRedirect(back)
    form: forms.Form = (
        TypedConfirmation(request.POST or None, word=_word_for(authorization))
        if scope.mode == Mode.LIVE
        else PlainConfirmation(request.POST or None)
    )
    if request.method == "POST" and (form.is_valid() or not form.fields):
        revoke_and_expunge(authorization=authorization, by=actor_of(request), now=timezone.now())
        messages.success(request, "The authorization is revoked and its data here is deleted.")
        return HttpResponseRedirect(back)
    context = {
        "form": form,
        "authorization": authorization,
        "ending": timeline.list_revoked_with(authorization),
        "cancel": back,
    }
    crumbs: list[Crumb] = [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("Authorizations", reverse(f"{scope.mode}:authorizations_patientauthorization_changelist")),
        (authorization.consent.end_user.external_id, back),
        ("Revoke", ""),
    ]
    return render_page(request, "dashboard/revoke.html", context, title="Revoke this authorization", crumbs=crumbs)


def _word_for(authorization: PatientAuthorization) -> str:
    """Return the user, as far as it is something that a person can see and type."""
    user = authorization.consent.end_user.external_id
    return user if TYPEABLE.fullmatch(user) else "revoke"


def _find(request: HttpRequest, authorization_id: UUID) -> PatientAuthorization:
    scope = scope_on(request)
    rows = PatientAuthorization.objects.select_related("application__workspace", "endpoint", "consent__end_user")
    return get_object_or_404(rows, pk=authorization_id, application=scope.application_id, mode=scope.mode)


def _page(request: HttpRequest, authorization: PatientAuthorization) -> str:
    scope = scope_on(request)
    return reverse(f"{scope.mode}:authorizations_patientauthorization_change", args=[authorization.pk])


def _asked(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:1024].replace("\x00", "")


def _address(hit: searching.Hit) -> str:
    parameters = () if hit.pk is None else (hit.pk,)
    address = scope_url(hit.application.workspace.slug, hit.application.slug, hit.mode, hit.page, *parameters)
    return f"{address}?{hit.query}" if hit.query else address


def _step_address(scope: Scope, step: selectors.Step) -> str:
    return reverse(f"{scope.mode}:{step.page}", args=[step.pk] if step.pk else [])


def _person(request: HttpRequest) -> UUID:
    if request.user.pk is None:
        raise PermissionDenied
    return request.user.pk
