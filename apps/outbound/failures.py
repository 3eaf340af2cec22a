"""What can go wrong outside: a delivery that failed, a source that failed, an address that we refuse.

Owns the three exceptions and who has to act; refuses to carry tokens, names or whole resource bodies.
"""

from enum import StrEnum

OUTCOME_BYTES = 16 * 1024


class FaultOwner(StrEnum):
    """Who can repair it."""

    CUSTOMER = "customer"
    SOURCE = "source"
    US = "us"


class DeliveryError(Exception):
    """A destination did not take what it was sent. The message is a sentence for a person.

    `code` is the destination's own where it gave one; `unknown_outcome`: the write may have happened.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        stage: str,
        permanent: bool,
        owner: FaultOwner,
        request_id: str = "",
        retry_after_seconds: float | None = None,
        unknown_outcome: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.stage = stage
        self.permanent = permanent
        self.owner = owner
        self.request_id = request_id
        self.retry_after_seconds = retry_after_seconds
        self.unknown_outcome = unknown_outcome


class SourceError(Exception):
    """A payer, or the way to it, did not answer as asked. The message is a sentence for a person.

    `outcome` is the source's OperationOutcome as it sent it, cut at 16 KiB.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        permanent: bool,
        status: int | None,
        retry_after_seconds: float | None,
        outcome: bytes | None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent
        self.status = status
        self.retry_after_seconds = retry_after_seconds
        self.outcome = None if outcome is None else outcome[:OUTCOME_BYTES]


class RefusedAddress(Exception):
    """An address that we do not connect to, whoever asks."""
