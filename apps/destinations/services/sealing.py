"""Decide how a delivery is made, from what its destination holds already; frozen at the first attempt.

Owns the base of a delta and the chain of manifests. Refuses to guess: where the base is not kept any more, everything
is delivered.
"""

from __future__ import annotations

from dataclasses import replace

from django.db.models import QuerySet

from apps.records.selectors import View

from ..manifests import PLAIN, TOMBSTONE, Plan, Role
from ..models import Delivery
from ..states import Contents, DeliveryKind, DeliveryState


class Superseded(Exception):
    """The destination holds a newer state of these records: an older one would undo it (rulings B1)."""


def plan_delivery(delivery: Delivery, view: View | None) -> Plan:
    """Return the plan that an earlier attempt froze, or a new one. Raises: Superseded."""
    destination = delivery.destination
    if destination.tombstones and delivery.kind in (DeliveryKind.LIVE, DeliveryKind.BACKFILL):
        _check_not_overtaken(delivery)
    if delivery.plan:
        return Plan.read(delivery.plan)
    is_begun = bool(delivery.sha256)  # plain bytes may lie there already: it stays so
    if is_begun or (not destination.is_sealed and delivery.kind != DeliveryKind.TOMBSTONE):
        return PLAIN
    key, sha256 = _find_last_manifest(delivery) if destination.manifest else ("", "")
    chain = Plan(manifest=destination.manifest, previous_manifest_key=key, previous_manifest_sha256=sha256)
    if delivery.kind == DeliveryKind.TOMBSTONE or view is None:
        return replace(chain, contents=TOMBSTONE)
    counts = delivery.resource_counts or view.counts()
    base = _find_base(delivery, view) if destination.tombstones else None
    is_delta = base is not None and destination.contents == Contents.DELTA
    return replace(
        chain,
        contents=Contents.DELTA.value if is_delta else Contents.SNAPSHOT.value,
        base_seq=base.seq if base else None,
        base_delivery=str(base.pk) if base else "",
        deletions=base is not None,
        counts=counts,
    )


def _check_not_overtaken(delivery: Delivery) -> None:
    """Raises: Superseded."""
    if _delivered(delivery).filter(seq__gt=delivery.seq).exists():
        raise Superseded


def _find_base(delivery: Delivery, view: View) -> Delivery | None:
    """Return the newest delivered state, if what was visible then is still kept."""
    before = _delivered(delivery).exclude(kind=DeliveryKind.TOMBSTONE).order_by("-seq").first()
    if before is None:
        return None
    counted = before.plan.get("counts") or before.resource_counts
    return before if View(view.partition_id, before.seq).counts() == counted else None


def _find_last_manifest(delivery: Delivery) -> tuple[str, str]:
    """Return the key and hash of the manifest that was written last: they chain (one delivery at a time)."""
    last = _delivered(delivery).filter(plan__manifest=True).order_by("-delivered_at", "-seq").first()
    for part in last.parts if last else ():
        if part["role"] == Role.MANIFEST:
            return part["key"], part["sha256"]
    return "", ""


def _delivered(delivery: Delivery) -> QuerySet[Delivery]:
    """What this destination holds of this authorization, replays aside: they repeat."""
    same = Delivery.objects.filter(destination=delivery.destination_id, authorization=delivery.authorization_id)
    return same.filter(state=DeliveryState.DELIVERED).exclude(kind=DeliveryKind.REPLAY)
