"""The local AWS, and customers' buckets in it that are delivered to and may be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import make_world
from tests.flows.conftest import cloud_url, local_aws
from tests.flows.customer import clear_faults

from .lake import Lake

__all__ = ["cloud_url", "local_aws"]
Make = Callable[..., Lake]


@pytest.fixture
def lakes(cloud_url: str, tmp_path: Path) -> Iterator[Make]:
    team = make_world("acme")
    clear_faults(cloud_url)

    def make(**more: Any) -> Lake:
        return Lake.make(team, cloud_url, tmp_path, **more)

    yield make
    clear_faults(cloud_url)
