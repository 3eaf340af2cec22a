"""The local AWS in a thread: found through the environment, stopped, started again."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from apps.sandbox.cloud.server import AlreadyRunningError, LocalCloud
from tests.sandbox.cloud.world import World


def test_endpoint_and_keys_of_the_environment_are_enough(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_stopped_local_aws_starts_again_empty() -> None:
    running = LocalCloud()
    with running:
        world = World(running.url)
        world.make_user()
    with pytest.raises(RuntimeError):
        _ = running.url
    with running:
        again = World(running.url, vendor=world.vendor)
        assert again.client("iam", again.root(world.vendor)).list_users()["Users"] == []
