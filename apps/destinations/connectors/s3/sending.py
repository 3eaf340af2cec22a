"""One write with a session that is fresh: what a delivery does, and Test connection just so (architecture D9).

Owns renewing a session that ended, once; refuses a second try for any other reason.
"""

from __future__ import annotations

from dataclasses import replace

from ..base import Batch, Receipt
from .config import S3Config
from .failures import SESSION_IS_OVER, S3Failure
from .sessions import Sessions
from .write import put_file


def send(sessions: Sessions, config: S3Config, batch: Batch) -> Receipt:
    """Write the batch once. Raises: S3Failure."""
    session = sessions.get(config)
    try:
        return put_file(session.client, config, batch)
    except S3Failure as ended:
        if ended.code not in SESSION_IS_OVER:
            raise
        sessions.forget(config, session)
        again = replace(batch, earlier_attempt_unknown=batch.earlier_attempt_unknown or ended.unknown_outcome)
        return put_file(sessions.get(config).client, config, again)
