"""Reads for the overview: the checklist to the first delivery, and what needs a person."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from apps.applications.keys import KeyKind, Mode
from apps.applications.models import ApiKey, Application
from apps.authorizations.filters import EXPIRING, with_end
from apps.authorizations.models import PatientAuthorization
from apps.authorizations.states import ACTIVE
from apps.destinations.models import Delivery, Destination
from apps.destinations.states import DeliveryState, DestinationState
from apps.syncs.models import SyncJob
from apps.syncs.states import SyncState
from apps.workspaces.scoped_admin import Scope

WINDOW = dt.timedelta(days=28)
RECENT = dt.timedelta(days=7)
MOST_SHOWN = 5
WAITING = (DeliveryState.PENDING, DeliveryState.RUNNING, DeliveryState.RETRYING, DeliveryState.HELD)


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist. `state` is done, next, open or blocked.

    Shape of `page`: a name of the portal's site; with `pk`, an object's.
    """

    text: str
    help: str
    state: str
    page: str
    pk: UUID | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What a person looks for first. The lists hold at most MOST_SHOWN."""

    today: dict[str, int]
    window: dict[str, int]
    active_authorizations: int
    failing: Sequence[Destination]
    failed: Sequence[Delivery]
    latest: Sequence[Delivery]
    expiring: int
    with_gaps: Sequence[SyncJob]
    gap_count: int

    @property
    def is_new(self) -> bool:
        """Whether nothing has happened here yet."""
        return not (self.active_authorizations or sum(self.window.values()) or self.failing or self.gap_count)


def _within(scope: Scope) -> dict[str, Any]:
    return {"application": scope.application_id, "mode": str(scope.mode)}


def list_first_steps(scope: Scope, *, now: dt.datetime) -> list[Step]:
    """Return the way to the first delivery; empty once something was delivered: it has ended."""
    reached = _reached(scope, now)
    if reached["delivered"]:
        return []
    destination = _best_destination(_within(scope))
    enabled = destination is not None and destination.state == DestinationState.ENABLED
    # Live begins with being let in.
    allowed = scope.mode != Mode.LIVE or reached["live_granted_at"] is not None
    live = _step("Get live access", "We look at each application once before real patients.", allowed, True, "settings")
    steps = [
        *([live] if scope.mode == Mode.LIVE else []),
        _step("Create a secret key", "Your server signs in with it. It is shown once.", reached["key"], allowed,
              "applications_apikey_changelist"),
        _destination_step(destination, enabled),
        _step("Have a patient authorize", "Send them to the consent pages with your publishable key.",
              reached["authorized"], reached["key"] and allowed, "authorizations_patientauthorization_changelist"),
        _step("Wait for the first sync", "It starts by itself when the patient has signed in at the source.",
              reached["synced"], reached["authorized"], "syncs_syncjob_changelist"),
        _step("Receive the first delivery", "One NDJSON object in your bucket.", False, enabled and reached["synced"],
              "destinations_delivery_changelist"),
    ]  # fmt: skip
    first = next((step for step in steps if step.state == "open"), None)
    return [replace(step, state="next") if step is first else step for step in steps]


def _reached(scope: Scope, now: dt.datetime) -> dict[str, Any]:
    """Ask for all that the checklist depends on at once."""
    here = {"application": OuterRef("pk"), "mode": str(scope.mode)}
    running = Q(expires_at__isnull=True) | Q(expires_at__gt=now)
    reached: dict[str, Any] = Application.objects.values(
        "live_granted_at",
        delivered=Exists(Delivery.objects.filter(state=DeliveryState.DELIVERED, **here)),
        key=Exists(ApiKey.objects.filter(running, kind=KeyKind.SECRET, **here)),
        authorized=Exists(PatientAuthorization.objects.filter(state__in=ACTIVE, **here)),
        synced=Exists(SyncJob.objects.filter(state=SyncState.COMPLETED, **here)),
    ).get(pk=scope.application_id)  # type: ignore[assignment]
    return reached


def _step(text: str, told: str, done: bool, possible: bool, page: str) -> Step:
    return Step(text, told, "done" if done else "open" if possible else "blocked", page)


def _destination_step(destination: Destination | None, enabled: bool) -> Step:
    if destination is None or enabled:
        page, pk, told = "destinations_destination_changelist", None, "A bucket of yours, tested with a real write."
    else:
        page, pk, told = (
            "destinations_destination_change",
            destination.pk,
            f"{destination.name}: {LEFT[DestinationState(destination.state)]}",
        )
    return Step("Add a destination and enable it", told, "done" if enabled else "open", page, pk)


LEFT = {
    DestinationState.DRAFT: "go on with its set-up.",
    DestinationState.UNTESTED: "run Test connection.",
    DestinationState.READY: "tested; enable it.",
    DestinationState.PAUSED: "paused; see why.",
}


def _best_destination(here: dict[str, Any]) -> Destination | None:
    """Return the one that is furthest on."""
    found = Destination.objects.filter(**here).exclude(state=DestinationState.DELETED).order_by("created_at", "id")
    order = [DestinationState.ENABLED, *LEFT]
    return min(found[:50], key=lambda each: order.index(DestinationState(each.state)), default=None)


def find_health(scope: Scope, *, now: dt.datetime) -> Health:
    """Gather what needs a person, in few queries whatever the numbers."""
    here = _within(scope)
    deliveries = Delivery.objects.filter(created_at__gte=now - WINDOW, **here)
    midnight = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    counts = deliveries.aggregate(
        **{f"{name}": Count("pk", filter=Q(state__in=states)) for name, states in STATES.items()},
        **{
            f"today_{name}": Count("pk", filter=Q(state__in=states, created_at__gte=midnight))
            for name, states in STATES.items()
        },
    )
    failing = Destination.objects.filter(
        Q(state=DestinationState.PAUSED) | Q(state=DestinationState.ENABLED, fail_streak__gt=0), **here
    )
    active = with_end(PatientAuthorization.objects.filter(state__in=ACTIVE, **here))
    authorizations = active.aggregate(active=Count("pk"), expiring=Count("pk", filter=EXPIRING))
    gaps = SyncJob.objects.filter(created_at__gte=now - RECENT, state=SyncState.COMPLETED, **here).exclude(gaps=[])
    with_gaps = gaps.select_related("authorization__endpoint").order_by("-created_at", "id")
    failed = deliveries.filter(state=DeliveryState.FAILED).order_by("-created_at", "id")
    return Health(
        today={name: counts[f"today_{name}"] for name in STATES},
        window={name: counts[name] for name in STATES},
        active_authorizations=authorizations["active"],
        failing=list(failing.order_by("name", "id")[:MOST_SHOWN]),
        failed=list(failed[:MOST_SHOWN]) if counts["failed"] else [],
        latest=list(deliveries.filter(state=DeliveryState.DELIVERED).order_by("-created_at", "id")[:MOST_SHOWN]),
        expiring=authorizations["expiring"],
        with_gaps=list(with_gaps[:MOST_SHOWN]),
        gap_count=gaps.count(),
    )


STATES: dict[str, tuple[DeliveryState, ...]] = {
    "delivered": (DeliveryState.DELIVERED,),
    "waiting": WAITING,
    "failed": (DeliveryState.FAILED,),
}
