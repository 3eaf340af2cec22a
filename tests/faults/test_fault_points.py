"""kill -9 at every named place, one after the other: each time one object, recorded once (queue.md 9, cases 1 to 5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from apps.destinations.models import DeliveryAttempt, Destination
from apps.outbox.faults import FaultPoint
from tests.chaos.workers import Workers, wait_until

from .place import Place

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Held:
    """What must hold after the death. Losses are expired leases; `found` = the object was there at the next attempt."""

    sync_losses: int = 0
    delivery_losses: int = 0
    found: bool = False


F = FaultPoint
CASES: dict[FaultPoint, Held] = {
    F.SYNC_CLAIMED: Held(sync_losses=1),
    F.SYNC_PAGE_FETCHED: Held(sync_losses=1),
    F.SYNC_PAGE_KEPT: Held(sync_losses=1),
    F.SYNC_CLOSING: Held(sync_losses=1),  # its transaction never was: the sync is closed again
    F.SYNC_CLOSED: Held(),
    F.HINT_DUE: Held(),  # the row is due without a hint: the next sweep rings
    F.DELIVERY_CLAIMED: Held(delivery_losses=1),
    F.DELIVERY_SPOOLING: Held(delivery_losses=1),
    F.DELIVERY_SPOOLED: Held(delivery_losses=1),
    F.DELIVERY_NOTED: Held(delivery_losses=1),
    F.DELIVERY_WRITTEN: Held(delivery_losses=1, found=True),
    F.DELIVERY_SETTLING: Held(delivery_losses=1, found=True),
    F.DELIVERY_SETTLED: Held(),
}
# Only a sealed delivery has parts: the last case.
SEALED = {F.DELIVERY_PART_WRITTEN}


def test_every_fault_point_has_a_case() -> None:
    assert set(CASES) | SEALED == set(FaultPoint)


@pytest.fixture
def planned(workers: Workers, request: pytest.FixtureRequest) -> Iterator[Path]:
    """Plan the death at the case's place; returns the mark that says that it has happened."""
    point: FaultPoint = request.getfixturevalue("point")
    plan, mark = workers.var / "run" / "fault", workers.var / "run" / f"fault.{point}"
    mark.unlink(missing_ok=True)
    plan.write_text(point)
    yield mark
    plan.unlink()


@pytest.mark.parametrize("point", CASES)
def test_a_death_there_is_one_object_recorded_once(
    point: FaultPoint, planned: Path, workers: Workers, place: Place
) -> None:
    case, wanted = place.make_case(), CASES[point]
    case.link()
    wait_until(planned.exists, what=f"the death at {point}")
    case.wait_for_delivered()
    case.check_each_delivered_once()
    job, row = case.jobs.get(), case.deliveries.get()
    assert (job.crashes, row.crashes) == (wanted.sync_losses, wanted.delivery_losses)
    assert row.attempts == 1 + wanted.delivery_losses
    assert DeliveryAttempt.objects.get(delivery=row, succeeded=True).already_there is wanted.found
    assert list((workers.var / "spool").glob(f"{row.pk}*")) == [] or wanted.delivery_losses


@pytest.mark.parametrize("point", SEALED)
def test_a_death_between_two_objects_of_a_delivery_is_each_of_them_once(
    point: FaultPoint, planned: Path, workers: Workers, place: Place
) -> None:
    case = place.make_case()
    Destination.objects.filter(pk=case.destination.pk).update(manifest=True)
    case.link()
    wait_until(planned.exists, what=f"the death at {point}")
    case.wait_for_delivered()
    row = case.deliveries.get()
    assert (row.crashes, row.attempts) == (1, 2)
    recorded = {part["key"]: part["sha256"] for part in row.parts}
    assert len(recorded) == 2
    assert case.objects() == recorded
