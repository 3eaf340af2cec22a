"""The overview, the search for anything, and what can be done to an authorization."""

from __future__ import annotations

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
from apps.applications.middleware import Scope
from apps.authorizations.models import PatientAuthorization
from apps.destinations.forms import PlainConfirmation, TypedConfirmation
from apps.syncs.services import request_sync, revoke_and_expunge
from apps.syncs.services.requesting import NotActive
from apps.syncs.states import SyncCause
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Crumb, Need, portal_page, render_page, scope_url
from apps.workspaces.scoped_admin.guards import takes

from . import selectors


@portal_page(Need.READ, methods=("GET",))
def overview(request: HttpRequest) -> HttpResponse:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    now = timezone.now()
    steps = selectors.list_first_steps(scope, now=now)
    context = {
        "steps": [(step, reverse(f"{scope.mode}:{step.page}")) for step in steps],
        "all_done": all(step.done for step in steps),
        "next_step": next((step for step in steps if not step.done), None),
        "counts": selectors.count_deliveries(scope, now=now),
        "active_authorizations": selectors.count_active_authorizations(scope),
        "failed": selectors.list_failed_deliveries(scope),
        "paused": selectors.list_paused_destinations(scope),
    }
    crumbs: list[Crumb] = [(scope.application_name, ""), ("Overview", "")]
    return render_page(request, "dashboard/overview.html", context, title="Overview", crumbs=crumbs)


@portal_page(Need.READ, methods=("GET",))
def search(request: HttpRequest) -> HttpResponse:
    """Answer `?q=` from here; one exact hit is gone to at once. Without any, from wherever the person may see."""
    scope: Scope = request.scope  # type: ignore[attr-defined]
    text = _asked(request)
    hits = selectors.search(scope, text) if text else []
    events = selectors.find_request(scope, text) if text else []
    if len(hits) == 1 and not events:
        return HttpResponseRedirect(_address(hits[0]))
    elsewhere = [] if hits or events or not text else selectors.search_everywhere(_person(request), text)
    context = {
        "query": text,
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
    hits = selectors.search_everywhere(_person(request), text) if text else []
    if len(hits) == 1:
        return HttpResponseRedirect(_address(hits[0]))
    context = {"query": text, "elsewhere": [(hit, _address(hit)) for hit in hits]}
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
    scope: Scope = request.scope  # type: ignore[attr-defined]
    authorization = _find(request, authorization_id)
    form: forms.Form = (
        TypedConfirmation(request.POST or None, word="revoke")
        if scope.mode == Mode.LIVE
        else PlainConfirmation(request.POST or None)
    )
    if request.method == "POST" and (form.is_valid() or not form.fields):
        revoke_and_expunge(authorization=authorization, by=actor_of(request), now=timezone.now())
        messages.success(request, "The authorization is revoked and its data here is deleted.")
        return HttpResponseRedirect(_page(request, authorization))
    context = {
        "form": form,
        "submit": "Revoke",
        "submit_style": "danger",
        "cancel": _page(request, authorization),
        "intro": "Every authorization of this person at this source ends for your application."
        " Stored records, tokens and waiting deliveries are deleted. What is in your bucket stays there.",
        "intro_kind": "bad",
    }
    crumbs: list[Crumb] = [
        (scope.application_name, reverse(f"{scope.mode}:index")),
        ("Authorizations", reverse(f"{scope.mode}:authorizations_patientauthorization_changelist")),
        (str(authorization), _page(request, authorization)),
        ("Revoke", ""),
    ]
    return render_page(request, "form.html", context, title="Revoke this authorization", crumbs=crumbs)


def _find(request: HttpRequest, authorization_id: UUID) -> PatientAuthorization:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    rows = PatientAuthorization.objects.select_related("application__workspace", "endpoint", "consent")
    return get_object_or_404(rows, pk=authorization_id, application=scope.application_id, mode=scope.mode)


def _page(request: HttpRequest, authorization: PatientAuthorization) -> str:
    scope: Scope = request.scope  # type: ignore[attr-defined]
    return reverse(f"{scope.mode}:authorizations_patientauthorization_change", args=[authorization.pk])


def _asked(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip()[:1024].replace("\x00", "")


def _address(hit: selectors.Hit) -> str:
    return scope_url(hit.application.workspace.slug, hit.application.slug, hit.mode, hit.page, hit.pk)


def _person(request: HttpRequest) -> UUID:
    if request.user.pk is None:
        raise PermissionDenied
    return request.user.pk
