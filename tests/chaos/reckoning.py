"""What came of it: the rows, and the objects as their owner sees them, compared key by key."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils import timezone

from apps.destinations.models import Delivery, DeliveryAttempt, Destination
from apps.syncs.models import SyncJob

from .injuries import Injury
from .machines import World, patiently

PATIENCE_SECONDS = 150.0
UNFINISHED = ("PENDING", "RUNNING", "RETRYING", "HELD")


@dataclass
class Reckoning:
    """The figures of one run. Units: recovery in seconds, from an injury to the next successful delivery."""

    syncs: int = 0
    deliveries: int = 0
    objects: int = 0
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    absorbed: int = 0
    dead: int = 0
    orphans: list[int] = field(default_factory=list)
    recovery: list[float] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.orphans)

    def recovery_at(self, part: float) -> float:
        if len(self.recovery) < 2:
            return max(self.recovery, default=0.0)
        return statistics.quantiles(self.recovery, n=100)[round(part * 100) - 1]


def wait_until_settled() -> float:
    """Wait until nothing is on its way; return how many seconds that took.

    What waits for its next attempt is made due: the injuries are over.
    """
    began = time.monotonic()
    while time.monotonic() < began + PATIENCE_SECONDS and patiently(_on_their_way):
        time.sleep(0.5)
    return time.monotonic() - began


def _on_their_way() -> int:
    Delivery.objects.filter(state="RETRYING", next_attempt_at__gt=timezone.now()).update(next_attempt_at=timezone.now())
    Destination.objects.filter(open_until__isnull=False).update(open_until=None)
    unfinished = SyncJob.objects.exclude(state__in=["COMPLETED", "FAILED"]).count()
    return unfinished + Delivery.objects.filter(state__in=UNFINISHED).count()


def reckon(world: World, injuries: Sequence[Injury]) -> Reckoning:
    """Compare rows and objects; the workers have ended."""
    told = Reckoning(syncs=SyncJob.objects.count(), deliveries=Delivery.objects.count())
    told.dead = SyncJob.objects.filter(state="FAILED").count() + Delivery.objects.filter(state="FAILED").count()
    told.absorbed = DeliveryAttempt.objects.filter(already_there=True).count()
    told.orphans = [pid for machine in world.machines for pid in machine.left_over()]
    per_sync = Counter(Delivery.objects.values_list("sync_job_id", flat=True))
    for job in SyncJob.objects.filter(state="COMPLETED"):
        if per_sync[job.pk] != len(world.destinations):
            told.lost.append(f"sync {job.pk} has {per_sync[job.pk]} deliveries")
    told.lost += [f"sync {pk} has not ended" for pk in _unfinished_syncs()]
    for destination in world.destinations:
        _compare(world, destination, told)
    ends = Delivery.objects.values_list("delivered_at", flat=True)
    delivered = sorted(at.timestamp() for at in ends if at is not None)
    for injury in injuries:
        if after := [at for at in delivered if at > injury.at]:
            told.recovery.append(after[0] - injury.at)
    return told


def _unfinished_syncs() -> list[object]:
    return list(SyncJob.objects.exclude(state__in=["COMPLETED", "FAILED"]).values_list("pk", flat=True))


def _compare(world: World, destination: Destination, told: Reckoning) -> None:
    """Every delivered row has its object, once and with its bytes; no object is without its row."""
    bucket, there = destination.bucket, dict[str, str]()
    s3 = world.customer()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="flexpa/"):
        for each in page.get("Contents", []):
            if each["Key"].endswith(".ndjson"):
                body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
                there[each["Key"]] = hashlib.sha256(body).hexdigest()
    told.objects += len(there)
    rows = {row.object_key: row for row in Delivery.objects.filter(destination=destination)}
    for key, row in rows.items():
        if row.state in UNFINISHED:
            told.lost.append(f"{key} is {row.state}: {row.error_code}")
        elif row.state == "DELIVERED" and there.get(key) != row.sha256:
            told.lost.append(f"{key} is delivered and {'differs' if key in there else 'is not there'}")
    writes = _writes(world, bucket)
    told.twice += [
        f"{key} was written {len(writes[key])} times: {writes[key]}" for key in there if len(writes[key]) != 1
    ]
    told.twice += [f"{key} belongs to no delivery" for key in there if key not in rows]


def _writes(world: World, bucket: str) -> dict[str, list[int]]:
    """Return by key how its writes were answered: those that were refused are left out, 0 is a lost answer."""
    writes = defaultdict[str, list[int]](list)
    for entry in world.log:
        if entry.action == "PutObject" and not entry.code and entry.path.startswith(f"/{bucket}/"):
            writes[entry.path.removeprefix(f"/{bucket}/")].append(entry.status)
    return writes
