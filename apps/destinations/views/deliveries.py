"""Buttons of a delivery: try the same object again, or deliver the same bytes anew."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from apps.applications.middleware import scope_of
from apps.outbox.transitions import IllegalTransition
from apps.workspaces.authentication import actor_of
from apps.workspaces.scoped_admin import Need, portal_page

from ..models import Delivery
from ..services import DataPurged, replay_delivery, retry_delivery


@portal_page(Need.WRITE, methods=("POST",))
def retry(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    delivery = _find(request, delivery_id)
    try:
        retry_delivery(delivery=delivery, by=actor_of(request), now=timezone.now())
    except (IllegalTransition, DataPurged) as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The delivery is tried again, with the same object key.")
    return _to(request, delivery)


@portal_page(Need.GUARD, methods=("POST",))
def replay(request: HttpRequest, delivery_id: UUID) -> HttpResponse:
    delivery = _find(request, delivery_id)
    try:
        made = replay_delivery(delivery=delivery, by=actor_of(request), now=timezone.now())
    except (IllegalTransition, DataPurged) as refusal:
        messages.error(request, str(refusal))
        return _to(request, delivery)
    messages.success(request, "This is the replay: the same bytes under a new object key.")
    return _to(request, made)


def _find(request: HttpRequest, delivery_id: UUID) -> Delivery:
    scope = scope_of(request)
    rows = Delivery.objects.select_related("destination__application__workspace", "authorization")
    return get_object_or_404(rows, pk=delivery_id, application=scope.application_id, mode=scope.mode)


def _to(request: HttpRequest, delivery: Delivery) -> HttpResponse:
    scope = scope_of(request)
    return HttpResponseRedirect(reverse(f"{scope.mode}:destinations_delivery_change", args=[delivery.pk]))
