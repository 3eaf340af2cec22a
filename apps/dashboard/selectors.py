"""Reads for the overview, the search and the page of an authorization."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from apps.applications.keys import KeyKind
from apps.applications.models import ApiKey
from apps.audit.models import AuditEvent
from apps.authorizations.models import Consent, PatientAuthorization
from apps.authorizations.states import ACTIVE
from apps.destinations.models import Delivery, Destination
from apps.destinations.states import DeliveryState, DestinationState
from apps.syncs.models import SyncJob
from apps.syncs.states import SyncState
from apps.workspaces.scoped_admin import Scope

WINDOW = dt.timedelta(days=28)
MOST_HITS = 20


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist to the first delivery; `page` is a name of the portal's site."""

    text: str
    help: str
    done: bool
    page: str


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that a search found. Shape of `page`: the name of an object page of the portal's site."""

    kind: str
    text: str
    page: str
    pk: object


def _within(scope: Scope) -> dict[str, Any]:
    return {"application": scope.application_id, "mode": str(scope.mode)}


def list_first_steps(scope: Scope, *, now: dt.datetime) -> list[Step]:
    """Return the five steps to the first delivery and which are done."""
    here = _within(scope)
    running = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    return [
        Step(
            "Create a secret key",
            "Your server signs in with it. It is shown once.",
            ApiKey.objects.filter(running, kind=KeyKind.SECRET, **here).exists(),
            "applications_apikey_changelist",
        ),
        Step(
            "Add a destination and enable it",
            "A bucket of yours, tested with a real write.",
            Destination.objects.filter(state=DestinationState.ENABLED, **here).exists(),
            "destinations_destination_changelist",
        ),
        Step(
            "Have a patient authorize",
            "Send them to the consent pages with your publishable key.",
            PatientAuthorization.objects.filter(state__in=ACTIVE, **here).exists(),
            "authorizations_patientauthorization_changelist",
        ),
        Step(
            "Wait for the first sync",
            "It starts by itself when the patient has signed in at the source.",
            SyncJob.objects.filter(state=SyncState.COMPLETED, **here).exists(),
            "syncs_syncjob_changelist",
        ),
        Step(
            "Receive the first delivery",
            "One NDJSON object in your bucket.",
            Delivery.objects.filter(state=DeliveryState.DELIVERED, **here).exists(),
            "destinations_delivery_changelist",
        ),
    ]


def count_deliveries(scope: Scope, *, now: dt.datetime) -> dict[str, int]:
    """Count the deliveries of the last 28 days. Shape: {"delivered", "waiting", "failed"}."""
    recent = Delivery.objects.filter(created_at__gte=now - WINDOW, **_within(scope))
    waiting = [DeliveryState.PENDING, DeliveryState.RUNNING, DeliveryState.RETRYING, DeliveryState.HELD]
    return recent.aggregate(
        delivered=Count("pk", filter=Q(state=DeliveryState.DELIVERED)),
        waiting=Count("pk", filter=Q(state__in=waiting)),
        failed=Count("pk", filter=Q(state=DeliveryState.FAILED)),
    )


def count_active_authorizations(scope: Scope) -> int:
    return PatientAuthorization.objects.filter(state__in=ACTIVE, **_within(scope)).count()


def list_failed_deliveries(scope: Scope) -> list[Delivery]:
    failed = Delivery.objects.filter(state=DeliveryState.FAILED, **_within(scope))
    return list(failed.order_by("-created_at", "id")[:5])


def list_paused_destinations(scope: Scope) -> list[Destination]:
    paused = Destination.objects.filter(state=DestinationState.PAUSED, **_within(scope))
    return list(paused.order_by("name", "id")[:5])


def search(scope: Scope, text: str) -> list[Hit]:
    """Find anything of this application and mode by a whole ID of ours, a user, an object key or a bucket."""
    here = _within(scope)
    try:
        identifier: uuid.UUID | None = uuid.UUID(text)
    except ValueError:
        identifier = None
    hits = _find_by_id(here, identifier) if identifier else []
    for delivery in Delivery.objects.filter(Q(object_key=text) | Q(external_id=text), **here).order_by(
        "-created_at", "id"
    )[:MOST_HITS]:
        hits.append(Hit("Delivery", delivery.object_key, "destinations_delivery_change", delivery.pk))
    for found in PatientAuthorization.objects.filter(consent__end_user__external_id=text, **here).order_by(
        "-created_at", "id"
    )[:MOST_HITS]:
        hits.append(Hit("Authorization", str(found.pk), "authorizations_patientauthorization_change", found.pk))
    for destination in Destination.objects.filter(Q(bucket=text) | Q(name=text), **here).order_by("name", "id"):
        hits.append(Hit("Destination", destination.name, "destinations_destination_change", destination.pk))
    return hits


def _find_by_id(here: dict[str, Any], identifier: uuid.UUID) -> list[Hit]:
    hits: list[Hit] = []
    for kind, model, page in (
        ("API key", ApiKey, "applications_apikey_change"),
        ("Destination", Destination, "destinations_destination_change"),
        ("Delivery", Delivery, "destinations_delivery_change"),
        ("Sync job", SyncJob, "syncs_syncjob_change"),
        ("Authorization", PatientAuthorization, "authorizations_patientauthorization_change"),
    ):
        for found in model._default_manager.filter(pk=identifier, **here):
            hits.append(Hit(kind, str(found), page, found.pk))
    for consent in Consent.objects.filter(pk=identifier, **here):
        for each in consent.authorizations.order_by("created_at", "id"):
            hits.append(
                Hit(
                    "Authorization of this consent",
                    str(each.pk),
                    "authorizations_patientauthorization_change",
                    each.pk,
                )
            )
    events = AuditEvent.objects.filter(
        Q(request_id=str(identifier)), application_id=str(here["application"]), mode__in=["", here["mode"]]
    )
    for event in events.order_by("-id")[:MOST_HITS]:
        hits.append(Hit("Audit event of this request", event.action, "audit_auditevent_change", event.pk))
    return hits
