"""States of a mail, and what may follow what."""

from enum import StrEnum


class MailState(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    SENT = "SENT"
    FAILED = "FAILED"


M = MailState
MAIL_TRANSITIONS: dict[MailState, frozenset[MailState]] = {
    M.PENDING: frozenset({M.RUNNING}),
    M.RUNNING: frozenset({M.SENT, M.RETRYING, M.FAILED}),
    M.RETRYING: frozenset({M.RUNNING, M.FAILED}),
    M.SENT: frozenset(),
    M.FAILED: frozenset(),
}
CLAIMABLE = (M.PENDING, M.RETRYING)
ENDED = (M.SENT, M.FAILED)
