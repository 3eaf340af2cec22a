"""One local AWS per module, a fresh customer per test, a batch to deliver."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from apps.destinations.connectors.base import Batch
from apps.destinations.connectors.s3.sessions import Sessions
from apps.sandbox.cloud.server import LocalCloud

from .connector_contract import make_batch
from .s3_world import KEY, CarelessStore, Control, OurAccount, S3Target


@pytest.fixture(scope="module")
def ours() -> Iterator[OurAccount]:
    with LocalCloud() as cloud:
        yield OurAccount(cloud.url)


@pytest.fixture
def target(ours: OurAccount, tmp_path: Path, control: Control) -> S3Target:
    made = S3Target.make(ours, tmp_path)
    control.clear()
    return made


@pytest.fixture
def control(ours: OurAccount) -> Iterator[Control]:
    control = Control(ours.url)
    control.clear()
    yield control
    control.clear()


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    return make_batch(tmp_path, KEY)


@pytest.fixture
def careless(target: S3Target) -> Iterator[S3Target]:
    """A customer whose role is right and whose storage is not Amazon's."""
    CarelessStore.seen.clear()
    CarelessStore.answers.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), CarelessStore) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        target.sessions = Sessions(target.ours.identity(), endpoint_url_s3=url)
        yield target
        server.shutdown()
