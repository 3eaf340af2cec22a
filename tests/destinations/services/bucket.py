"""A storage with scripted outcomes: what the real local AWS cannot be made to do quickly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from apps.destinations.connectors.base import TOO_OPEN, Batch, Receipt, Step, StepResult
from apps.destinations.models import Destination
from apps.outbound.failures import DeliveryError, FaultOwner


@dataclass
class ScriptedBucket:
    """Conditional writes into a dict, a bucket for each destination; `outcome` says how the next ones end."""

    outcome: str = "ok"
    test_passes: bool = True
    # What the daily look finds: "closed", "open" or "unknown".
    trust: str = "closed"
    # Shape: {(destination id, object key): SHA-256}
    objects: dict[tuple[UUID, str], str] = field(default_factory=dict)
    owner: UUID | None = None
    asked: list[str] = field(default_factory=list)

    def __call__(self, destination: Destination) -> ScriptedBucket:
        """Stand in for `connector_for`."""
        assert destination.secret.external_id.reveal()
        self.owner = destination.pk
        return self

    def probe(self) -> Iterator[Step]:
        yield Step(name="write", result=StepResult.PASS if self.test_passes else StepResult.FAIL)

    def probe_refusals(self) -> Iterator[Step]:
        code = {"closed": "", "open": TOO_OPEN, "unknown": "ReadTimeoutError"}[self.trust]
        yield Step(name="refuse", result=StepResult.FAIL if code else StepResult.PASS, code=code)

    def probe_delivery(self) -> Iterator[Step]:
        yield Step(name="write_object", result=StepResult.PASS)

    def deliver(self, batch: Batch) -> Receipt:
        body = batch.path.read_bytes()
        assert (len(body), hashlib.sha256(body).hexdigest()) == (batch.size_bytes, batch.sha256_hex)
        self.asked.append(batch.object_key)
        assert self.owner is not None
        name = (self.owner, batch.object_key)
        if self.outcome in ("ok", "lost"):
            there = name in self.objects
            # Whoever does not know of an earlier write takes its own object for somebody else's.
            assert batch.earlier_attempt_unknown or not there, "an object of ours would be refused"
            assert self.objects.setdefault(name, batch.sha256_hex) == batch.sha256_hex
            if self.outcome == "ok":
                return Receipt(already_there=there)
        permanent = self.outcome in ("refused", "final")
        raise DeliveryError(
            "Scripted.",
            code={"refused": "AccessDenied", "final": "EntityTooLarge"}.get(self.outcome, "InternalError"),
            stage="put_object",
            permanent=permanent,
            owner=FaultOwner.CUSTOMER if permanent else FaultOwner.US,
            unknown_outcome=self.outcome == "lost",
        )
