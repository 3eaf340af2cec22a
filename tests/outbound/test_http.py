"""The door against real servers: what is sent, what comes back, and what does not."""

import gzip
import os
import socket
import threading
import zlib
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from apps.outbound.failures import SourceError

from .servers import HOST, DoorTo, Serve, Server, answer, url


def test_request_sends_what_it_was_given_and_returns_the_whole_answer(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer(404, b'{"a":1}', Content_Type="application/fhir+json", X_One="1"))
    found = door_to(server.port).request(
        "GET", url(server, "/fhir/Patient?_count=2#part"), headers={"Authorization": "Bearer t"}
    )
    assert (found.status, found.body) == (404, b'{"a":1}')
    assert found.headers["content-type"] == "application/fhir+json"
    ((method, target, headers, body, _),) = server.seen
    assert (method, target, body) == ("GET", "/fhir/Patient?_count=2", b"")
    assert headers["host"] == f"{HOST}:{server.port}"
    assert (headers["authorization"], headers["user-agent"]) == ("Bearer t", "Record-Relay/1")


def test_form_is_sent_encoded(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer())
    door_to(server.port).request("POST", url(server), data={"code": "a b&c", "name": "é"})
    _, _, headers, body, _ = server.seen[0]
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    assert body == b"code=a+b%26c&name=%C3%A9"


def test_post_without_a_body_says_that_it_has_none(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer())
    door_to(server.port).request("POST", url(server))
    assert server.seen[0][2]["content-length"] == "0"


def test_caller_cannot_change_the_host_header(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer())
    door_to(server.port).request("GET", url(server), headers={"Host": "evil.example"})
    assert server.seen[0][2]["host"] == f"{HOST}:{server.port}"


def test_repeated_headers_are_joined(serve: Serve, door_to: DoorTo) -> None:
    def twice(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Link", "a")
        request.send_header("link", "b")
        request.send_header("Content-Length", "0")
        request.end_headers()

    server = serve(twice)
    assert door_to(server.port).request("GET", url(server)).headers["link"] == "a, b"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_handed_back_and_not_followed(serve: Serve, door_to: DoorTo, status: int) -> None:
    there = serve(answer(body=b"moved here"))
    here = serve(answer(status, b"", Location=url(there)))
    found = door_to(here.port, there.port).request("GET", url(here))
    assert (found.status, found.headers["location"]) == (status, url(there))
    assert there.seen == []


def test_connection_is_used_again(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer())
    door = door_to(server.port)
    for _ in range(3):
        door.request("GET", url(server))
    assert len({client_port for *_, client_port in server.seen}) == 1


def test_forked_child_opens_connections_of_its_own(
    serve: Serve, door_to: DoorTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(answer())
    door = door_to(server.port)
    door.request("GET", url(server))
    parents = door._pool
    monkeypatch.setattr(os, "getpid", lambda: -1)
    door.request("GET", url(server))
    parents.close()
    assert len({client_port for *_, client_port in server.seen}) == 2


def test_logged_response_shows_no_body_header_or_url(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer(body=b"Jane Doe", X_Token="t0ken"))
    shown = repr(door_to(server.port).request("GET", url(server, "/Patient/17")))
    assert shown == "Response(status=200)"


def test_proxy_of_the_environment_is_not_used(serve: Serve, door_to: DoorTo, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = serve(answer(body=b"proxy")), serve(answer(body=b"server"))
    monkeypatch.setenv("http_proxy", url(proxy))
    monkeypatch.setenv("ALL_PROXY", url(proxy))
    assert door_to(server.port).request("GET", url(server)).body == b"server"


# -- Size and encoding -------------------------------------------------------------------------


def test_answer_of_exactly_the_cap_is_taken(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer(body=b"x" * 1000))
    assert len(door_to(server.port).request("GET", url(server), max_bytes=1000).body) == 1000


def test_answer_above_the_cap_is_cut_while_it_streams(serve: Serve, door_to: DoorTo) -> None:
    sent_all = threading.Event()

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for _ in range(10_000):
            request.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        sent_all.set()

    server = serve(endless)
    with pytest.raises(SourceError, match="longer than") as caught:
        door_to(server.port).request("GET", url(server), max_bytes=100_000)
    assert (caught.value.code, caught.value.permanent) == ("too-large", True)
    assert not sent_all.is_set()


def test_gzip_answer_is_unpacked(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer(body=gzip.compress(b"record" * 1000, mtime=0), Content_Encoding="gzip"))
    assert door_to(server.port).request("GET", url(server)).body == b"record" * 1000


@pytest.mark.parametrize("above", [0, 1])
def test_gzip_answer_is_measured_unpacked(serve: Serve, door_to: DoorTo, above: int) -> None:
    server = serve(answer(body=gzip.compress(b"x" * (1_000_000 + above), mtime=0), Content_Encoding="gzip"))
    if above:
        with pytest.raises(SourceError, match="longer than"):
            door_to(server.port).request("GET", url(server), max_bytes=1_000_000)
    else:
        assert len(door_to(server.port).request("GET", url(server), max_bytes=1_000_000).body) == 1_000_000


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"not gzip", "gzip"),
        (gzip.compress(b"record" * 1000, mtime=0)[:-9], "gzip"),
        (gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0), "gzip"),
        (zlib.compress(b"record"), "deflate"),
        (b"record", "br"),
    ],
)
def test_answer_that_cannot_be_unpacked_whole_is_refused(
    serve: Serve, door_to: DoorTo, body: bytes, encoding: str
) -> None:
    server = serve(answer(body=body, Content_Encoding=encoding))
    with pytest.raises(SourceError) as caught:
        door_to(server.port).request("GET", url(server))
    assert caught.value.code == "bad-encoding"


def test_empty_answer_that_names_gzip_is_taken(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer(304, b"", Content_Encoding="gzip"))
    assert door_to(server.port).request("GET", url(server)).body == b""


def test_answer_that_breaks_off_is_an_error(serve: Serve, door_to: DoorTo) -> None:
    def half(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "100")
        request.end_headers()
        request.wfile.write(b"half")
        request.close_connection = True

    server = serve(half)
    with pytest.raises(SourceError) as caught:
        door_to(server.port).request("GET", url(server))
    assert (caught.value.code, caught.value.permanent) == ("protocol", False)


# -- Slow, silent and absent servers -----------------------------------------------------------


def test_silent_server_ends_by_the_read_limit(serve: Serve, door_to: DoorTo) -> None:
    def wait(_: BaseHTTPRequestHandler) -> None:
        server.stopping.wait(20)

    server: Server = serve(wait)
    with pytest.raises(SourceError) as caught:
        door_to(server.port, read_seconds=0.05).request("GET", url(server))
    assert (caught.value.code, caught.value.permanent, caught.value.status) == ("timeout", False, None)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_server_that_drips_ends_by_the_deadline(serve: Serve, door_to: DoorTo, start: bytes) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(start or b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not server.stopping.wait(0.01):
            request.wfile.write(b"x")

    server: Server = serve(drip)
    with pytest.raises(SourceError) as caught:
        door_to(server.port, read_seconds=20, total_seconds=0.2).request("GET", url(server))
    assert caught.value.code == "timeout"


def test_closed_port_is_a_passing_error(door_to: DoorTo) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(SourceError) as caught:
        door_to(port).request("GET", f"http://{HOST}:{port}/")
    assert (caught.value.code, caught.value.permanent) == ("connection", False)


@pytest.mark.parametrize("found", [socket.gaierror("no such name"), []])
def test_name_without_an_address_is_a_passing_error(door_to: DoorTo, found: Any) -> None:
    def resolver(name: str, port: int) -> Sequence[str]:
        if isinstance(found, OSError):
            raise found
        return list(found)

    with pytest.raises(SourceError) as caught:
        door_to(resolver=resolver).request("GET", "https://payer.example/")
    assert (caught.value.code, caught.value.permanent) == ("dns", False)


def test_bad_headers_are_refused_without_showing_them(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer())
    for value, code in (("Bearer s3cret\r\nX: y", "bad-request"), ("Bearer s3crét", "bad-header")):
        with pytest.raises(SourceError) as caught:
            door_to(server.port).request("GET", url(server), headers={"Authorization": value})
        assert caught.value.code == code
        assert caught.value.__suppress_context__
        assert "s3cr" not in repr(caught.value)
    assert server.seen == []
