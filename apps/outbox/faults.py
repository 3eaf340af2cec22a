"""Named places where a test may end this process: at every commit, write and hand-over of sync and delivery.

Owns the names and the death; refuses everything unless `settings.FAULTS` allows it, which production may not.
`FAULT=name[:n]` ends the process (kill -9) at its n-th passing of that place; `FAULT_SIGNAL=STOP` freezes it
instead. The file `VAR/run/fault` plans one for processes that run already: `name[:n] [signal]`. A fault happens once
for all processes that share `VAR`: whoever comes after the dead one gets through.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from enum import StrEnum
from pathlib import Path

from django.conf import settings


class FaultPoint(StrEnum):
    """The way of the data, downhill."""

    SYNC_CLAIMED = "sync_claimed"
    SYNC_PAGE_FETCHED = "sync_page_fetched"  # the source has answered, nothing is kept
    SYNC_PAGE_KEPT = "sync_page_kept"
    SYNC_CLOSING = "sync_closing"  # in the closing transaction, before its commit
    SYNC_CLOSED = "sync_closed"
    HINT_DUE = "hint_due"  # after the commit, before the hint
    DELIVERY_CLAIMED = "delivery_claimed"
    DELIVERY_SPOOLING = "delivery_spooling"  # the file is half written
    DELIVERY_SPOOLED = "delivery_spooled"
    DELIVERY_NOTED = "delivery_noted"  # the row says what is about to leave
    DELIVERY_PART_WRITTEN = "delivery_part_written"  # one object of several is there
    DELIVERY_WRITTEN = "delivery_written"  # everything is there, nothing says so
    DELIVERY_SETTLING = "delivery_settling"  # in the settling transaction, before its commit
    DELIVERY_SETTLED = "delivery_settled"


_passed: Counter[str] = Counter()


def pass_fault_point(point: FaultPoint) -> None:
    """Go on, unless a test has asked for the end here."""
    if settings.FAULTS:
        _meet(point)


def _meet(point: FaultPoint) -> None:
    place, _, how = (settings.FAULT or _planned_since()).partition(" ")
    name, _, wanted = place.partition(":")
    if name != point:
        return
    _passed[name] += 1
    if _passed[name] >= int(wanted or 1) and _is_first(name):
        os.kill(os.getpid(), signal.SIGSTOP if (how or settings.FAULT_SIGNAL) == "STOP" else signal.SIGKILL)


def _planned_since() -> str:
    try:
        return fault_plan().read_text()
    except FileNotFoundError:
        return ""


def _is_first(name: str) -> bool:
    """Leave a mark that holds the process's id; False when an earlier one has."""
    mark = fault_mark(name)
    mark.parent.mkdir(parents=True, exist_ok=True)
    try:
        with mark.open("x") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return False
    return True


def fault_mark(name: str) -> Path:
    """Return the file that says that this fault has happened, and to whom."""
    return Path(settings.VAR) / "run" / f"fault.{name}"


def fault_plan() -> Path:
    """Return the file that plans a fault for processes that run already."""
    return Path(settings.VAR) / "run" / "fault"
