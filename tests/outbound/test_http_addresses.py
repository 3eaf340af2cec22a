"""Where the door connects: addresses, rebinding names, TLS names, raw connections."""

import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from apps.outbound.failures import RefusedAddress, SourceError
from apps.outbound.http import resolve

from .servers import HOST, DoorTo, Serve, Server, answer, url


@pytest.mark.parametrize(
    "target",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://10.0.0.1/",
        "https://0.0.0.0/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
    ],
)
def test_address_in_a_url_that_is_not_public_is_refused(door_to: DoorTo, target: str) -> None:
    with pytest.raises(RefusedAddress, match="public"):
        door_to().request("GET", target)


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["::1"],
        ["8.8.8.8", "192.168.0.1"],
        ["2606:4700::1111", "::ffff:10.0.0.1"],
    ],
)
def test_name_with_any_address_that_is_not_public_is_refused(door_to: DoorTo, found: list[str]) -> None:
    door = door_to(resolver=lambda name, port: found)
    with pytest.raises(RefusedAddress, match=r"payer\.example"):
        door.request("GET", "https://payer.example/")
    with pytest.raises(RefusedAddress):
        door.connect("payer.example", 22)


def test_system_resolver_is_checked_like_any_other(door_to: DoorTo) -> None:
    assert HOST in resolve("localhost", 443)
    with pytest.raises(RefusedAddress):
        door_to().request("GET", "https://localhost/")


def test_plain_http_is_refused_to_hosts_that_are_not_listed(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer())
    with pytest.raises(RefusedAddress, match="https"):
        door_to().request("GET", url(server))
    with pytest.raises(RefusedAddress, match="https"):
        door_to(server.port).request("GET", "http://payer.example/")
    assert server.seen == []


def test_only_the_listed_port_and_spelling_is_allowed(serve: Serve, door_to: DoorTo) -> None:
    listed, other = serve(answer()), serve(answer())
    door = door_to(listed.port)
    assert door.request("GET", url(listed)).status == 200
    for target in (
        url(other),
        url(other).replace("http", "https"),
        f"http://localhost:{listed.port}/",
        f"https://localhost:{listed.port}/",
    ):
        with pytest.raises(RefusedAddress):
            door.request("GET", target)
    assert other.seen == []


class Rebinding:
    """A resolver that answers a public address first and loopback ever after."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, name: str, port: int) -> list[str]:
        self.asked += 1
        return ["93.184.215.14"] if self.asked == 1 else [HOST]


def test_rebinding_name_is_connected_at_the_address_that_was_checked(
    serve: Serve, door_to: DoorTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = serve(answer())
    resolver, dialled = Rebinding(), list[Any]()

    def record(address: Any, timeout: float) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError

    # The public address cannot be reached from a test: what would be dialled is recorded instead.
    monkeypatch.setattr(socket, "create_connection", record)
    door = door_to(resolver=resolver)
    with pytest.raises(SourceError):
        door.request("GET", f"https://payer.example:{victim.port}/")
    assert (dialled, resolver.asked) == ([("93.184.215.14", victim.port)], 1)
    with pytest.raises(RefusedAddress):
        door.request("GET", f"https://payer.example:{victim.port}/")
    assert (len(dialled), resolver.asked, victim.seen) == (1, 2, [])


def test_next_address_is_tried_when_one_does_not_answer(serve: Serve, door_to: DoorTo) -> None:
    server = serve(answer())
    door = door_to(server.port, host="payer.example", resolver=lambda name, port: ["::1", HOST])
    assert door.request("GET", f"http://payer.example:{server.port}/").status == 200


# -- TLS ---------------------------------------------------------------------------------------


def tls_server(serve: Serve, certificate: Path, names: list[str | None]) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    return serve(answer(), context)


def test_tls_and_host_header_keep_the_name_of_the_url(serve: Serve, door_to: DoorTo, certificate: Path) -> None:
    names: list[str | None] = []
    server = tls_server(serve, certificate, names)
    door = door_to(
        server.port,
        host="payer.example",
        resolver=lambda name, port: [HOST],
        ssl_context=ssl.create_default_context(cafile=str(certificate)),
    )
    assert door.request("GET", f"https://payer.example:{server.port}/").status == 200
    assert names == ["payer.example"]
    assert server.seen[0][2]["host"] == f"payer.example:{server.port}"


def test_certificate_of_another_name_is_refused(serve: Serve, door_to: DoorTo, certificate: Path) -> None:
    server = tls_server(serve, certificate, [])
    door = door_to(
        server.port,
        host="other.example",
        resolver=lambda name, port: [HOST],
        ssl_context=ssl.create_default_context(cafile=str(certificate)),
    )
    with pytest.raises(SourceError) as caught:
        door.request("GET", f"https://other.example:{server.port}/")
    assert (caught.value.code, server.seen) == ("tls", [])


def test_certificate_of_an_unknown_authority_is_refused(serve: Serve, door_to: DoorTo, certificate: Path) -> None:
    server = tls_server(serve, certificate, [])
    door = door_to(server.port, host="payer.example", resolver=lambda name, port: [HOST])
    with pytest.raises(SourceError) as caught:
        door.request("GET", f"https://payer.example:{server.port}/")
    assert (caught.value.code, server.seen) == ("tls", [])


def test_server_that_never_shakes_hands_ends_by_the_connect_limit(door_to: DoorTo) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(SourceError) as caught:
            door_to(port, connect_seconds=0.05).request("GET", f"https://{HOST}:{port}/")
    assert caught.value.code == "timeout"


# -- Raw connections ---------------------------------------------------------------------------


def test_connect_gives_a_socket_to_a_listed_host(door_to: DoorTo) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
        with door_to(port, connect_seconds=3).connect(HOST, port) as connected:
            assert connected.getpeername() == (HOST, port)
            assert 0 < (connected.gettimeout() or 0) <= 3


@pytest.mark.parametrize(
    ("host", "port"),
    [
        (HOST, 22),
        ("::1", 22),
        ("2130706433", 22),
        ("user@sftp.example", 22),
        ("sftp.example", 0),
        ("sftp.example", 65536),
        ("::ffff:8.8.8.8", 22),
        ("fe80::1%1", 22),
        ("sftp.example/", 22),
        ("", 22),
    ],
)
def test_connect_refuses_what_request_refuses(door_to: DoorTo, host: str, port: int) -> None:
    with pytest.raises(RefusedAddress):
        door_to(resolver=lambda name, port: ["8.8.8.8"]).connect(host, port)


def test_connect_to_a_closed_port_is_an_os_error(door_to: DoorTo) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OSError, match="refused"):
        door_to(port).connect(HOST, port)
