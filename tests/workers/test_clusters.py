"""The folder of a cluster: alive while its supervisor holds the lock; what a lost one left is ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from apps.outbox.draining import cluster_folder
from apps.workers.clusters import ClusterFolder, Report, end_leftovers, living_reports
from apps.workers.sessions import members


@pytest.fixture
def sleeper(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A session of its own that looks like a cluster, or like somebody else's program."""
    name = getattr(request, "param", "qcluster")
    env = {**os.environ, "VAR": str(settings.VAR)}
    command = [sys.executable, "-c", "print(flush=True); input()", name]
    child = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()  # the system shows a program's arguments a moment after it was started
    yield child
    child.kill()
    child.communicate()


def lose_supervisor(folder: ClusterFolder) -> None:
    os.close(folder._lock)


def test_members_are_the_living_processes_of_the_session(sleeper: subprocess.Popen[bytes]) -> None:
    assert members(sleeper.pid) == [sleeper.pid]
    sleeper.kill()
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert members(sleeper.pid) == []


def test_a_cluster_under_a_living_supervisor_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    folder = ClusterFolder(sleeper.pid)
    folder.report(Report())
    assert end_leftovers() == 0
    assert sleeper.poll() is None
    assert living_reports() == [Report()]
    folder.remove()
    assert living_reports() == []


def test_a_cluster_whose_supervisor_was_lost_is_ended(sleeper: subprocess.Popen[bytes]) -> None:
    lose_supervisor(ClusterFolder(sleeper.pid))
    assert end_leftovers() == 1
    assert sleeper.wait() == -9
    assert not cluster_folder(sleeper.pid).exists()


def test_a_cluster_whose_supervisor_was_lost_before_it_made_a_folder_is_ended(
    sleeper: subprocess.Popen[bytes],
) -> None:
    assert not cluster_folder(sleeper.pid).exists()
    assert end_leftovers() == 1
    assert sleeper.wait() == -9


@pytest.mark.parametrize("sleeper", ["something-else"], indirect=True)
def test_a_number_that_belongs_to_another_program_by_now_is_not_hurt(sleeper: subprocess.Popen[bytes]) -> None:
    lose_supervisor(ClusterFolder(sleeper.pid))
    assert end_leftovers() == 0
    assert sleeper.poll() is None
    assert not cluster_folder(sleeper.pid).exists()
