"""Which URLs, hosts and addresses may be reached at all.

Owns the reading of a URL (once, strictly, so that no second parser can see another host in it) and the table
of addresses that are not the public internet. Refuses user names in URLs, other schemes, text that is not
ASCII, and every numeric spelling of an address but the usual one.
Source: RFC 3986, section 3; RFC 6890 and the IANA special-purpose address registries.
"""

import ipaddress
import re
from dataclasses import dataclass

from apps.outbound.failures import RefusedAddress

DEFAULT_PORTS = {"http": 80, "https": 443}

_URL = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<six>[0-9a-f]*:[0-9a-f:.]*)\]|(?P<name>[a-z0-9._-]+))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r'(?P<path>/[!-"$->@-~]*)?'
    r'(?P<query>\?[!-"$-~]*)?'
    r"(?:#[!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
# Such a last label makes resolvers read the whole name as a number: 2130706433, 0x7f.1, 127.1, 0177.0.0.1.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

_NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Public by its number, yet a cloud's own host agent answers there to machines inside.
        "168.63.129.16/32",
    )
)
# All else of IPv6 is refused: loopback, mapped and translated IPv4, unique-local, link-local, multicast.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(each)
    # Protocol assignments with Teredo, documentation (twice), 6to4, AS112.
    for each in ("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16", "2620:4f:8000::/48")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A URL that was read: where to connect and what to ask there. The fragment is dropped."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_url(url: str) -> Location:
    """Read an absolute http or https URL. Raises: RefusedAddress; its message never repeats the URL."""
    found = _URL.fullmatch(url)
    if found is None:
        raise RefusedAddress("This is not a plain http or https URL.")
    scheme = found["scheme"].lower()
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS[scheme]
    target = (found["path"] or "/") + (found["query"] or "")
    return Location(scheme=scheme, host=check_host(found["six"] or found["name"]), port=check_port(port), target=target)


def check_host(host: str) -> str:
    """Return the host in its one spelling: a lower-case name, or an address as `ipaddress` writes it.

    Raises: RefusedAddress for what is neither.
    """
    lowered = host.lower()
    try:
        if ":" in lowered and "%" not in lowered:
            return str(ipaddress.IPv6Address(lowered))
        return str(ipaddress.IPv4Address(lowered))
    except ValueError:
        last = lowered.rpartition(".")[2]
        if len(lowered) > 253 or not _NAME.fullmatch(lowered) or _NUMERIC.fullmatch(last):
            raise RefusedAddress("The host is neither a DNS name nor a plain address.") from None
        return lowered


def check_port(port: int) -> int:
    """Return the port. Raises: RefusedAddress outside 1 to 65535."""
    if not 1 <= port <= 65535:
        raise RefusedAddress("The port is out of range.")
    return port


def is_address(host: str) -> bool:
    """Tell an address from a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Say whether the address is an ordinary one of the public internet; what cannot be read is not."""
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(read, ipaddress.IPv4Address):
        return not any(read in network for network in _NOT_PUBLIC_V4)
    return read in _GLOBAL_V6 and not any(read in network for network in _NOT_PUBLIC_V6)
