"""Whom the probe asks: a local AWS started here, or with PROBE_AWS=real two accounts of yours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.sandbox.cloud.server import LocalCloud
from tests.sandbox.cloud.conformance.accounts import AccountsError, is_at_aws, open_aws
from tests.sandbox.cloud.conformance.local_only import LOCAL_ONLY
from tests.sandbox.cloud.conformance.writer import EVERYTHING, MakeWriter, Writer
from tests.sandbox.cloud.world import Document, World

_left_out = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def aws() -> Callable[[], World]:
    try:
        return open_aws()
    except AccountsError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="module")
def new_world(request: pytest.FixtureRequest) -> Iterator[Callable[[], World]]:
    """Answer a maker of worlds; at AWS each leaves nothing behind, a local AWS ends with its accounts."""
    if not is_at_aws():
        with LocalCloud() as cloud:
            yield lambda: World(cloud.url)
        return
    make: Callable[[], World] = request.getfixturevalue("aws")
    made: list[World] = []

    def make_and_remember() -> World:
        made.append(make())
        return made[-1]

    yield make_and_remember
    for world in made:
        world.clean_up()


@pytest.fixture
def world(new_world: Callable[[], World]) -> Iterator[World]:
    made = new_world()
    yield made
    if is_at_aws():
        made.clean_up()


@pytest.fixture
def writer(world: World) -> MakeWriter:
    """Answer a maker of writers; without statements the role may do everything with S3 and KMS."""

    def make(*statements: Document, **more: Any) -> Writer:
        return Writer(world, world.make_session(*(statements or EVERYTHING), **more), world.make_bucket())

    return make


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """At AWS, leave out what only a local AWS can be asked."""
    if is_at_aws():
        config.stash[_left_out] = [item.name for item in items if item.name in LOCAL_ONLY]
        items[:] = [item for item in items if item.name not in LOCAL_ONLY]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for name in config.stash.get(_left_out, []):
        terminalreporter.write_line(f"left out at AWS: {name}: {LOCAL_ONLY[name]}")
