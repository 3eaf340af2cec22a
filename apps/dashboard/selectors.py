"""Reads for the overview, the search and the page of an authorization."""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.applications.keys import KeyKind
from apps.applications.models import ApiKey, Application
from apps.audit.models import AuditEvent
from apps.authorizations.models import PatientAuthorization
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
    application: Application
    mode: str


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
    return _search(Application.objects.filter(pk=scope.application_id), text, mode=str(scope.mode))


def search_everywhere(user_id: UUID, text: str) -> list[Hit]:
    """Find anything in all applications of a person's workspaces, in both modes."""
    return _search(Application.objects.filter(workspace__memberships__user=user_id), text)


def _search(applications: QuerySet[Application], text: str, **within: str) -> list[Hit]:
    known = {each.pk: each for each in applications.select_related("workspace")}
    here: dict[str, Any] = {"application__in": list(known), **within}
    found: list[tuple[str, str, str, Any]] = []
    try:
        identifier = uuid.UUID(text)
    except ValueError:
        pass
    else:
        found += _find_by_id(here, identifier)
    by_key = Delivery.objects.filter(Q(object_key=text) | Q(external_id=text), **here).order_by("-created_at", "id")
    found += [("Delivery", each.object_key, "destinations_delivery", each) for each in by_key[:MOST_HITS]]
    of_user = PatientAuthorization.objects.filter(consent__end_user__external_id=text, **here)
    found += [
        ("Authorization", str(each.pk), "authorizations_patientauthorization", each)
        for each in of_user.order_by("-created_at", "id")[:MOST_HITS]
    ]
    of_bucket = Destination.objects.filter(Q(bucket=text) | Q(name=text), **here).order_by("name", "id")
    found += [("Destination", each.name, "destinations_destination", each) for each in of_bucket[:MOST_HITS]]
    return [
        Hit(kind, shown, f"{page}_change", each.pk, known[each.application_id], str(each.mode))
        for kind, shown, page, each in found
    ]


def _find_by_id(here: dict[str, Any], identifier: UUID) -> list[tuple[str, str, str, Any]]:
    found: list[tuple[str, str, str, Any]] = []
    for kind, model, page in (
        ("API key", ApiKey, "applications_apikey"),
        ("Destination", Destination, "destinations_destination"),
        ("Delivery", Delivery, "destinations_delivery"),
        ("Sync job", SyncJob, "syncs_syncjob"),
        ("Authorization", PatientAuthorization, "authorizations_patientauthorization"),
    ):
        found += [(kind, str(each), page, each) for each in model._default_manager.filter(pk=identifier, **here)]
    for each in PatientAuthorization.objects.filter(consent=identifier, **here).order_by("created_at", "id"):
        found.append(
            ("Authorization of this consent", str(each.pk), "authorizations_patientauthorization", each),
        )
    return found


def find_request(scope: Scope, text: str) -> list[AuditEvent]:
    """Find what the audit trail of this application and mode has about a request."""
    try:
        identifier = uuid.UUID(text)
    except ValueError:
        return []
    events = AuditEvent.objects.filter(
        request_id=str(identifier), application_id=str(scope.application_id), mode__in=["", str(scope.mode)]
    )
    return list(events.order_by("-id")[:MOST_HITS])
