"""One payer for the whole folder, back to its first state before each test, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from apps.sandbox.payer.server import LocalPayer
from apps.sandbox.payer.state import Options

from .browser import Browser
from .control import Control


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_782_900_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def running_payer(clock: Clock) -> Iterator[LocalPayer]:
    options = Options(base_url="", redirect_uris=frozenset({"https://app.example/callback"}), clock=clock)
    with LocalPayer(options) as payer:
        yield payer


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    with httpx.Client(follow_redirects=False, timeout=30) as client:
        yield client


@pytest.fixture
def payer(running_payer: LocalPayer) -> LocalPayer:
    running_payer.state.reset()
    return running_payer


@pytest.fixture
def foomedical(payer: LocalPayer, http: httpx.Client) -> Browser:
    return Browser(http, payer.url, "foomedical")


@pytest.fixture
def humana(payer: LocalPayer, http: httpx.Client) -> Browser:
    return Browser(http, payer.url, "humana")


@pytest.fixture
def acme(payer: LocalPayer, http: httpx.Client) -> Browser:
    return Browser(http, payer.url, "acme")


@pytest.fixture
def control(payer: LocalPayer, http: httpx.Client) -> Control:
    return Control(payer, http)
