"""Reads of the audit: what waits for a seal, and whether a chain still holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from .chain import START, link
from .models import AuditEvent, AuditSeal


@dataclass(frozen=True, slots=True)
class Broken:
    """A place where the chain does not hold."""

    workspace_id: str
    event_id: int
    what: str


def oldest_unsealed_at() -> dt.datetime | None:
    return AuditEvent.objects.filter(seal_number__isnull=True).order_by("id").values_list("at", flat=True).first()


def list_chains() -> list[str]:
    """Name every workspace with a seal, and with events that claim one: its seals may have been taken away."""
    chained = AuditEvent.objects.filter(seal_number__isnull=False).values_list("workspace_id")
    return sorted(row[0] for row in AuditSeal.objects.values_list("workspace_id").union(chained))


def verify_chain(workspace_id: str) -> Iterator[Broken]:
    """Recompute a workspace's chain, seal by seal; yield every row that does not fit."""
    previous, number = START, 0
    for seal in AuditSeal.objects.filter(workspace_id=workspace_id).order_by("number").iterator():
        number += 1
        if seal.number != number or bytes(seal.previous_hash) != previous:
            yield Broken(workspace_id, seal.first_event_id, f"seal {number} is missing or was changed")
            number = seal.number
        previous, count, ends = bytes(seal.previous_hash), 0, (0, 0)
        for event in AuditEvent.objects.filter(workspace_id=workspace_id, seal_number=seal.number).order_by("id"):
            previous, count, ends = link(previous, event), count + 1, (ends[0] or event.pk, event.pk)
            if event.hash is None or bytes(event.hash) != previous:
                yield Broken(workspace_id, event.pk, "this event or the one before it was changed or removed")
                previous = bytes(event.hash or b"")
        told = (seal.event_count, seal.first_event_id, seal.last_event_id, bytes(seal.hash))
        if told != (count, *ends, previous):
            yield Broken(
                workspace_id,
                seal.last_event_id,
                f"seal {seal.number} does not fit: it covered {seal.event_count} events, {count} are there",
            )
        previous = bytes(seal.hash)
    # Asked in one statement: a seal that is made meanwhile comes together with its events.
    seals = AuditSeal.objects.filter(workspace_id=workspace_id).values("number")
    claiming = AuditEvent.objects.filter(workspace_id=workspace_id, seal_number__isnull=False)
    for event in claiming.exclude(seal_number__in=seals).order_by("id")[:100]:
        yield Broken(workspace_id, event.pk, "this event names a seal that does not exist")


def count_unsealed(workspace_id: str) -> int:
    return AuditEvent.objects.filter(workspace_id=workspace_id, seal_number__isnull=True).count()
