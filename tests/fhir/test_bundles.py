"""Bundles of stored lines: valid JSON whose resources are the lines, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from hypothesis import given
from hypothesis import strategies as st

from apps.fhir.bundles import CHUNK_BYTES, searchset_bundle
from apps.fhir.codec import split_bundle

BASE = "https://relay.example/fhir"

_lines = st.lists(
    st.tuples(
        st.sampled_from(["Patient", "Claim"]),
        st.text(min_size=1, max_size=8).filter(str.isprintable),
        st.dictionaries(st.text(max_size=4), st.floats(allow_nan=False, allow_infinity=False) | st.text()).map(
            lambda value: json.dumps(value).encode()
        ),
    )
)


def matches(lines: Iterable[tuple[str, str, bytes]]) -> Iterator[bytes]:
    """Stream a bundle in which each line is a match."""
    entries = ((kind, fhir_id, line, "match") for kind, fhir_id, line in lines)
    return searchset_bundle(entries, base_url=BASE, bundle_id="b1", links={"self": f"{BASE}/x"})


@given(_lines)
def test_bundle_carries_each_line_byte_for_byte(lines: list[tuple[str, str, bytes]]) -> None:
    whole = b"".join(matches(lines))
    page = split_bundle(whole)
    assert [entry.raw for entry in page.entries] == [line for _, _, line in lines]
    assert [entry.full_url for entry in page.entries] == [f"{BASE}/{kind}/{fid}" for kind, fid, _ in lines]
    bundle = json.loads(whole)
    assert all(entry["search"] == {"mode": "match"} for entry in bundle.get("entry", []))


def test_bundle_without_lines_has_no_entry_element() -> None:
    whole = b"".join(matches([]))
    assert json.loads(whole) == {
        "resourceType": "Bundle",
        "id": "b1",
        "type": "searchset",
        "link": [{"relation": "self", "url": f"{BASE}/x"}],
    }


def test_bundle_reads_lines_only_as_they_are_sent() -> None:
    read = 0

    def lines() -> Iterator[tuple[str, str, bytes]]:
        nonlocal read
        for read in range(1, 1001):
            yield "Claim", str(read), b'{"a":"%b"}' % (b"x" * 1024)

    chunks = matches(lines())
    frame = next(chunks)
    assert (read, frame[:24]) == (0, b'{"resourceType":"Bundle"')
    first = next(chunks)
    assert read < 100
    assert CHUNK_BYTES <= len(first) < CHUNK_BYTES + 2048
    assert len(json.loads(frame + first + b"".join(chunks))["entry"]) == 1000


def test_searchset_bundle_says_links_total_and_modes() -> None:
    whole = b"".join(
        searchset_bundle(
            [("Claim", "1", b'{"v":1.10}', "match"), ("Patient", "2", b"{}", "include")],
            base_url=BASE,
            bundle_id="b2",
            links={"self": f"{BASE}/Claim?a=%22", "next": f"{BASE}/Claim?_offset=1"},
            total=0,
        )
    )
    assert whole == (
        b'{"resourceType":"Bundle","id":"b2","type":"searchset","total":0,"link":['
        b'{"relation":"self","url":"https://relay.example/fhir/Claim?a=%22"},'
        b'{"relation":"next","url":"https://relay.example/fhir/Claim?_offset=1"}],"entry":['
        b'{"fullUrl":"https://relay.example/fhir/Claim/1","resource":{"v":1.10},"search":{"mode":"match"}},'
        b'{"fullUrl":"https://relay.example/fhir/Patient/2","resource":{},"search":{"mode":"include"}}]}'
    )
