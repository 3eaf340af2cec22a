"""Sockets with an end: every wait is bounded by its own limit and by the whole request's deadline.

Owns the network backend that the HTTP pool connects through; refuses to resolve a name itself (`Door` dials).
A source that sends a byte now and then keeps every single wait short, so only the deadline stops it.
"""

import selectors
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore

# (host, port, seconds) -> a connected socket. Raises: OSError, RefusedAddress.
Dial = Callable[[str, int, float], socket.socket]

_UNSET_SECONDS = 60.0


class UnresolvedName(httpcore.ConnectError):
    """The name has no address."""


class UntrustedTls(httpcore.ConnectError):
    """The handshake failed: no common version, or a certificate that is not the host's."""


_ends_at: ContextVar[float] = ContextVar("ends_at", default=float("inf"))


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Bound everything inside, on this thread, to that many seconds of the monotonic clock."""
    token = _ends_at.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ends_at.reset(token)


def time_left(seconds: float) -> float:
    """Return the shorter of that limit and what the deadline leaves. Raises: TimeoutError at its end."""
    left = min(seconds, _ends_at.get() - time.monotonic())
    if left <= 0:
        raise TimeoutError
    return left


class DialledBackend(httpcore.NetworkBackend):
    """Lets httpcore connect through one function alone."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
            return BoundStream(self._dial(host, port, timeout or _UNSET_SECONDS))


class BoundStream(httpcore.NetworkStream):
    """A connected socket as httpcore wants it, plain or TLS."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        with _translated(httpcore.ReadTimeout, httpcore.ReadError):
            self._socket.settimeout(time_left(timeout or _UNSET_SECONDS))
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        with _translated(httpcore.WriteTimeout, httpcore.WriteError):
            self._socket.settimeout(time_left(timeout or _UNSET_SECONDS))
            self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            with _translated(httpcore.ConnectTimeout, httpcore.ConnectError):
                self._socket.settimeout(time_left(timeout or _UNSET_SECONDS))
                return BoundStream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname))
        except BaseException:
            self.close()
            raise

    def get_extra_info(self, info: str) -> Any:
        # All that an HTTP/1.1 pool asks: an idle connection with something to read was closed by its server.
        return self._is_readable() if info == "is_readable" else None

    def _is_readable(self) -> bool:
        if self._socket.fileno() < 0:
            return True
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            return bool(selector.select(timeout=0))


@contextmanager
def _translated(timeout: type[Exception], other: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise timeout from None
    except socket.gaierror:
        raise UnresolvedName from None
    except ssl.SSLError:
        # After the handshake it is a broken connection like any other.
        raise (UntrustedTls if other is httpcore.ConnectError else other) from None
    except OSError:
        raise other from None
