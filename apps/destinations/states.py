"""States of destinations and deliveries (rulings A9), and what may follow what."""

from enum import StrEnum


class DestinationState(StrEnum):
    DRAFT = "DRAFT"
    UNTESTED = "UNTESTED"
    READY = "READY"
    ENABLED = "ENABLED"
    PAUSED = "PAUSED"
    DELETED = "DELETED"


D = DestinationState
DESTINATION_TRANSITIONS: dict[DestinationState, frozenset[DestinationState]] = {
    D.DRAFT: frozenset({D.UNTESTED, D.DELETED}),
    D.UNTESTED: frozenset({D.READY, D.DELETED}),
    D.READY: frozenset({D.UNTESTED, D.ENABLED, D.DELETED}),
    D.ENABLED: frozenset({D.UNTESTED, D.READY, D.PAUSED, D.DELETED}),
    D.PAUSED: frozenset({D.UNTESTED, D.READY, D.ENABLED, D.DELETED}),
    D.DELETED: frozenset(),
}


class DeliveryState(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    DELIVERED = "DELIVERED"
    HELD = "HELD"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"
    SUPERSEDED = "SUPERSEDED"


V = DeliveryState
DELIVERY_TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    V.PENDING: frozenset({V.RUNNING, V.HELD, V.CANCELLED, V.SUPERSEDED}),
    V.RUNNING: frozenset({V.DELIVERED, V.RETRYING, V.HELD, V.FAILED, V.CANCELLED, V.SUPERSEDED}),
    V.RETRYING: frozenset({V.RUNNING, V.HELD, V.FAILED, V.CANCELLED, V.SUPERSEDED}),
    V.HELD: frozenset({V.PENDING, V.RETRYING, V.CANCELLED, V.SUPERSEDED}),
    V.FAILED: frozenset({V.RETRYING, V.CANCELLED}),
    V.SKIPPED: frozenset({V.PENDING, V.CANCELLED}),
    V.DELIVERED: frozenset(),
    V.CANCELLED: frozenset(),
    V.SUPERSEDED: frozenset(),
}
CLAIMABLE = (V.PENDING, V.RETRYING)
UNDELIVERED = (V.PENDING, V.RUNNING, V.RETRYING, V.HELD, V.FAILED, V.SKIPPED)


class DeliveryKind(StrEnum):
    LIVE = "live"
    BACKFILL = "backfill"
    REPLAY = "replay"
    TOMBSTONE = "tombstone"


class Contents(StrEnum):
    """What one delivery holds: everything that is visible, or what has changed since the last delivered one."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"


class FindingKind(StrEnum):
    """What a reconciliation can find wrong."""

    MISSING = "missing"  # delivered, and its object is not there
    CHANGED = "changed"  # there, with other bytes
    DUPLICATE = "duplicate"  # a second object with the bytes of a delivered one
    EXTRA = "extra"  # below our prefix, and no delivery of ours explains it
    UNSCHEDULED = "unscheduled"  # a current sync that has no delivery here


class ReconciliationState(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


R = ReconciliationState
RECONCILIATION_TRANSITIONS: dict[ReconciliationState, frozenset[ReconciliationState]] = {
    R.PENDING: frozenset({R.RUNNING, R.FAILED}),
    R.RUNNING: frozenset({R.PENDING, R.COMPLETED, R.FAILED}),
    R.COMPLETED: frozenset(),
    R.FAILED: frozenset(),
}


class ProbeCause(StrEnum):
    """Why a connection test ran."""

    ASKED = "asked"
    CANDIDATE = "candidate"  # asked for too: with the external ID that is to follow
    SCHEDULED = "scheduled"


class BulkVerb(StrEnum):
    """What is done to each delivery of a bulk action."""

    RETRY = "retry"
    REPLAY = "replay"


class BulkState(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"


BULK_TRANSITIONS: dict[BulkState, frozenset[BulkState]] = {
    BulkState.PENDING: frozenset({BulkState.RUNNING, BulkState.COMPLETED}),
    BulkState.RUNNING: frozenset({BulkState.COMPLETED}),
    BulkState.COMPLETED: frozenset(),
}


class BulkItemState(StrEnum):
    PENDING = "PENDING"
    DONE = "DONE"
    SKIPPED = "SKIPPED"
