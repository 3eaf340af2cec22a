"""Searchset Bundles put together from stored lines, byte for byte.

Owns the frame around the lines; refuses to decode, change or sort them. Source: FHIR R4 Bundle, "Search".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

# One write to the socket carries about this much, however small the resources are.
CHUNK_BYTES = 64 * 1024


def searchset_bundle(
    entries: Iterable[tuple[str, str, bytes, str]],
    *,
    base_url: str,
    bundle_id: str,
    links: Mapping[str, str],
    total: int | None = None,
) -> Iterator[bytes]:
    """Stream a searchset in chunks; `entry` is left out when there is none, as FHIR has no empty arrays.

    Shape: entries are (resource type, id, stored line, search mode); links are relation -> URL. An outcome has no
    address here: its id, a UUID, is its name.
    """
    header: dict[str, object] = {"resourceType": "Bundle", "id": bundle_id, "type": "searchset"}
    if total is not None:
        header["total"] = total
    header["link"] = [{"relation": relation, "url": url} for relation, url in links.items()]
    yield msgspec.json.encode(header)[:-1]  # at once: what follows may take its time
    buffer = bytearray()
    before = b',"entry":['
    for resource_type, fhir_id, line, mode in entries:
        address = f"urn:uuid:{fhir_id}" if mode == "outcome" else f"{base_url}/{resource_type}/{fhir_id}"
        full_url = msgspec.json.encode(address)
        buffer += b'%b{"fullUrl":%b,"resource":%b,"search":{"mode":"%b"}}' % (
            before, full_url, line, mode.encode()
        )  # fmt: skip
        before = b","
        if len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer)
            buffer.clear()
    buffer += b"]}" if before == b"," else b"}"
    yield bytes(buffer)
