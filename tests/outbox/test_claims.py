"""Claim, heartbeat, settle against a model of one line of text per rule. Source: design/queue.md 5.3, rule D7."""

from __future__ import annotations

import datetime as dt
import threading
import uuid

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from apps.applications.keys import Mode
from apps.outbox.claims import LostLease, heartbeat, settle, take
from apps.syncs.models import SyncJob
from tests.factories import NOW, make_authorization, make_endpoint
from tests.flows.world import make_team


def make_job() -> SyncJob:
    team = make_team()
    authorization = make_authorization(team.application, Mode.TEST, make_endpoint(Mode.TEST), user="user-1")
    return SyncJob.objects.create(
        authorization=authorization, application=team.application, mode="test", state="WAITING", cause="first", seq=1,
        next_attempt_at=NOW,
    )  # fmt: skip


@pytest.fixture
def job(settings: Settings) -> SyncJob:
    return make_job()


def claim(job: SyncJob) -> uuid.UUID | None:
    return take(job, from_states=("WAITING",), to_state="ACTIVE")


def run_out(job: SyncJob) -> None:
    SyncJob.objects.filter(pk=job.pk).update(lease_until=timezone.now() - dt.timedelta(hours=1))


STEPS = ["take", "heartbeat", "hand back", "finish", "lease runs out", "sweep"]


@pytest.mark.django_db
@given(walk=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1)), max_size=14))
@hypothesis_settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_two_workers_in_any_order_follow_the_model(job: SyncJob, walk: list[tuple[str, int]]) -> None:
    """The model: who holds the row, does the lease run, what state, how often taken. One holder, ever."""
    with transaction.atomic():
        tokens: list[uuid.UUID] = [uuid.uuid4(), uuid.uuid4()]  # each worker's last token; stale until it takes
        holder: int | None = None
        state, runs, taken = "WAITING", False, 0
        for step, worker in walk:
            if step == "take":
                token = claim(job)
                assert (token is not None) == (state == "WAITING")
                if token is not None:
                    tokens[worker], holder, state, runs, taken = token, worker, "ACTIVE", True, taken + 1
            elif step == "heartbeat":
                if holder == worker and runs:
                    heartbeat(job, tokens[worker])
                else:
                    with pytest.raises(LostLease):
                        heartbeat(job, tokens[worker])
            elif step in ("hand back", "finish"):
                after = "WAITING" if step == "hand back" else "COMPLETED"
                changes = {"state": after, "ended_at": NOW if after == "COMPLETED" else None}
                if holder == worker:
                    settle(job, tokens[worker], **changes)
                    holder, state, runs = None, after, False
                else:
                    with pytest.raises(LostLease):
                        settle(job, tokens[worker], **changes)
            elif step == "lease runs out" and holder is not None:
                run_out(job)
                runs = False
            elif step == "sweep" and holder is not None and not runs:
                settle(job, tokens[holder], state="WAITING")
                holder, state = None, "WAITING"
            row = SyncJob.objects.get(pk=job.pk)
            held = row.lease_token
            assert (row.state, row.attempts) == (state, taken)
            assert held == (tokens[holder] if holder is not None else None)
            assert (row.lease_until is None) == (holder is None)
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_heartbeat_moves_the_end_of_the_lease_by_the_databases_clock(job: SyncJob, settings: Settings) -> None:
    settings.LEASE_SECONDS = 120
    token = claim(job)
    assert token is not None
    SyncJob.objects.filter(pk=job.pk).update(lease_until=timezone.now() + dt.timedelta(seconds=5))
    heartbeat(job, token)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT lease_until - clock_timestamp() BETWEEN interval '60 s' AND interval '120 s'"
            " FROM syncs_syncjob WHERE id = %s",
            [job.pk],
        )
        assert cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_wins(job: SyncJob) -> None:
    won: list[uuid.UUID | None] = []
    start = threading.Barrier(6)

    def work() -> None:
        try:
            start.wait(30)
            won.append(claim(job))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (token,) = [each for each in won if each is not None]
    job.refresh_from_db()
    assert (len(won), job.attempts, job.lease_token) == (6, 1, token)
