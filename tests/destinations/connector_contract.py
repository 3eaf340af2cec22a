"""The one contract that every connector passes.

A test module subclasses `ConnectorContract` and has a fixture `target`: a storage of the kind, set up right.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from apps.destinations.connectors.base import Batch, Connector, StepResult
from apps.outbound.failures import DeliveryError

NDJSON = b'{"resourceType":"Patient","id":"1","name":[{"family":"Canary"}]}\n{"resourceType":"Coverage","id":"2"}\n'


class Target(Protocol):
    """A storage of one kind, and a connector to it."""

    connector: Connector
    secrets: tuple[str, ...]

    def read(self, key: str) -> bytes | None:
        """Return what lies at `key`, as its owner sees it."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Put something there as a stranger."""
        ...

    def refuse_writes(self) -> None:
        """Take our permission away."""
        ...


def make_batch(folder: Path, key: str, content: bytes = NDJSON) -> Batch:
    """Spool `content` and return the batch that delivers it."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest
    path.write_bytes(content)
    return Batch(
        path=path,
        object_key=key,
        content_type="application/fhir+ndjson",
        size_bytes=len(content),
        sha256_hex=digest,
    )


class ConnectorContract:
    """What delivery and Test connection promise whatever the kind."""

    @pytest.fixture
    def batch(self, tmp_path: Path) -> Batch:
        return make_batch(tmp_path, "flexpa/jo%40example.org/c-1/pa-1/2026-11-21T01-10-17-123Z-sj-1.ndjson")

    def test_right_set_up_passes_every_step(self, target: Target) -> None:
        steps = list(target.connector.probe())
        assert [step.name for step in steps if step.result is not StepResult.PASS] == []
        assert len({step.name for step in steps}) == len(steps) > 0
        assert all(step.message and step.milliseconds >= 0 for step in steps)

    def test_delivered_bytes_read_back_equal(self, target: Target, batch: Batch) -> None:
        receipt = target.connector.deliver(batch)
        assert target.read(batch.object_key) == NDJSON
        assert not receipt.already_there

    def test_empty_batch_is_delivered(self, target: Target, tmp_path: Path) -> None:
        batch = make_batch(tmp_path, "flexpa/_/c-1/pa-1/empty.ndjson", b"")
        target.connector.deliver(batch)
        assert target.read(batch.object_key) == b""

    def test_taken_key_is_neither_overwritten_nor_called_delivered(self, target: Target, batch: Batch) -> None:
        target.put(batch.object_key, b"a stranger's")
        with pytest.raises(DeliveryError) as refused:
            target.connector.deliver(batch)
        assert target.read(batch.object_key) == b"a stranger's"
        assert refused.value.permanent
        assert not refused.value.unknown_outcome

    def test_taken_key_after_an_unknown_attempt_is_delivered(self, target: Target, batch: Batch) -> None:
        target.connector.deliver(batch)
        receipt = target.connector.deliver(replace(batch, earlier_attempt_unknown=True))
        assert receipt.already_there
        assert target.read(batch.object_key) == NDJSON

    def test_refused_delivery_says_why_without_data_or_secrets(self, target: Target, batch: Batch) -> None:
        target.refuse_writes()
        with pytest.raises(DeliveryError) as refused:
            target.connector.deliver(batch)
        error = refused.value
        assert (error.permanent, error.owner, bool(error.code), bool(error.stage)) == (
            True,
            "customer",
            True,
            True,
        )
        for hidden in (batch.object_key, "example.org", "Canary", *target.secrets):
            assert hidden not in f"{error}{error!r}{error.__cause__!r}"
        assert target.read(batch.object_key) is None

    def test_set_up_that_cannot_deliver_fails_the_test_and_the_rest_is_not_run(self, target: Target) -> None:
        target.refuse_writes()
        results = [step.result for step in target.connector.probe()]
        failed = results.index(StepResult.FAIL)
        assert set(results[:failed]) <= {StepResult.PASS, StepResult.WARN}
        assert set(results[failed + 1 :]) <= {StepResult.NOT_RUN}

    def test_failed_test_gives_advice_without_secrets(self, target: Target) -> None:
        target.refuse_writes()
        step = next(step for step in target.connector.probe() if step.result is StepResult.FAIL)
        assert step.code
        assert step.message
        assert step.advice
        for hidden in target.secrets:
            assert hidden not in repr(step)

    def test_test_leaves_nothing_in_the_spool_folder(self, target: Target, tmp_path: Path) -> None:
        list(target.connector.probe())
        assert list(tmp_path.rglob("connection-test*")) == []
