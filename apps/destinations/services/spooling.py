"""A delivery's bytes on disk: written once per attempt, private, gone after it."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from apps.outbound.failures import DeliveryError, FaultOwner
from apps.records.selectors import View

from ..models import Delivery


@dataclass(frozen=True, slots=True)
class Spooled:
    """The bytes, and what they are. Shape: counts are resources by type."""

    path: Path
    size_bytes: int
    resources: int
    sha256: str
    counts: dict[str, int]


@contextmanager
def spooled(delivery: Delivery, token: uuid.UUID, view: View) -> Iterator[Spooled]:
    """Write the lines as of the delivery's sequence to a file of mode 0600.

    Raises: DeliveryError when this machine cannot, or when the lines are not what the sync counted
    (superseded versions may be pruned): never a part of a set.
    """
    path = settings.SPOOL_DIR / f"{delivery.pk}.{token}.ndjson"
    try:
        try:
            body = _write(path, view)
        except OSError as error:
            message = f"The spool of this machine cannot be written ({error.strerror})."
            raise our_fault("spool-failed", message, permanent=False) from None
        if delivery.resource_counts and body.counts != delivery.resource_counts:
            raise our_fault("data-pruned", "Part of this sync's lines is not kept any more.", permanent=True)
        if delivery.sha256 and delivery.sha256 != body.sha256:
            message = "The lines of this sync are not what an earlier attempt sent."
            raise our_fault("body-changed", message, permanent=True)
        yield body
    finally:
        with suppress(OSError):  # the sweeper cleans what could not be removed
            path.unlink(missing_ok=True)


def our_fault(code: str, message: str, *, permanent: bool) -> DeliveryError:
    return DeliveryError(message, code=code, stage="spool", permanent=permanent, owner=FaultOwner.US)


def _write(path: Path, view: View) -> Spooled:
    settings.SPOOL_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size, counts = hashlib.sha256(), 0, dict[str, int]()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for resource_type, _, line in view.lines():
            for part in (line, b"\n"):
                file.write(part)
                digest.update(part)
            size += len(line) + 1
            counts[resource_type] = counts.get(resource_type, 0) + 1
    return Spooled(path, size, sum(counts.values()), digest.hexdigest(), counts)
