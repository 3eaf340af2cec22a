"""What deliveries and destinations must do, written from the rulings A7–A9, B3 and B15 alone.

Time is whole hours: `left` is a row's give-up clock, which stands still while the row is HELD.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

GIVE_UP_HOURS = 72
UNDELIVERED = {"PENDING", "RUNNING", "RETRYING", "HELD", "FAILED", "SKIPPED"}


@dataclass(eq=False)
class Place:
    """A destination."""

    state: str = "UNTESTED"
    tested: bool = False
    refusals: int = 0
    is_backfilling: bool = False


@dataclass(eq=False)
class Patient:
    """An authorization: how many syncs it has had, and whether it ended."""

    syncs: int = 0
    ended: bool = False


@dataclass(eq=False)
class Row:
    place: Place
    patient: Patient
    sync: int
    kind: str
    state: str
    left: int = GIVE_UP_HOURS
    attempts: int = 0
    crashes: int = 0
    fence: object = None
    replay_of: Row | None = None


@dataclass
class Model:
    places: list[Place] = field(default_factory=list)
    rows: dict[uuid.UUID, Row] = field(default_factory=dict)

    def of(self, place: Place) -> list[Row]:
        return [row for row in self.rows.values() if row.place is place]

    def claimable(self) -> set[uuid.UUID]:
        return {
            pk for pk, row in self.rows.items() if row.state in ("PENDING", "RETRYING") and row.place.state == "ENABLED"
        }

    # -- destinations --

    def hold(self, place: Place) -> None:
        for row in self.of(place):
            if row.state in ("PENDING", "RETRYING"):
                row.state = "HELD"

    def edit(self, place: Place) -> bool:
        if place.state == "DELETED":
            return False
        place.state, place.tested = "UNTESTED", False
        self.hold(place)
        return True

    def passed_test(self, place: Place) -> None:
        place.tested = True
        if place.state == "UNTESTED":
            place.state = "READY"

    def failed_test(self, place: Place) -> None:
        place.tested = False
        if place.state == "READY":
            place.state = "UNTESTED"

    def found_open(self, place: Place) -> None:
        self.failed_test(place)
        if place.state == "ENABLED":
            self.pause(place)

    def enable(self, place: Place) -> bool:
        if not place.tested or place.state not in ("READY", "PAUSED"):
            return False
        place.state, place.refusals = "ENABLED", 0
        for row in self.of(place):
            if row.state == "HELD":
                row.state = "PENDING"
        return True

    def disable(self, place: Place) -> bool:
        if place.state not in ("ENABLED", "PAUSED"):
            return False
        place.state = "READY" if place.tested else "UNTESTED"
        self.hold(place)
        return True

    def pause(self, place: Place) -> None:
        place.state = "PAUSED"
        self.hold(place)

    def delete(self, place: Place) -> bool:
        if place.state == "DELETED":
            return False
        place.state = "DELETED"
        self.cancel(self.of(place))
        return True

    def cancel(self, rows: list[Row]) -> None:
        for row in rows:
            if row.state in UNDELIVERED:
                row.state, row.fence = "CANCELLED", None

    def end(self, patient: Patient) -> None:
        patient.ended = True
        self.cancel([row for row in self.rows.values() if row.patient is patient])

    # -- new rows, by destination --

    def missing(self, place: Place, patient: Patient) -> list[Row | None]:
        """Return what a back-fill brings: the skipped rows, and None for a newest sync that has no row."""
        if patient.ended or not patient.syncs:
            return []
        own = [row for row in self.of(place) if row.patient is patient and row.kind != "replay"]
        skipped: list[Row | None] = [row for row in own if row.state == "SKIPPED"]
        return skipped if any(row.sync == patient.syncs for row in own) else [*skipped, None]

    def after_sync(self, place: Place) -> str | None:
        return {"ENABLED": "PENDING", "PAUSED": "HELD", "READY": "SKIPPED", "UNTESTED": "SKIPPED"}.get(place.state)

    def on_demand(self, place: Place) -> str:
        return "PENDING" if place.state == "ENABLED" else "HELD"

    def retry(self, row: Row) -> bool:
        if row.state == "RETRYING":
            return True
        if row.state != "FAILED":
            return False
        row.state = "RETRYING" if row.place.state == "ENABLED" else "HELD"
        row.left = GIVE_UP_HOURS
        return True

    # -- attempts --

    def claim(self, row: Row) -> object:
        row.state, row.fence = "RUNNING", object()
        row.attempts += 1
        return row.fence

    def finish(self, row: Row, fence: object, outcome: str) -> None:
        """Shape: outcome is ok, refused (by the customer), final (never again), ours or lost."""
        if row.fence is not fence:
            return
        place, row.fence = row.place, None
        counts = row.kind != "replay"
        if outcome == "ok":
            row.state = "DELIVERED"
            place.refusals = 0 if counts else place.refusals
            return
        if counts:
            place.refusals += outcome == "refused"
        pauses = counts and outcome == "refused" and place.refusals >= 3 and place.state == "ENABLED"
        if row.kind == "replay" or row.left <= 0 or outcome == "final":
            row.state = "FAILED"
        elif pauses or place.state != "ENABLED":
            row.state = "HELD"
        else:
            row.state = "RETRYING"
        if pauses:
            self.pause(place)

    def sweep(self) -> None:
        """Every lease has run out when this is called."""
        for row in self.rows.values():
            if row.state == "RUNNING":
                row.crashes += 1
                row.fence = None
                on = row.place.state == "ENABLED"
                row.state = "FAILED" if row.crashes >= 3 else "RETRYING" if on else "HELD"
            if row.state == "RETRYING" and row.left <= 0:
                row.state = "FAILED"

    def pass_time(self, hours: int) -> None:
        for row in self.rows.values():
            if row.state != "HELD":
                row.left -= hours
