"""The doorbell: bounded, rung on commit, and nobody's request breaks when it does. Source: design/queue.md 5.4."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from django_q.models import OrmQ

from apps.outbox.doorbell import DRAIN, Lane, ring, wake

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broken_broker() -> Iterator[None]:
    """The broker's table is away: every ring fails for real."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_q_ormq RENAME TO away")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE away RENAME TO django_q_ormq")


def hints() -> list[tuple[str, tuple[str, ...]]]:
    return [(each.task["func"], tuple(each.task["args"])) for each in OrmQ.objects.order_by("id")]


def test_ring_puts_one_hint_with_the_lane_and_nothing_else() -> None:
    ring(Lane.SYNC)
    ring(Lane.DELIVER)
    assert hints() == [(DRAIN, ("sync",)), (DRAIN, ("deliver",))]


def test_hints_are_bounded_however_often_it_rings() -> None:
    for _ in range(10 * settings.Q_WORKERS):
        ring(Lane.SYNC)
    assert len(hints()) == 4 * settings.Q_WORKERS
    OrmQ.objects.all()[0].delete()
    ring(Lane.SYNC)
    assert len(hints()) == 4 * settings.Q_WORKERS


def test_wake_rings_on_commit_only() -> None:
    with transaction.atomic():
        wake(Lane.SYNC)
        assert hints() == []
    assert len(hints()) == 1
    with transaction.atomic():
        wake(Lane.SYNC)
        transaction.set_rollback(True)
    assert len(hints()) == 1


def test_broken_broker_breaks_no_transaction(broken_broker: None, workspace_writer: Callable[[], int]) -> None:
    with pytest.raises(ProgrammingError):
        ring(Lane.SYNC)
    with transaction.atomic():
        wake(Lane.SYNC)
        written = workspace_writer()
    wake(Lane.DELIVER)  # outside a transaction as well
    assert written == 1
    assert workspace_writer() == 2


@pytest.fixture
def workspace_writer() -> Callable[[], int]:
    from apps.workspaces.models import Workspace

    def write() -> int:
        Workspace.objects.create(name="W", slug=f"w-{Workspace.objects.count()}")
        return Workspace.objects.count()

    return write
