"""The contract that every kind of destination keeps: probe it, deliver to it, look at what lies there.

Owns the values that cross the seam; refuses models, settings and the clock. The probe runs the
delivery's own write, so that "connected" means "will deliver" (architecture D9).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class StepResult(StrEnum):
    """How one step of a connection test ended."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    FAIL = "fail"
    NOT_RUN = "not_run"


# The code of a step that found a storage open to others than us: no delivery may use it.
TOO_OPEN = "TrustTooOpen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paste:
    """A text to paste and where it belongs: a policy, or `command` for one to run."""

    where: str
    snippet: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a connection test; wire shape of `/api/v1/destinations/{id}/test` steps.

    `where` names the policy that `snippet` belongs in, `also` further texts when nobody can tell which one is
    missing; `fix` holds fields of the destination that would put it right; `owner` says who has to act.
    """

    name: str
    result: StepResult
    code: str = ""
    message: str = ""
    advice: str = ""
    where: str = ""
    snippet: str = ""
    also: tuple[Paste, ...] = ()
    fix: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    request_id: str = ""
    milliseconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One delivery's bytes: a spooled file and where it goes."""

    path: Path
    object_key: str
    content_type: str
    size_bytes: int
    sha256_hex: str
    # True when an earlier attempt of this delivery ended without a known answer (a lost or 5xx
    # reply): only then may "the object exists already" mean that we wrote it.
    earlier_attempt_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the storage said about a finished write."""

    request_id: str = ""
    etag: str = ""
    version_id: str = ""
    encryption: str = ""
    already_there: bool = False
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object as the storage lists it."""

    key: str
    size_bytes: int
    etag: str = ""
    modified_at: datetime


class Connector(Protocol):
    """What a destination kind can do. All but the probes raise `outbound.failures.DeliveryError`."""

    def probe(self) -> Iterator[Step]:
        """Yield every step in order; after a failure the rest as `not_run`."""
        ...

    def probe_refusals(self) -> Iterator[Step]:
        """Yield only the steps that the storage must refuse: the daily look. Writes nothing."""
        ...

    def probe_delivery(self) -> Iterator[Step]:
        """Yield only the steps that every delivery takes: the daily look's other half."""
        ...

    def admits_us(self) -> bool:
        """Say whether the storage lets us in as we are configured; writes nothing, and waits for nothing."""
        ...

    def deliver(self, batch: Batch) -> Receipt:
        """Write the batch once; never overwrite."""
        ...

    def inventory(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Yield what lies below `prefix`, behind the key `after`, in the order of the keys' UTF-8 bytes.

        Customers need not allow it: deliveries do without.
        """
        ...

    def checksum(self, key: str) -> str | None:
        """Return the SHA-256 of an object in hex, None if it is gone. Safe to call from several threads."""
        ...
