"""What can go wrong at somebody else's server, told so that the caller can decide. Pure.

Messages are sentences for a person; they never carry a secret, a URL's query or a body.
"""

from __future__ import annotations

from enum import StrEnum


class FaultOwner(StrEnum):
    """Who has to mend it: only `us` concerns the operator."""

    CUSTOMER = "customer"
    SOURCE = "source"
    US = "us"


class DeliveryError(Exception):
    """A delivery did not happen, or nobody knows (`unknown_outcome`)."""

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
    """A payer or provider did not answer as asked. `outcome`: its OperationOutcome, at most 16 KiB."""

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
        self.outcome = outcome


class RefusedAddress(Exception):
    """An address that we do not connect to, whoever asks."""
