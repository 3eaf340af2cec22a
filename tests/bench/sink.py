"""An S3 server that throws every object away: reads, counts, answers, each answer after a delay if asked.

Owns the sockets of the delivery figures; refuses to store or to check anything. It also hands out a session of
STS. `delay` is a network's round trip: it comes before every answer, "100 Continue" included. `hangs`: what is put to
a path with that text in it is never answered.
"""

from __future__ import annotations

import socketserver
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self, cast

ROOT = Path(__file__).resolve().parents[2]
SESSION = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIASINK</AccessKeyId><SecretAccessKey>sink</SecretAccessKey><SessionToken>sink</SessionToken>
<Expiration>{expires}</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::222222222222:assumed-role/sink/s</Arn>
<AssumedRoleId>AROASINK:s</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>"""


class SinkServer(socketserver.ThreadingTCPServer):
    """The socket; one thread per connection."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, delay: float, hangs: bytes) -> None:
        self.delay = delay
        self.hangs = hangs
        self.puts = 0
        self.keys: set[bytes] = set()
        super().__init__(("127.0.0.1", 0), SinkConnection, bind_and_activate=True)


class SinkConnection(socketserver.StreamRequestHandler):
    """Requests of one connection, one after the other."""

    disable_nagle_algorithm = True
    wbufsize = 0

    def handle(self) -> None:
        server = cast(SinkServer, self.server)
        while line := self.rfile.readline():
            method, target, _ = line.split(b" ", 2)
            length, waits = self._read_headers()
            if waits:
                time.sleep(server.delay)
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            while length > 0:
                length -= len(self.rfile.read(min(length, 2**20)))
            time.sleep(3600 if server.hangs and server.hangs in target else server.delay)
            self.wfile.write(self._answer(server, method, target))

    def _read_headers(self) -> tuple[int, bool]:
        length, waits = 0, False
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            elif name.lower() == b"expect":
                waits = True
        return length, waits

    def _answer(self, server: SinkServer, method: bytes, target: bytes) -> bytes:
        body = b""
        if method == b"PUT":
            server.puts += 1
            server.keys.add(target)
        elif method == b"POST":
            expires = datetime.now(UTC) + timedelta(hours=1)
            body = SESSION.format(expires=expires.strftime("%Y-%m-%dT%H:%M:%SZ")).encode()
        else:
            body = b"%d %d" % (server.puts, len(server.keys))
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nx-amz-request-id: SINK\r\nETag: \"sink\"\r\n"
            b"x-amz-server-side-encryption: AES256\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        )  # fmt: skip


class Sink:
    """The server in a process of its own, so that it takes no time of the one that is measured."""

    def __init__(self, delay: float = 0.0, *, hangs: str = "") -> None:
        command = [sys.executable, "-m", __name__, str(delay), hangs]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._child.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._child.stdout.readline())}"

    def counts(self) -> tuple[int, int]:
        """Return (objects written, distinct keys among them)."""
        with urllib.request.urlopen(self.url) as answer:
            puts, keys = answer.read().split()
        return int(puts), int(keys)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.terminate()
        self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()


if __name__ == "__main__":
    with SinkServer(float(sys.argv[1]), sys.argv[2].encode()) as listening:
        print(listening.server_address[1], flush=True)
        listening.serve_forever()
