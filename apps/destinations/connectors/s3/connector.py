"""The S3 connector: Test connection and delivery on the same session and the same write; reading apart from both.

Owns nothing but their order; refuses models and settings. One per destination and configuration; `Sessions`
is shared by the process.
Source: aws-and-sftp sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from ..base import Batch, Receipt, Step, StoredObject
from .config import S3Config
from .failures import S3Failure
from .probe import ANSWERED, Run, probe, probe_delivery, probe_refusals
from .reading import Reader
from .sending import send
from .sessions import Sessions
from .write import check_encryption


class S3Connector:
    """Writes deliveries of one destination to its bucket. Keeps `connectors.base.Connector`."""

    def __init__(
        self,
        config: S3Config,
        *,
        sessions: Sessions,
        spool_dir: Path,
        own_account_role_arns: Collection[str] = (),
        settle_seconds: float = 5.0,
    ) -> None:
        self._config = config
        self._sessions = sessions
        self._spool_dir = spool_dir
        self._own_account_role_arns = own_account_role_arns
        self._settle_seconds = settle_seconds
        self._reader = Reader(sessions, config)

    def probe(self) -> Iterator[Step]:
        """Yield every step of Test connection."""
        return probe(self._run())

    def probe_refusals(self) -> Iterator[Step]:
        """Yield only what the trust policy must refuse."""
        return probe_refusals(self._run())

    def probe_delivery(self) -> Iterator[Step]:
        """Yield only what every delivery does."""
        return probe_delivery(self._run())

    def admits_us(self) -> bool:
        """Ask for a session with the external ID; whatever comes back is dropped unused. Raises: S3Failure."""
        try:
            self._sessions.assume(self._config, external_id=self._config.external_id)
        except S3Failure as refused:
            if refused.code not in ANSWERED:
                raise
            return False
        return True

    def deliver(self, batch: Batch) -> Receipt:
        """Write the batch once; a session that ended is renewed once. Raises: S3Failure."""
        receipt = send(self._sessions, self._config, batch)
        check_encryption(self._config, receipt)
        return receipt

    def inventory(self, prefix: str, *, after: str = "") -> Iterator[StoredObject]:
        """Yield what lies below `prefix`, behind the key `after`. Raises: S3Failure."""
        return self._reader.inventory(prefix, after=after)

    def checksum(self, key: str) -> str | None:
        """Return the SHA-256 of an object in hex, None if it is gone. Raises: S3Failure."""
        return self._reader.checksum(key)

    def _run(self) -> Run:
        return Run(
            config=self._config,
            sessions=self._sessions,
            spool_dir=self._spool_dir,
            own_account_role_arns=self._own_account_role_arns,
            settle_seconds=self._settle_seconds,
        )
