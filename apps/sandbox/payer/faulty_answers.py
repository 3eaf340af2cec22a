"""What planned faults make of an answer as a whole: status, headers, body, and how it goes over the wire.

Owns the waiting of slow answers, which `Pauses.end_all` ends at once. Source: RFC 9110 (Retry-After, Content-Encoding).
"""

from __future__ import annotations

import gzip
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from apps.sandbox.payer import responses
from apps.sandbox.payer.faults import Strike
from apps.sandbox.payer.outcomes import Refusal, operation_outcome

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PIECES = 20
_CODES = {403: "forbidden", 404: "not-found", 429: "throttled", 503: "transient"}
_WORDS = "This failure was planned by a test."
_LINGER_NOT = struct.pack("ii", 1, 0)


class Pauses:
    """What the waits of slow answers end at: an event for all answers that are under way together."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def end_all(self) -> None:
        """Let every answer that is under way go on to its end at once."""
        ended, self.ended = self.ended, threading.Event()
        ended.set()


class SlowResponse(Response):
    """An answer that is late, comes in pieces, or never comes: the connection is reset instead."""

    strike: Strike
    ended: threading.Event

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if delay := self.strike.value("delay_seconds"):
            self.ended.wait(delay)
        if self.strike.value("reset"):
            _reset_connection(environ)
        body = super().__call__(environ, start_response)
        if drip := self.strike.value("drip_seconds"):
            return self._drip(b"".join(body), drip)
        return body

    def _drip(self, body: bytes, seconds: float) -> Iterator[bytes]:
        size = max(1, len(body) // _PIECES)
        for start in range(0, len(body), size):
            if start:
                self.ended.wait(seconds / _PIECES)
            yield body[start : start + size]


def answer(request: Request, strike: Strike, pauses: Pauses, make: Callable[[], Response]) -> Response:
    """Give the answer as its faults make it; `make` is not called where another stands in its place."""
    response = _other_answer(strike) or make()
    if not strike.faults:
        return response
    if content_type := strike.value("content_type"):
        response.headers["Content-Type"] = content_type
    body = response.get_data()
    if strike.value("truncate"):
        body = body[: len(body) // 2]
    if strike.value("gzip") and request.accept_encodings["gzip"]:
        body = gzip.compress(body, mtime=0)
        response.headers["Content-Encoding"] = "gzip"
    length = len(body)
    if strike.value("cut"):
        body = body[: length // 2]
    slow = SlowResponse(body, status=response.status, headers=response.headers)
    slow.headers["Content-Length"] = str(length)
    slow.strike, slow.ended = strike, pauses.ended
    return slow


def _other_answer(strike: Strike) -> Response | None:
    if status := strike.value("status"):
        code = _CODES.get(status, "exception" if status >= 500 else "processing")
        response = responses.refusal(Refusal(_WORDS, status=status, code=code))
        if (seconds := strike.value("retry_after")) is not None:
            response.headers["Retry-After"] = str(seconds)
        if (seconds := strike.value("retry_after_date")) is not None:
            response.headers["Retry-After"] = formatdate(time.time() + seconds, usegmt=True)
        return response
    if strike.value("outcome"):
        return responses.fhir(operation_outcome(_WORDS, code="exception"))
    if error := strike.value("error"):
        return responses.json_document({"error": error, "error_description": _WORDS}, status=400)
    if (body := strike.value("body")) is not None:
        return responses.fhir(body.encode())
    return None


def _reset_connection(environ: WSGIEnvironment) -> None:
    """End the connection with a TCP reset, which the server takes for the client's own.

    Raises: ConnectionResetError always.
    """
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    os.close(connection.detach())
    raise ConnectionResetError("A planned fault.")
