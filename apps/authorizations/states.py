"""The nine states of a patient authorization and what may follow what. Source: records-api seed."""

from enum import StrEnum


class AuthorizationState(StrEnum):
    CREATED = "CREATED"
    AUTHORIZING = "AUTHORIZING"
    AUTHORIZED = "AUTHORIZED"
    EXCHANGED = "EXCHANGED"
    REFRESHED = "REFRESHED"
    ERRORED = "ERRORED"
    ABANDONED = "ABANDONED"
    BOUNCED = "BOUNCED"
    REVOKED = "REVOKED"


S = AuthorizationState
TRANSITIONS: dict[AuthorizationState, frozenset[AuthorizationState]] = {
    S.CREATED: frozenset({S.AUTHORIZING, S.ABANDONED, S.BOUNCED, S.ERRORED, S.REVOKED}),
    S.AUTHORIZING: frozenset({S.AUTHORIZED, S.ABANDONED, S.BOUNCED, S.ERRORED, S.REVOKED}),
    S.AUTHORIZED: frozenset({S.EXCHANGED, S.REVOKED}),
    S.EXCHANGED: frozenset({S.REFRESHED, S.REVOKED}),
    S.REFRESHED: frozenset({S.REVOKED}),
    S.ERRORED: frozenset(),
    S.ABANDONED: frozenset(),
    S.BOUNCED: frozenset(),
    S.REVOKED: frozenset(),
}
# The patient has signed in and nobody has ended it: its data may be fetched and delivered.
ACTIVE = (S.AUTHORIZED, S.EXCHANGED, S.REFRESHED)
UNFINISHED = (S.CREATED, S.AUTHORIZING)


class Usage(StrEnum):
    ONE_TIME = "ONE_TIME"
    MULTIPLE = "MULTIPLE"
