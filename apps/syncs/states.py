"""The five states of a sync job. Source: records-api seed, "Sync Job States"."""

from enum import StrEnum


class SyncState(StrEnum):
    CREATED = "CREATED"
    WAITING = "WAITING"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    COMPLETED = "COMPLETED"


S = SyncState
TRANSITIONS: dict[SyncState, frozenset[SyncState]] = {
    S.CREATED: frozenset({S.WAITING, S.FAILED}),
    S.WAITING: frozenset({S.ACTIVE, S.FAILED}),
    # Back to WAITING: a step ended with work left, or its lease ran out; the crawl goes on from its page.
    S.ACTIVE: frozenset({S.WAITING, S.COMPLETED, S.FAILED}),
    S.FAILED: frozenset(),
    S.COMPLETED: frozenset(),
}
UNFINISHED = (S.CREATED, S.WAITING, S.ACTIVE)


class SyncCause(StrEnum):
    FIRST = "first"
    SCHEDULED = "scheduled"
    REFRESH = "refresh"
    MANUAL = "manual"
