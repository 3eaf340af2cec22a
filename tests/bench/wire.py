"""The product's web server and a client that costs next to nothing: one socket, bytes counted and thrown away."""

from __future__ import annotations

import http.client
import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .peak import status
from .processes import Managed, descendants

ENVIRONMENT = {"ALLOWED_HOSTS": "127.0.0.1", "FHIR_PER_MINUTE": "10000000"}
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Streamed:
    """Seconds to the first byte of the body and to its last, and how many bytes came."""

    first: float
    last: float
    size: int


@dataclass
class Web:
    """A running server; every request carries the token."""

    port: int
    process: int
    token: str = ""

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port)

    def ask(self, over: http.client.HTTPConnection, path: str, **headers: str) -> http.client.HTTPResponse:
        """Return the answer, read to its end. Raises: AssertionError unless it is what was asked for."""
        over.request("GET", path, headers={"Authorization": f"Bearer {self.token}", **headers})
        answer = over.getresponse()
        body = answer.read()
        assert answer.status in (200, 304), f"{path}: {answer.status} {body[:300]!r}"
        return answer

    def stream(self, path: str) -> Streamed:
        """Read an answer off the socket as it comes, not taking its chunks apart."""
        head = (
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self.token}\r\nConnection: close\r\n\r\n"
        )
        buffer, began = bytearray(1 << 20), time.perf_counter()
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(head.encode())
            started = b""
            while len(started.partition(b"\r\n\r\n")[2]) < 20:  # the length of a chunk, and some of it
                started += connection.recv(65_536)
            assert started.startswith(b"HTTP/1.1 200"), started[:300]
            first, size = time.perf_counter() - began, len(started)
            while count := connection.recv_into(buffer):
                size += count
        return Streamed(first, time.perf_counter() - began, size)

    def growth(self, path: str) -> float:
        """Return by how many MB the largest process of the server grows while it answers."""
        workers = [pid for pid in descendants(self.process) if pid != self.process]
        idle = {pid: status("VmRSS", str(pid)) for pid in workers}
        for pid in workers:
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the peak
        self.stream(path)
        return max(status("VmHWM", str(pid)) - idle[pid] for pid in workers) / 1024


@contextmanager
def web_server(token: str) -> Iterator[Web]:
    """Run `manage.py run` until it answers."""
    port = random.randrange(20_000, 30_000)
    with Managed("run", "--bind", f"127.0.0.1:{port}", env=ENVIRONMENT) as running:
        web, ends = Web(port, running.child.pid, token), time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                web.ask(web.connect(), "/healthz")
                break
            except OSError:
                assert time.monotonic() < ends, "the web server does not answer"
                time.sleep(0.2)
        yield web
