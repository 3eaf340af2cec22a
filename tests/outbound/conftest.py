"""Servers on loopback, doors to them, and a certificate."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from apps.outbound.http import Door

from .certificates import write_certificate
from .servers import HOST, Answer, DoorTo, Serve, Server


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(answer: Answer, context: ssl.SSLContext | None = None) -> Server:
            server = Server(answer, context)
            stack.callback(server.stop)
            return server

        yield start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key in one file, for payer.example alone."""
    return write_certificate(tmp_path_factory.mktemp("tls") / "payer.pem", "payer.example")


@pytest.fixture
def door_to() -> Iterator[DoorTo]:
    """Doors that may reach the given ports of loopback, closed after the test."""
    with ExitStack() as stack:

        def make(*ports: int, host: str = HOST, **options: Any) -> Door:
            door = Door(allowed=frozenset((host, port) for port in ports), **options)
            stack.callback(door.close)
            return door

        yield make
