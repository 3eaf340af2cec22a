"""The product under random injuries: is anything lost, written twice, or left running?

    python -m tests.chaos --seconds 600 --seed 7

Owns one run: an embedded PostgreSQL, a payer, a local AWS, two supervisors, syncs at a steady pace into three
buckets, and an injury every one to two and a half seconds. At the end everything may settle, and what the rows say is
compared with what the bucket's owner sees. Exit status 1 if something was lost, written twice, or lives on.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.__main__ import database

if TYPE_CHECKING:
    from .injuries import Injuries
    from .machines import World
    from .reckoning import Reckoning

SYNCS_PER_SECOND = 1.5


def main(seconds: float, seed: int, per_second: float, keep: bool) -> int:
    os.environ |= {"TRUST_SETTLE_SECONDS": "0", "SYNC_RETRY_SECONDS": "0"}
    with database():
        from django.conf import settings
        from django.db import connection

        from .injuries import Injuries
        from .machines import running_world
        from .reckoning import reckon, wait_until_settled

        os.environ["DELIVERY_ROLE_ARN"] = "arn:aws:iam::111111111111:role/record-relay-delivery"
        settings.DELIVERY_ROLE_ARN = os.environ["DELIVERY_ROLE_ARN"]
        with running_world() as world:
            injuries = Injuries(world, seed, seconds)
            _ask_for_syncs(world, injuries, seconds, per_second)
            injuries.end()
            settled_after = wait_until_settled()
            world.stop_machines()
            told = reckon(world, injuries.done)
            told.lost += injuries.gave_up
        print(f"settled {settled_after:.0f} s after the last injury")
        connection.close()
        if keep and not told.is_clean:
            kept = Path(tempfile.mkdtemp(prefix="record-relay-chaos-"))
            for machine in world.machines:
                shutil.copy(machine.log, kept / f"{machine.var.name}.log")
            print(f"logs of the workers: {kept}")
    _print(seed, seconds, injuries, told)
    return 0 if told.is_clean else 1


def _ask_for_syncs(world: World, injuries: Injuries, seconds: float, per_second: float) -> None:
    from django.utils import timezone

    from apps.audit.events import SYSTEM
    from apps.syncs.services import request_sync
    from apps.syncs.states import SyncCause

    from .machines import patiently

    began, asked = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        injuries.go_on()
        if time.monotonic() >= began + asked / per_second:
            patient = world.patients[asked % len(world.patients)]
            ask = partial(request_sync, authorization=patient, cause=SyncCause.MANUAL, by=SYSTEM, now=timezone.now())
            patiently(ask)
            asked += 1
        time.sleep(0.02)


def _print(seed: int, seconds: float, injuries: Injuries, told: Reckoning) -> None:
    counts = injuries.counts()
    print("injected: " + ", ".join(f"{kind} {counts[kind]}" for kind in sorted(counts)))
    for line in (*told.lost, *told.twice):
        print(f"  {line}")
    for pid in told.orphans:
        print(f"  process {pid} lives on")
    print(
        f"seed {seed}, {seconds:g} s: injected {sum(counts.values())}, syncs {told.syncs}, deliveries"
        f" {told.deliveries}, objects {told.objects}, lost {len(told.lost)}, written twice {len(told.twice)},"
        f" absorbed {told.absorbed}, dead {told.dead}, orphans {len(told.orphans)},"
        f" recovery p50 {told.recovery_at(0.5):.1f} s, p95 {told.recovery_at(0.95):.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--per-second", type=float, default=SYNCS_PER_SECOND, help="syncs asked for a second")
    parser.add_argument("--keep", action="store_true", help="keep the workers' logs of a run that was not clean")
    given = parser.parse_args()
    sys.exit(main(given.seconds, given.seed, given.per_second, given.keep))
