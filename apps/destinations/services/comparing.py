"""Compare what lies in a storage with what our rows name: which objects are missing, changed, doubled, or nobody's.

Owns the judgement. Refuses to call anything missing or extra on a look that may be older than the other side: both are
asked again first, because deliveries go on meanwhile. Hashes nothing of which the length says enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings

from apps.outbound.failures import DeliveryError

from ..advice.reading import PERMISSIONS, READ
from ..connectors.base import Connector, StoredObject
from ..models import Destination
from ..states import FindingKind
from .expecting import Expected, Fate, find_explained, find_known_sizes, find_twins

THREADS = 8
# Where Test connection and the daily look write.
PROBES = "_connection-test/"
Finding = dict[str, Any]
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Pair:
    """One key: what lies there, and what should."""

    key: str
    stored: StoredObject | None
    expected: Expected | None


def pair_up(stored: Iterable[StoredObject], expected: Iterable[Expected]) -> Iterator[Pair]:
    """Merge both sides, each in the order of its keys; by code point, which is the order of UTF-8 bytes."""
    there, named = iter(stored), iter(expected)
    left, right = next(there, None), next(named, None)
    while left is not None or right is not None:
        if right is None or (left is not None and left.key < right.key):
            assert left is not None  # noqa: S101
            yield Pair(left.key, left, None)
            left = next(there, None)
        elif left is None or right.key < left.key:
            yield Pair(right.key, None, right)
            right = next(named, None)
        else:
            yield Pair(left.key, left, right)
            left, right = next(there, None), next(named, None)


def is_ours(prefix: str, found: StoredObject) -> bool:
    """Say whether an object is no delivery and no surprise: of a connection test, or a folder of the console."""
    is_folder = found.key.endswith("/") and found.size_bytes == 0
    return is_folder or found.key.startswith(f"{prefix}{PROBES}")


@dataclass(slots=True, kw_only=True)
class Judge:
    """Judges pairs of one destination. `beat` is called while it waits; `refusals` gathers what the role lacks."""

    destination: Destination
    connector: Connector
    beat: Callable[[], None]
    # Shape: {stage: its first refusal}, a stage of `advice.reading.PERMISSIONS`.
    refusals: dict[str, DeliveryError] = field(default_factory=dict)
    may_read: bool = True

    def judge(self, pairs: Sequence[Pair]) -> list[Finding]:
        """Return what is wrong with these pairs, in their order. Raises: DeliveryError."""
        delivered = [each for each in pairs if each.expected and each.expected.fate == Fate.DELIVERED]
        found = self._judge_delivered(self._looked_up(delivered))
        found += self._judge_strangers([each.stored for each in pairs if each.expected is None and each.stored])
        return sorted(found, key=lambda finding: str(finding["key"]))

    def _looked_up(self, pairs: list[Pair]) -> list[tuple[Expected, StoredObject | None]]:
        """Look once more for what was not in the list: it may have come since."""
        absent = [each.key for each in pairs if each.stored is None]
        come = dict(zip(absent, self._ask_all(self._find, absent), strict=True))
        return [(each.expected, each.stored or come.get(each.key)) for each in pairs if each.expected]

    def _judge_delivered(self, pairs: list[tuple[Expected, StoredObject | None]]) -> list[Finding]:
        findings, alike = [], []
        for expected, stored in pairs:
            if stored is None:
                findings.append(_missing(expected))
            elif stored.size_bytes != expected.size_bytes:
                text = f"It has {stored.size_bytes:,} bytes; {expected.size_bytes:,} were delivered."
                findings.append(finding(FindingKind.CHANGED, expected.key, text, expected.delivery_id))
            else:
                alike.append(expected)
        hashes = self._hash([expected.key for expected in alike])
        for expected in alike:
            now = hashes.get(expected.key, expected.sha256)  # what cannot be read counts by its length alone
            if now is None:
                findings.append(_missing(expected))
            elif now != expected.sha256:
                text = "It has the length that was delivered, and other bytes."
                findings.append(finding(FindingKind.CHANGED, expected.key, text, expected.delivery_id))
        return findings

    def _judge_strangers(self, strangers: list[StoredObject]) -> list[Finding]:
        explained = find_explained(self.destination, [each.key for each in strangers])
        unknown = [each for each in strangers if each.key not in explained]
        sizes = find_known_sizes(self.destination, sorted({each.size_bytes for each in unknown}))
        hashes = self._hash([each.key for each in unknown if each.size_bytes in sizes])
        twins = find_twins(self.destination, sorted({each for each in hashes.values() if each}))
        findings = []
        for each in unknown:
            sha256 = hashes.get(each.key, "")
            if sha256 in twins:
                text = "No delivery names it, and its bytes are those of one that was delivered under another key."
                findings.append(finding(FindingKind.DUPLICATE, each.key, text, twins[sha256]))
            elif sha256 is not None:  # else it has gone since
                text = f"No delivery names it. It has {each.size_bytes:,} bytes."
                findings.append(finding(FindingKind.EXTRA, each.key, text))
        return findings

    # -- asking the storage -----------------------------------------------------------------------------
    def _find(self, key: str) -> StoredObject | None:
        first = next(self.connector.inventory(key), None)
        return first if first and first.key == key else None

    def _hash(self, keys: list[str]) -> dict[str, str | None]:
        """Return the SHA-256 by key, None for what is gone; what we may not read is left out."""
        if not self.may_read:
            return {}
        hashed = self._ask_all(self._checksum, keys)
        return {key: sha256 for key, (is_read, sha256) in zip(keys, hashed, strict=True) if is_read}

    def _checksum(self, key: str) -> tuple[bool, str | None]:
        if not self.may_read:
            return False, None
        try:
            return True, self.connector.checksum(key)
        except DeliveryError as refused:
            if refused.code != "AccessDenied" or refused.stage not in PERMISSIONS:
                raise
            self.refusals.setdefault(refused.stage, refused)
            if refused.stage == READ:
                self.may_read = False
            return False, None

    def _ask_all(self, ask: Callable[[str], Answer], keys: list[str]) -> list[Answer]:
        """Ask of every key, some at a time. Raises: DeliveryError."""
        if not keys:
            return []
        with ThreadPoolExecutor(THREADS) as pool:
            asked: list[Future[Answer]] = [pool.submit(ask, key) for key in keys]
            waiting = set(asked)
            try:
                while waiting:
                    ended, waiting = wait(waiting, timeout=settings.LEASE_SECONDS / 4, return_when=FIRST_EXCEPTION)
                    for each in ended:
                        each.result()
                    self.beat()
            finally:
                pool.shutdown(cancel_futures=True)
        return [each.result() for each in asked]


def finding(kind: FindingKind, key: str, message: str, delivery_id: UUID | None = None) -> Finding:
    """Build a finding as it is kept and shown."""
    return {
        "kind": kind.value,
        "key": key,
        "delivery_id": str(delivery_id) if delivery_id else "",
        "message": message,
    }


def _missing(expected: Expected) -> Finding:
    return finding(FindingKind.MISSING, expected.key, "It was delivered, and is not there.", expected.delivery_id)
