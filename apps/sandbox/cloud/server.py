"""The local AWS as an HTTP server: in a thread for tests, in the foreground for the demo.

Owns the socket and the thread. moto's tables are global to a process: several local AWS in one process see
the same accounts and buckets (the first to start finds none), and a state folder is refused beside another.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from apps.sandbox.cloud.gate import Gate
from apps.sandbox.cloud.messages import RAW_HEADERS
from apps.sandbox.cloud.storehouse import Storehouse

_opening = threading.Lock()
_running: list[LocalCloud] = []


class AlreadyRunningError(Exception):
    """A state folder was asked for while this process has another local AWS."""


class _Handler(WSGIRequestHandler):
    """Hands on header names as they were sent and writes no log lines: the gate keeps its own log."""

    def make_environ(self) -> dict[str, Any]:
        return {**super().make_environ(), RAW_HEADERS: list(self.headers.items())}

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """Close the connection, so that a lost answer is seen at once and not waited for."""
        self.close_connection = True

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - werkzeug's name
        return


class LocalCloud:
    """A running local AWS: `with LocalCloud() as cloud: boto3.client("s3", endpoint_url=cloud.url, …)`.

    `state` is a folder that survives a restart; without it everything is gone at the end.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, state: Path | None = None) -> None:
        self._host, self._port, self._state = host, port, state
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self._gate: Gate | None = None

    @property
    def url(self) -> str:
        if self._server is None:
            raise RuntimeError("the local AWS is not running")
        return f"http://{self._host}:{self._server.server_port}"

    def _open(self) -> BaseWSGIServer:
        """Bind and bring back the state. Raises: AlreadyRunningError."""
        with _opening:
            if _running and self._state is not None:
                raise AlreadyRunningError("a state folder needs a process without another local AWS")
            storehouse = Storehouse()
            if not _running:
                storehouse.empty()
            gate = Gate(storehouse, state=self._state)
            try:
                self._server = make_server(self._host, self._port, gate, threaded=True, request_handler=_Handler)
            except BaseException:
                gate.close()
                raise
            self._gate = gate
            _running.append(self)
        return self._server

    def start(self) -> Self:
        """Serve in a thread; it answers as soon as this returns. Raises: AlreadyRunningError."""
        server = self._open()
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="local-aws", daemon=True)
        self._thread.start()
        return self

    def serve(self) -> None:
        """Serve in the foreground and say where, until SystemExit or KeyboardInterrupt."""
        server = self._open()
        print(f"listening on {self.url}", flush=True)
        try:
            server.serve_forever()
        finally:
            self._close()

    def stop(self) -> None:
        """Stop answering and forget everything that is not in the state folder."""
        if self._server is None:
            return
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
        self._close()

    def _close(self) -> None:
        with _opening:
            if self._server is not None and self._gate is not None:
                self._server.server_close()
                self._gate.close()
                self._server = self._thread = self._gate = None
                _running.remove(self)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
