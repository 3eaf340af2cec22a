"""Which events a page shows, and what the chain says of one."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Min, QuerySet

from apps.audit.chain import link
from apps.audit.models import AuditEvent, AuditSeal


def events_of(
    events: QuerySet[AuditEvent], *, workspace_id: UUID, application_id: UUID, mode: str
) -> QuerySet[AuditEvent]:
    """Keep those of one application: of `mode`, and those that are of neither mode.

    The index of events begins with the workspace.
    """
    return events.filter(
        workspace_id=str(workspace_id), application_id=str(application_id), mode__in=["", mode]
    ).order_by("-id")


@dataclass(frozen=True, slots=True)
class Seal:
    """What the chain says of one event. `holds`: its hash follows from the one before and from what it says."""

    number: int
    sealed_at: dt.datetime
    hash: str
    holds: bool


def find_seal(event: AuditEvent) -> Seal | None:
    """Recompute an event's link of its workspace's chain; None while it waits for its seal."""
    if event.seal_number is None or event.hash is None:
        return None
    seal = AuditSeal.objects.filter(workspace_id=event.workspace_id, number=event.seal_number).first()
    if seal is None:
        return Seal(event.seal_number, event.at, bytes(event.hash).hex(), holds=False)
    before = AuditEvent.objects.filter(
        workspace_id=event.workspace_id, seal_number=event.seal_number, pk__lt=event.pk
    ).order_by("-pk")
    previous = before.values_list("hash", flat=True).first() or seal.previous_hash
    holds = link(bytes(previous), event) == bytes(event.hash)
    return Seal(seal.number, seal.sealed_at, bytes(event.hash).hex(), holds)


@dataclass(frozen=True, slots=True)
class Chain:
    """How far a workspace's events are sealed."""

    seals: int
    sealed_at: dt.datetime | None
    waiting: int
    waiting_since: dt.datetime | None


def find_chain(workspace_id: UUID) -> Chain:
    last = AuditSeal.objects.filter(workspace_id=str(workspace_id)).order_by("-number").first()
    unsealed = AuditEvent.objects.filter(workspace_id=str(workspace_id), seal_number__isnull=True)
    waiting = unsealed.aggregate(count=Count("pk"), since=Min("at"))
    return Chain(
        seals=last.number if last else 0,
        sealed_at=last.sealed_at if last else None,
        waiting=waiting["count"],
        waiting_since=waiting["since"],
    )
