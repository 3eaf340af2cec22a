"""Which URLs, hosts and addresses are refused; the library's own register is the reference."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.outbound.addresses import check_host, is_public, parse_url
from apps.outbound.failures import RefusedAddress

NOT_PUBLIC = [
    "0.0.0.0",
    "0.255.255.255",
    "10.0.0.0",
    "10.255.255.255",
    "100.64.0.0",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.0.0",
    "169.254.169.254",
    "169.254.255.255",
    "172.16.0.0",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "168.63.129.16",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "4000::1",
    "",
    "localhost",
    "127.1",
    "0x7f000001",
    "8.8.8.8.",
    "08.8.8.8",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "2001:4860:4860::8888",
    "2003::1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_outside_the_public_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_ordinary_address_is_public(address: str) -> None:
    assert is_public(address)


Address = ipaddress.IPv4Address | ipaddress.IPv6Address

special: st.SearchStrategy[Address] = st.one_of(
    st.ip_addresses(v=4),
    st.ip_addresses(v=6),
    # Hypothesis draws these from the special networks too, but mapped and 6to4 forms are ours to make.
    st.ip_addresses(v=4).map(lambda each: ipaddress.IPv6Address(f"::ffff:{each}")),
    st.ip_addresses(v=4).map(lambda each: ipaddress.IPv6Address((0x2002 << 112) | (int(each) << 80) | 1)),
)


@given(special)
def test_nothing_that_python_calls_special_is_public(address: Address) -> None:
    if is_public(str(address)):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.ip_addresses(v=4))
def test_nearly_everything_that_python_calls_global_is_public(address: ipaddress.IPv4Address) -> None:
    ours = (
        "192.0.0.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.175.48.0/24",
        "168.63.129.16/32",
    )
    if address.is_global and not address.is_multicast:
        assert is_public(str(address)) or any(address in ipaddress.IPv4Network(each) for each in ours)


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "target", "host_header"),
    [
        ("https://payer.example", "https", "payer.example", 443, "/", "payer.example"),
        ("HTTPS://Payer.Example:84/a?b=c|d#e", "https", "payer.example", 84, "/a?b=c|d", "payer.example:84"),
        ("https://payer.example:443/fhir/A/1", "https", "payer.example", 443, "/fhir/A/1", "payer.example"),
        ("http://127.0.0.1:80?x=@y", "http", "127.0.0.1", 80, "/?x=@y", "127.0.0.1"),
        ("https://[2606:4700:0::1111]:1/", "https", "2606:4700::1111", 1, "/", "[2606:4700::1111]:1"),
        ("https://a_b.example/p@q:r", "https", "a_b.example", 443, "/p@q:r", "a_b.example"),
        ("https://payer.example/%2e%2e/x", "https", "payer.example", 443, "/%2e%2e/x", "payer.example"),
    ],
)
def test_a_plain_url_is_read(url: str, scheme: str, host: str, port: int, target: str, host_header: str) -> None:
    read = parse_url(url)
    assert (read.scheme, read.host, read.port, read.target) == (scheme, host, port, target)
    assert read.host_header == host_header


@pytest.mark.parametrize(
    "url",
    [
        "",
        "payer.example",
        "//payer.example",
        "/fhir",
        "ftp://payer.example",
        "file:///etc/passwd",
        "gopher://payer.example",
        "javascript:1",
        "https:payer.example",
        "https:/payer.example",
        "https:///fhir",
        "https://",
        "https://:443/",
        "https://user@payer.example",
        "https://user:word@payer.example/",
        "https://payer.example@127.0.0.1/",
        "https://@payer.example",
        "https://payer.example:0",
        "https://payer.example:",
        "https://payer.example:65536",
        "https://payer.example:99999",
        "https://payer.example:4430000",
        "https://payer.example:-1",
        "https://payer.example:+1",
        "https://payer.example:8 0",
        "https://payer.example:४४३",
        "https://payer.example\\@127.0.0.1/",
        "https://payer.example\\.evil.example/",
        "https://payer .example",
        " https://payer.example",
        "https://payer.example\n",
        "https://payer.example/\r\nX: y",
        "https://payer.example/\t",
        "https://payer.example/ a",
        "https://payer.example/é",
        "https://payér.example",
        "https://ⓔxample.com",
        "https://127。0。0。1/",
        "https://１２７.0.0.1/",
        "https://payer\u00ad.example",
        "https://\u017f.example",
        "https://\u212a.example",
        "https://127.0.0.1%00.example",
        "https://%6c%6f%63%61%6c.example",
        "https://payer.example.",
        "https://.example",
        "https://a..example",
        "https://-a.example",
        "https://a-.example",
        f"https://{'a' * 64}.example",
        f"https://{'a.' * 127}example",
        "https://2130706433",
        "https://0x7f000001/",
        "https://0x7f.1",
        "https://127.1",
        "https://0177.0.0.1",
        "https://127.0.0.01",
        "https://1.2.3.4.5",
        "https://256.1.1.1",
        "https://payer.0x",
        "https://[::1",
        "https://::1/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://[v1.a]/",
        "https://[127.0.0.1]",
        "https://[::g]",
        "https://[]",
    ],
)
def test_a_url_with_a_trick_in_it_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(RefusedAddress) as caught:
        parse_url(url)
    assert len(url) < 4 or url not in str(caught.value)


@given(st.text(max_size=30))
def test_a_host_that_is_accepted_is_ascii_and_in_one_spelling(host: str) -> None:
    try:
        checked = check_host(host)
    except RefusedAddress:
        return
    assert checked.isascii()
    assert check_host(checked) == checked


@pytest.mark.parametrize(
    ("host", "spelling"),
    [
        ("LOCALHOST", "localhost"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_a_host_has_one_spelling(host: str, spelling: str) -> None:
    assert check_host(host) == spelling


@pytest.mark.parametrize("host", ["2606:4700::1111%1", "fe80::1%eth0", "[::1]", "8.8.8.8:443", "a b", "a@b"])
def test_a_host_with_more_than_a_host_in_it_is_refused(host: str) -> None:
    with pytest.raises(RefusedAddress):
        check_host(host)
