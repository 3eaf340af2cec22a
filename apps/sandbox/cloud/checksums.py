"""The checksums that S3 knows, computed here and trusted from nobody.

Owns the algorithms by the name in x-amz-checksum-<name>; refuses the XXHASH family (501, by being absent).
Units: bytes, big-endian, as S3 writes them in base64.
Source: S3 User Guide, "Checking object integrity"; RFC 3720, B.4 (CRC-32C); NVM Express, "64b CRC Polynomial".
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from functools import cache


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _reflected_crc(body: bytes, *, polynomial: int, bits: int) -> bytes:
    """Compute a reflected CRC that starts from and ends with all bits turned, as both of S3's do."""
    table, turned = _table(polynomial), (1 << bits) - 1
    value = turned
    for byte in body:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return (value ^ turned).to_bytes(bits // 8, "big")


DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "crc32c": lambda body: _reflected_crc(body, polynomial=0x82F63B78, bits=32),
    "crc64nvme": lambda body: _reflected_crc(body, polynomial=0x9A6C9329AC4BC9B5, bits=64),
    "md5": lambda body: hashlib.md5(body, usedforsecurity=False).digest(),
    "sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "sha256": lambda body: hashlib.sha256(body).digest(),
    "sha512": lambda body: hashlib.sha512(body).digest(),
}
# The kinds that an upload in parts may be opened with: those of which S3 makes a checksum of checksums.
OF_PARTS = {"CRC32", "SHA1", "SHA256"}
