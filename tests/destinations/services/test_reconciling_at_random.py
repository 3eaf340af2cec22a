"""The reconciler names exactly what is wrong, in random buckets of real deliveries, however it is cut into steps."""

from __future__ import annotations

import random
import sys
import uuid
from dataclasses import dataclass, field

import pytest
from django.utils import timezone

from apps.authorizations.models import PatientAuthorization
from apps.destinations.connectors.s3 import reading
from apps.destinations.manifests import Role
from apps.destinations.models import Delivery
from apps.destinations.services import expecting, reconciling

from .conftest import Make
from .lake import BODIES, Found, Lake, found

pytestmark = pytest.mark.django_db(transaction=True)
SEEDS = 6
USERS = ("member-1", "Zoë", "a b/c", "..", "日本", "👩🏽", "_", "A", "a", "a-", "ab", "%2F", "~z")


@dataclass
class History:
    """A random bucket: `whole` are the keys that a finding may be made of, `wrong` what was made wrong."""

    lake: Lake
    random: random.Random
    whole: list[str] = field(default_factory=list)
    wrong: Found = field(default_factory=set)

    def fill(self) -> None:
        """Make deliveries of every fate; none of it is wrong."""
        draw, lake = self.random, self.lake
        for _ in range(draw.randint(3, 8)):
            authorization = lake.authorize(draw.choice(USERS))
            for _ in range(draw.randint(1, 4)):
                before = set(lake.bodies)
                lake.deliver(authorization, self.bodies())
                self.whole += sorted(set(lake.bodies) - before)
        self.fill_with_others()

    def bodies(self) -> dict[Role, bytes]:
        whole, tombstone = (Role.DATA, Role.DELETED, Role.MANIFEST), (Role.DELETED, Role.MANIFEST)
        roles = self.random.choice([(Role.DATA,), (Role.DATA, Role.MANIFEST), whole, tombstone])
        return {role: next(BODIES) for role in roles}

    def fill_with_others(self) -> None:
        """Rows that are no delivered object of today's bucket, with and without their objects; and what is ours."""
        draw, lake = self.random, self.lake
        waiting = {"delivered_at": None}
        for state, more in (
            ("PENDING", waiting), ("RETRYING", waiting), ("FAILED", waiting), ("SKIPPED", waiting),
            ("HELD", {**waiting, "held_at": timezone.now()}), ("CANCELLED", {**waiting, "reason": "data_purged"}),
            ("SUPERSEDED", waiting),
        ):  # fmt: skip
            row = lake.deliver(lake.authorize(draw.choice(USERS)), self.bodies(), state=state, **more)
            self.maybe_lose(row)
        purged = lake.authorize(draw.choice(USERS))
        self.maybe_lose(lake.deliver(purged, self.bodies()))
        PatientAuthorization.objects.filter(pk=purged.pk).update(
            purged_at=timezone.now(), state="REVOKED", revoked_at=timezone.now()
        )
        lake.put(f"{lake.destination.prefix}_connection-test/old.txt", b"of a test")
        lake.put(lake.destination.prefix, b"")
        lake.put("elsewhere/a.ndjson", b"not below the prefix")

    def maybe_lose(self, row: Delivery) -> None:
        if self.random.random() < 0.5:
            for key in [part["key"] for part in row.parts] or [row.object_key]:
                self.lake.lose(key)

    def spoil(self) -> None:
        """Lose, alter, double and add at random; no key twice."""
        draw = self.random
        draw.shuffle(self.whole)
        for _ in range(draw.randint(0, min(8, len(self.whole) - 2))):
            key = self.whole.pop()
            draw.choice([self.lose, self.alter, self.alter_alike, self.double, self.move])(key)
        for _ in range(draw.randint(0, 4)):
            self.add()

    def lose(self, key: str) -> None:
        self.lake.lose(key)
        self.wrong.add(("missing", key))

    def alter(self, key: str) -> None:
        self.lake.put(key, self.lake.bodies[key] + b"more")
        self.wrong.add(("changed", key))

    def alter_alike(self, key: str) -> None:
        """Keep the length; with a checksum that AWS tells, or without."""
        body = self.lake.bodies[key]
        with_checksum = {"ChecksumAlgorithm": "SHA256"} if self.random.random() < 0.5 else {}
        self.lake.put(key, bytes([body[0] ^ 1]) + body[1:], **with_checksum)
        self.wrong.add(("changed", key))

    def double(self, key: str) -> None:
        copy = self.a_key_beside(key)
        self.lake.put(copy, self.lake.bodies[key])
        self.wrong.add(("duplicate", copy))

    def move(self, key: str) -> None:
        self.lose(key)
        self.double(key)

    def add(self) -> None:
        beside = self.random.choice(self.whole)
        like = len(self.lake.bodies[beside]) if self.random.random() < 0.5 else self.random.randint(0, 99)
        key = self.a_key_beside(beside)
        self.lake.put(key, b"x" * like)
        self.wrong.add(("extra", key))

    def a_key_beside(self, key: str) -> str:
        name = self.random.choice(["copy of é", "0", "~", "zz", "manifest.json", "\U0001f600", "a b+c"])
        name += uuid.uuid4().hex[:6]
        folder = key.rpartition("/")[0]
        prefix = self.lake.destination.prefix
        return self.random.choice(
            [f"{folder}/{name}.ndjson", f"{prefix}{name}", f"{key}.{name}", f"{folder}/{name}/{name}.manifest.json"]
        )


def in_small_steps(monkeypatch: pytest.MonkeyPatch, draw: random.Random) -> None:
    """Cut everything that is cut into pieces of a few; every chunk may be the last of its step."""
    monkeypatch.setattr(reading, "PAGE", draw.randint(1, 9))
    monkeypatch.setattr(expecting, "ROWS", draw.randint(1, 9))
    monkeypatch.setattr(reconciling, "CHUNK", draw.randint(1, 9))
    monkeypatch.setattr(reconciling, "STEP_SECONDS", draw.choice([0.0, 20.0]))


@pytest.mark.timeout(600)
def test_injected_faults_are_named_exactly_and_a_clean_bucket_has_none(
    lakes: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    objects = injected = 0
    for seed in range(SEEDS):
        draw = random.Random(seed)
        history = History(lakes(), draw)
        history.fill()
        in_small_steps(monkeypatch, draw)
        clean = history.lake.reconcile()
        assert (found(clean), clean.compared_bytes) == (set(), True), seed
        history.spoil()
        run = history.lake.reconcile()
        assert found(run) == history.wrong, seed
        assert len(run.findings) == len(history.wrong), seed
        objects += run.counts["objects"]
        injected += len(history.wrong)
    with capsys.disabled():
        sys.stdout.write(
            f"\nreconciler: {SEEDS} clean seeds, 0 found; {injected} injected into {objects} objects, all named\n"
        )
    assert injected > SEEDS


def test_expected_objects_are_in_order_and_go_on_behind_any_of_them(
    lakes: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(lakes(), random.Random(3))
    history.fill()
    monkeypatch.setattr(expecting, "ROWS", 3)
    destination = history.lake.destination
    whole = list(expecting.list_expected(destination, after=""))
    keys = [each.key for each in whole]
    assert keys == sorted(history.lake.bodies, key=str.encode)
    for place, key in enumerate(keys, start=1):
        assert list(expecting.list_expected(destination, after=key)) == whole[place:]
