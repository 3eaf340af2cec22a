"""The five states of a sync job, and who has to act when it fails. Source: records-api seed, "Sync Job States"."""

from enum import StrEnum

from apps.outbound.failures import FaultOwner


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


# Everything else that goes wrong in a sync goes wrong at the source, or on the way to it.
OUR_CODES = frozenset(
    {
        "worker-crashed",
        "refused-address",  # the directory's address, or our own policy
        "bad-header",
        "bad-request",
        "invalid_client",  # our registration there
        "unauthorized_client",
    }
)
CUSTOMER_CODES = frozenset({"re-authorize", "not-active", "revoked", "data_purged"})


def owner_of(code: str) -> FaultOwner:
    """Say who can repair what a sync failed with."""
    if code in OUR_CODES:
        return FaultOwner.US
    return FaultOwner.CUSTOMER if code in CUSTOMER_CODES else FaultOwner.SOURCE
