"""A tiny FHIR source in a process of its own: one patient, pages made once, whoever asks.

Owns its sockets; refuses to check tokens. One resource in twenty says the minute, so that a refresh in another
minute finds a little changed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from .shapes import synthetic_patient

SOURCE_PATIENT = "p-1"
ROOT = Path(__file__).resolve().parents[2]
BY_ID = ("Organization", "Practitioner")
MINUTE = b"a measured minute"


class SourceServer(ThreadingHTTPServer):
    """The patient's resources by type, and what is asked of them."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, resources: int) -> None:
        super().__init__(("127.0.0.1", 0), SourceRequest)
        self.base = f"http://127.0.0.1:{self.server_address[1]}/fhir"
        self.by_type: dict[str, dict[str, bytes]] = {}
        scale = resources / 10_000
        for number, raw in enumerate(synthetic_patient(SOURCE_PATIENT, base=self.base, scale=scale)):
            told = msgspec.json.decode(raw)
            line = raw.replace(b"A measured thing", MINUTE) if number % 20 == 0 else raw
            self.by_type.setdefault(told["resourceType"], {})[told["id"]] = line

    def capability(self) -> bytes:
        searched = [{"name": "patient", "type": "reference"}]
        resources = [
            {"type": kind, "searchParam": [] if kind in BY_ID else searched} for kind in self.by_type
        ]  # fmt: skip
        return msgspec.json.encode(
            {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": resources}]}
        )

    def page(self, kind: str, query: dict[str, list[str]]) -> bytes:
        have = self.by_type.get(kind, {})
        wanted = query["_id"][0].split(",") if "_id" in query else list(have)
        found = [have[each] for each in wanted if each in have]
        start, size = int(query.get("start", ["0"])[0]), int(query["_count"][0])
        links = [{"relation": "self", "url": self.base}]
        if start + size < len(found):
            url = f"{self.base}/{kind}?patient={SOURCE_PATIENT}&_count={size}&start={start + size}"
            links.append({"relation": "next", "url": url})
        entries = [{"resource": msgspec.Raw(line)} for line in found[start : start + size]]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(found), "link": links, "entry": entries}
        return msgspec.json.encode(bundle)


class SourceRequest(BaseHTTPRequestHandler):
    """One request: metadata, the Patient, or a page."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        server = cast(SourceServer, self.server)
        parts = urlsplit(self.path)
        kind, _, named = parts.path.removeprefix("/fhir/").partition("/")
        if kind == "metadata":
            body = server.capability()
        elif named:
            body = server.by_type[kind][named]
        else:
            body = server.page(kind, parse_qs(parts.query))
        body = body.replace(MINUTE, b"minute %d" % (time.time() // 60))
        self.send_response_only(200)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class Source:
    """The server in a process of its own."""

    def __init__(self, resources: int) -> None:
        command = [sys.executable, "-m", __name__, str(resources)]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._child.stdout is not None
        self.url = self._child.stdout.readline().strip()

    @property
    def host_port(self) -> str:
        return urlsplit(self.url).netloc

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
    with SourceServer(int(sys.argv[1])) as listening:
        print(listening.base, flush=True)
        listening.serve_forever()
