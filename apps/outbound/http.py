"""The one door: every HTTP request and every raw connection to an address that somebody told us.

Owns resolving, checking and connecting: a name is resolved once, every address of the answer is checked, and
the connection goes to a checked address, so a name that changes its answer gains nothing. TLS and the Host
header keep the URL's name. Refuses redirects (the answer is handed back), the environment's proxies, cookies,
private addresses and http:// unless listed, and answers that are too long, too slow or oddly encoded.
Source: RFC 9110; RFC 9112; design D8 and rulings B23.
"""

import os
import socket
import ssl
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpcore
import httpx

from apps.outbound.addresses import Location, check_host, check_port, is_address, is_public, parse_url
from apps.outbound.failures import RefusedAddress, SourceError
from apps.outbound.sockets import DialledBackend, UnresolvedName, UntrustedTls, deadline, time_left

HostPort = tuple[str, int]
# (name, port) -> its addresses. Raises: OSError.
Resolver = Callable[[str, int], Sequence[str]]

_POOL_SIZE = 10
_IDLE_SECONDS = 15.0
_GZIP = 31  # zlib's wbits for a gzip stream


@dataclass(frozen=True, slots=True)
class Response:
    """An answer in full; `headers` has lower-case keys. Only its status shows in a log."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = field(repr=False)


def resolve(name: str, port: int) -> list[str]:
    """Ask the system for the addresses of a name, in its order of preference. Raises: OSError."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Door:
    """Requests and connections under one policy, with a pool of connections of its own.

    `total_seconds` ends a request however lively the other side is; only the system's resolver is outside it.
    """

    def __init__(
        self,
        *,
        allowed: frozenset[HostPort] = frozenset(),
        connect_seconds: float = 5.0,
        read_seconds: float = 30.0,
        total_seconds: float = 120.0,
        user_agent: str = "Record-Relay/1",
        resolver: Resolver = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = frozenset((check_host(host), check_port(port)) for host, port in allowed)
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._timeouts = {
            "connect": connect_seconds,
            "pool": connect_seconds,
            "read": read_seconds,
            "write": read_seconds,
        }
        self._user_agent = user_agent
        self._resolver = resolver
        self._ssl_context = ssl_context or httpx.create_ssl_context()
        self._open_pool()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        data: Mapping[str, str] | None = None,
        content: bytes | None = None,
        max_bytes: int = 64 * 2**20,
    ) -> Response:
        """Make one request and read its answer, whatever the status; `data` is sent as a form.

        Raises: RefusedAddress before anything is sent; SourceError when no whole answer came.
        """
        location = parse_url(url)
        if location.scheme == "http" and (location.host, location.port) not in self._allowed:
            raise RefusedAddress("Only https URLs are reached.")
        lines = {"accept": "*/*", "user-agent": self._user_agent}
        if data is not None:
            content = urlencode(data).encode("ascii")
            lines["content-type"] = "application/x-www-form-urlencoded"
        elif content is None and method != "GET":
            content = b""
        lines |= {name.lower(): value for name, value in headers.items()}
        lines |= {"host": location.host_header, "accept-encoding": "gzip"}
        try:
            with deadline(self._total_seconds):
                return self._exchange(method, url, location, lines, content, max_bytes)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise _explained(error) from None
        except UnicodeEncodeError:
            raise _fault("A header is not ASCII text.", "bad-header", permanent=True) from None

    def connect(self, host: str, port: int) -> socket.socket:
        """Open a connection under the same policy, for protocols other than HTTP.

        Raises: RefusedAddress; OSError when the other side cannot be reached.
        """
        with deadline(self._total_seconds):
            return self._dial(check_host(host), check_port(port), self._connect_seconds)

    def close(self) -> None:
        """Close the pooled connections; the door can be used again."""
        self._pool.close()

    def _exchange(
        self,
        method: str,
        url: str,
        location: Location,
        headers: Mapping[str, str],
        content: bytes | None,
        max_bytes: int,
    ) -> Response:
        if self._owner != os.getpid():
            # A forked child must not speak on its parent's connections.
            self._open_pool()
        target = httpcore.URL(scheme=location.scheme, host=location.host, port=location.port, target=location.target)
        lines = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        with self._pool.stream(
            method, target, headers=lines, content=content, extensions={"timeout": self._timeouts}
        ) as answer:
            told = _joined(answer.headers)
            return Response(answer.status, told, _body(answer, told, max_bytes), url)

    def _open_pool(self) -> None:
        self._owner = os.getpid()
        self._pool = httpcore.ConnectionPool(
            ssl_context=self._ssl_context,
            max_connections=_POOL_SIZE,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=DialledBackend(self._dial),
        )

    def _dial(self, host: str, port: int, seconds: float) -> socket.socket:
        failure: OSError = socket.gaierror("The name has no address.")
        for address in self._checked_addresses(host, port):
            try:
                connected = socket.create_connection((address, port), timeout=time_left(seconds))
            except OSError as error:
                failure = error
                continue
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
        raise failure

    def _checked_addresses(self, host: str, port: int) -> Sequence[str]:
        found = [host] if is_address(host) else self._resolver(host, port)
        if (host, port) not in self._allowed and not all(is_public(address) for address in found):
            raise RefusedAddress(f"{host} does not lead to a public address.")
        return found


def _joined(lines: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in lines:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _body(answer: httpcore.Response, headers: Mapping[str, str], max_bytes: int) -> bytes:
    """Read to the end; both what is sent and what it unpacks to must keep to the cap. Raises: SourceError."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise _fault("The answer has an encoding that was not asked for.", "bad-encoding", permanent=True)
    inflate = None if encoding == "identity" else zlib.decompressobj(wbits=_GZIP)
    body = bytearray()
    packed_bytes = 0
    for chunk in answer.iter_stream():
        packed_bytes += len(chunk)
        try:
            # One byte above the cap is enough to see that it is passed.
            body += chunk if inflate is None else inflate.decompress(chunk, max_bytes - len(body) + 1)
        except zlib.error:
            raise _fault("The answer cannot be unpacked.", "bad-encoding", permanent=False) from None
        if max(len(body), packed_bytes) > max_bytes:
            raise _fault(f"The answer is longer than {max_bytes} bytes.", "too-large", permanent=True)
    if inflate is not None and packed_bytes and (not inflate.eof or inflate.unused_data):
        raise _fault("The answer cannot be unpacked.", "bad-encoding", permanent=False)
    return bytes(body)


def _explained(error: Exception) -> SourceError:
    """Say what happened without repeating a header, a URL or the library's text."""
    if isinstance(error, httpcore.TimeoutException):
        return _fault("The other side did not answer in time.", "timeout", permanent=False)
    if isinstance(error, httpcore.LocalProtocolError):
        return _fault("The request cannot be sent as it is.", "bad-request", permanent=True)
    if isinstance(error, httpcore.RemoteProtocolError):
        return _fault("The other side broke off or does not speak HTTP.", "protocol", permanent=False)
    if isinstance(error, UnresolvedName):
        return _fault("The host's name cannot be resolved.", "dns", permanent=False)
    if isinstance(error, UntrustedTls):
        return _fault("No trusted TLS connection could be made.", "tls", permanent=False)
    return _fault("The connection failed.", "connection", permanent=False)


def _fault(message: str, code: str, *, permanent: bool) -> SourceError:
    return SourceError(message, code=code, permanent=permanent, status=None, retry_after_seconds=None, outcome=None)
