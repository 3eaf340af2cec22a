"""One local AWS for each module of these tests, and fresh accounts for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.sandbox.cloud.server import LocalCloud
from tests.sandbox.cloud.world import World


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud() as running:
        yield running


@pytest.fixture
def world(cloud: LocalCloud) -> World:
    return World(cloud.url)
