"""The S3 connector: Test connection and delivery on the same session and the same write.

Owns nothing but their order; refuses models and settings. One per destination and configuration; `Sessions`
is shared by the process.
Source: aws-and-sftp sections 4 and 5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from ..base import Batch, Receipt, Step
from .config import S3Config
from .probe import Run, probe, probe_refusals
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

    def probe(self) -> Iterator[Step]:
        """Yield every step of Test connection."""
        return probe(self._run())

    def probe_refusals(self) -> Iterator[Step]:
        """Yield only what the trust policy must refuse."""
        return probe_refusals(self._run())

    def deliver(self, batch: Batch) -> Receipt:
        """Write the batch once; a session that ended is renewed once. Raises: S3Failure."""
        receipt = send(self._sessions, self._config, batch)
        check_encryption(self._config, receipt)
        return receipt

    def _run(self) -> Run:
        return Run(
            config=self._config,
            sessions=self._sessions,
            spool_dir=self._spool_dir,
            own_account_role_arns=self._own_account_role_arns,
            settle_seconds=self._settle_seconds,
        )
