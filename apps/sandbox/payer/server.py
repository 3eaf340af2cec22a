"""Runs the payer: threaded, on a port of its own choice if asked. Owns sockets and threads, nothing else."""

from __future__ import annotations

import dataclasses
import logging
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from apps.sandbox.payer.application import Application
from apps.sandbox.payer.state import Options, State

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_log = logging.getLogger(__name__)


class QuietHandler(WSGIRequestHandler):
    """Logs nothing: request lines hold state and page marks; the application keeps a log of its own."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 - werkzeug's name
        _log.debug("%s", type)

    def connection_dropped(self, error: BaseException, environ: WSGIEnvironment | None = None) -> None:
        """Read no further request from a connection that has ended, by the client or by a planned fault."""
        self.close_connection = True


def bind(options: Options, *, host: str, port: int) -> BaseWSGIServer:
    """Open the port and put the application behind it; an empty `base_url` becomes the address bound."""
    server = make_server(host, port, _not_ready, threaded=True, request_handler=QuietHandler)
    if not options.base_url:
        shown = f"[{host}]" if ":" in host else host
        options = dataclasses.replace(options, base_url=f"http://{shown}:{server.port}")
    server.app = Application(options)
    return server


class LocalPayer:
    """A payer in this process for as long as a `with` lasts; `url` is its base, `state` its insides."""

    def __init__(self, options: Options | None = None) -> None:
        self._server = bind(options or Options(base_url=""), host="127.0.0.1", port=0)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return self.state.options.base_url

    @property
    def application(self) -> Application:
        application = self._server.app
        assert isinstance(application, Application)
        return application

    @property
    def state(self) -> State:
        return self.application.state

    def __enter__(self) -> LocalPayer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.state.pauses.end_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _not_ready(environ: object, start_response: object) -> list[bytes]:
    raise RuntimeError("The application is not in place yet.")
