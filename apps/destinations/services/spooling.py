"""A delivery's bytes on disk: written once per attempt, private, gone after it."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.outbound.failures import DeliveryError, FaultOwner
from apps.outbox.faults import FaultPoint, pass_fault_point
from apps.records.selectors import View

from ..manifests import Plan, Role, deletion_line, manifest, part_key, tombstone_urls
from ..models import Delivery
from ..states import Contents, DeliveryKind

SPOOL_STAGE = "spool"  # of errors that never left this machine


@dataclass(frozen=True, slots=True)
class Part:
    """One object of a delivery: its bytes and where they go. Shape: counts are lines by resource type."""

    role: Role
    key: str
    path: Path
    size_bytes: int
    lines: int
    sha256: str
    counts: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "role": self.role.value,
            "key": self.key,
            "bytes": self.size_bytes,
            "sha256": self.sha256,
            "lines": self.lines,
        }


@contextmanager
def spooled(delivery: Delivery, token: uuid.UUID, plan: Plan, view: View | None) -> Iterator[list[Part]]:
    """Write what the plan asks for to files of mode 0600; the delivery's own object is the first.

    `view` is needed by all but a tombstone. Raises: DeliveryError when this machine cannot, or when the lines are not
    what the sync counted (superseded versions may be pruned): never a part of a set.
    """
    spool = Spool(delivery, token)
    try:
        try:
            if delivery.kind == DeliveryKind.TOMBSTONE:
                spool.write_tombstone()
            elif view is not None:
                spool.write_data(plan, view)
            if plan.manifest:
                spool.write_manifest(plan)
        except OSError as error:
            message = f"The spool of this machine cannot be written ({error.strerror})."
            raise our_fault("spool-failed", message, permanent=False) from None
        _check_unchanged(delivery, spool.parts)
        pass_fault_point(FaultPoint.DELIVERY_SPOOLED)
        yield spool.parts
    finally:
        spool.clean()


class Spool:
    """The files of one attempt."""

    def __init__(self, delivery: Delivery, token: uuid.UUID) -> None:
        self.delivery = delivery
        self.stem = f"{delivery.pk}.{token}"
        self.parts: list[Part] = []

    def write_data(self, plan: Plan, view: View) -> None:
        """Write the visible lines, or what changed since the plan's base; and what disappeared since then."""
        since = plan.base_seq or 0 if plan.contents == Contents.DELTA else 0
        data = self._write(Role.DATA, ((kind, line) for kind, _, line in view.lines(since=since)))
        expected = plan.counts or self.delivery.resource_counts
        if expected and (view.counts() if since else data.counts) != expected:
            raise our_fault("data-pruned", "Part of this sync's lines is not kept any more.", permanent=True)
        if plan.deletions and plan.base_seq:
            gone = [deletion_line(f"{kind}/{fhir_id}") for kind, fhir_id in view.deleted_since(plan.base_seq)]
            if gone:
                self._write(Role.DELETED, (("", line) for line in gone))

    def write_tombstone(self) -> None:
        delivery = self.delivery
        urls = tombstone_urls(
            delivery.resource_counts, tag_base=settings.TAG_BASE, authorization_id=str(delivery.authorization_id)
        )
        self._write(Role.DELETED, (("", deletion_line(url)) for url in urls))

    def write_manifest(self, plan: Plan) -> None:
        """Write the manifest of what is spooled already."""
        document = manifest(facts=_facts(self.delivery), plan=plan, objects=[part.as_json() for part in self.parts])
        self._write(Role.MANIFEST, [("", document)])

    def _write(self, role: Role, lines: Iterable[tuple[str, bytes]]) -> Part:
        settings.SPOOL_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = settings.SPOOL_DIR / part_key(f"{self.stem}.ndjson", role)
        digest, size, counts = hashlib.sha256(), 0, dict[str, int]()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for kind, line in lines:
                for piece in (line, b"\n"):
                    file.write(piece)
                    digest.update(piece)
                size += len(line) + 1
                counts[kind] = counts.get(kind, 0) + 1
                pass_fault_point(FaultPoint.DELIVERY_SPOOLING)
        key = self.delivery.object_key if not self.parts else part_key(self.delivery.object_key, role)
        part = Part(role, key, path, size, sum(counts.values()), digest.hexdigest(), counts)
        self.parts.append(part)
        return part

    def clean(self) -> None:
        for role in Role:
            with suppress(OSError):  # the sweeper cleans what could not be removed
                (settings.SPOOL_DIR / part_key(f"{self.stem}.ndjson", role)).unlink(missing_ok=True)


def _check_unchanged(delivery: Delivery, parts: list[Part]) -> None:
    """Refuse bytes that are not what an earlier attempt, or the delivery that this one replays, has sent."""
    before = {each["role"]: each["sha256"] for each in delivery.parts}
    if delivery.sha256:
        before[parts[0].role.value] = delivery.sha256
    if delivery.kind == DeliveryKind.REPLAY:  # it names its own keys
        before.pop(Role.MANIFEST, None)
    now = {part.role.value: part.sha256 for part in parts}
    if any(now.get(role) != sha256 for role, sha256 in before.items()):
        message = "The lines of this sync are not what an earlier attempt sent."
        raise our_fault("body-changed", message, permanent=True)


def _facts(delivery: Delivery) -> Mapping[str, Any]:
    return {
        "delivery_id": str(delivery.pk),
        "kind": delivery.kind,
        "replay_of": str(delivery.replay_of_id) if delivery.replay_of_id else None,
        "mode": delivery.mode,
        "destination_id": str(delivery.destination_id),
        "external_id": delivery.external_id,
        "consent_id": str(delivery.authorization.consent_id),
        "patient_authorization_id": str(delivery.authorization_id),
        "sync_job_id": str(delivery.sync_job_id),
        "sync_number": delivery.seq,
        "created_at": delivery.created_at.isoformat(),
        "gaps": delivery.gaps,
    }


def our_fault(code: str, message: str, *, permanent: bool) -> DeliveryError:
    return DeliveryError(message, code=code, stage=SPOOL_STAGE, permanent=permanent, owner=FaultOwner.US)
