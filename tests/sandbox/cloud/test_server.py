"""The local AWS in a thread: found through the environment, stopped, started again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from apps.sandbox.cloud.server import AlreadyRunningError, LocalCloud
from tests.sandbox.cloud.world import World


def test_endpoint_and_keys_of_the_environment_are_enough(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", world.customer)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    bucket, session = world.make_bucket(), boto3.session.Session()
    assert session.client("sts").get_caller_identity()["Account"] == world.customer
    session.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")
    assert session.client("s3").list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_state_beside_another_local_aws_in_the_process_is_refused(tmp_path: Path) -> None:
    with LocalCloud() as first, LocalCloud() as second:
        assert first.url != second.url
        with pytest.raises(AlreadyRunningError):
            LocalCloud(state=tmp_path).start()


def test_stopped_local_aws_can_be_started_again() -> None:
    running = LocalCloud()
    for _ in range(2):
        with running:
            assert World(running.url).make_bucket()
        with pytest.raises(RuntimeError):
            _ = running.url


# In a process of its own: beside another local AWS the tables are shared, and then they are not emptied.
FIRST_TO_START = """
from apps.sandbox.cloud.server import LocalCloud
from tests.sandbox.cloud.world import World
running = LocalCloud()
with running:
    world = World(running.url)
    world.make_user()
with running:
    again = World(running.url, vendor=world.vendor)
    print(again.client("iam", again.root(world.vendor)).list_users()["Users"])
"""


def test_first_local_aws_of_a_process_starts_empty() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_TO_START], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
