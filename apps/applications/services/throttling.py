"""Count requests per minute: one row for each caller, in the database that all web processes share.

The window is the minute of the database's clock, so that machines agree on it. The table is not logged
(migration 0004): counting waits for no disk. Source: architecture 3, "limits".
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.crypto import salted_hmac

from apps.outbox.statements import run

WINDOW_SECONDS = 60
COUNT = """
INSERT INTO applications_ratewindow AS kept (subject, began_at, count)
VALUES (%(subject)s, date_bin(make_interval(secs => %(seconds)s), statement_timestamp(), 'epoch'), 1)
ON CONFLICT (subject) DO UPDATE SET
  count = CASE WHEN kept.began_at = excluded.began_at THEN kept.count + 1 ELSE 1 END,
  began_at = excluded.began_at
RETURNING count, extract(epoch FROM began_at)::bigint + %(seconds)s,
  ceil(%(seconds)s - extract(epoch FROM statement_timestamp() - began_at))::int
"""
# Whoever opens a window takes some away that nobody has used for a day: the table grows with callers, not with time.
PRUNE = """
DELETE FROM applications_ratewindow WHERE subject IN (
  SELECT subject FROM applications_ratewindow WHERE began_at < statement_timestamp() - interval '1 day'
  ORDER BY began_at LIMIT 5 FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a caller's minute. Units: reset_at in Unix seconds."""

    limit: int
    remaining: int
    reset_at: int
    retry_after_seconds: int
    is_exceeded: bool

    @property
    def headers(self) -> dict[str, str]:
        """Source: wire contract 4, "Rate limiting"."""
        told = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_at),
        }
        return {**told, "Retry-After": str(self.retry_after_seconds)} if self.is_exceeded else told


def count_request(*, what: str, who: object, per_minute: int) -> Allowance | None:
    """Count one request of `who` for `what`; None where nothing is limited (`per_minute` 0)."""
    if per_minute <= 0:
        return None
    subject = salted_hmac("applications.rate_window", f"{what}:{who}", algorithm="sha256").hexdigest()
    ((count, reset_at, seconds),) = run(COUNT, {"subject": subject, "seconds": WINDOW_SECONDS})
    if count == 1:
        run(PRUNE, [])
    return Allowance(
        limit=per_minute,
        remaining=max(0, per_minute - count),
        reset_at=reset_at,
        retry_after_seconds=max(1, seconds),
        is_exceeded=count > per_minute,
    )
