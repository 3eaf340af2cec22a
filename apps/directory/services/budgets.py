"""How much may be asked of one endpoint by all processes together: a bucket of tokens in one row.

Owns its arithmetic, by the database's clock. A bucket of a sixth of the minute's budget fills at what is left of it, so
that no 60 seconds, wherever they begin, see more requests than the budget; refuses to lock anything between two calls.
Source: design, queue 5.8; rulings C8.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID

from apps.outbox.statements import run

BURST_SHARE = 6

SPEND = """
UPDATE directory_endpointbudget budget
SET tokens = new.tokens, refilled_at = greatest(budget.refilled_at, new.at),
    ready_at = new.at + make_interval(secs => greatest(%(ready)s - new.tokens, 0) / %(rate)s)
FROM (
    SELECT endpoint_id, at, closed, filled, filled - CASE WHEN closed <= 0 AND filled >= %(count)s
        THEN %(count)s ELSE 0 END AS tokens
    FROM (
        SELECT endpoint_id, at, coalesce(extract(epoch FROM closed_until - at), 0)::float8 AS closed,
            least(%(burst)s, tokens + %(rate)s * greatest(extract(epoch FROM at - refilled_at), 0))::float8 AS filled
        FROM directory_endpointbudget, (SELECT coalesce(%(now)s::timestamptz, statement_timestamp()) AS at) clock
        WHERE endpoint_id = %(endpoint)s FOR UPDATE OF directory_endpointbudget
    ) old
) new
WHERE budget.endpoint_id = new.endpoint_id
RETURNING CASE WHEN new.closed > 0 THEN new.closed WHEN new.tokens < new.filled THEN 0
    ELSE (%(count)s - new.filled) / %(rate)s END
"""
FILL = """
INSERT INTO directory_endpointbudget (endpoint_id, tokens, refilled_at)
VALUES (%(endpoint)s, %(burst)s, coalesce(%(now)s::timestamptz, statement_timestamp())) ON CONFLICT DO NOTHING
"""
CLOSE = """
INSERT INTO directory_endpointbudget AS budget (endpoint_id, tokens, refilled_at, closed_until)
VALUES (%(endpoint)s, 0, statement_timestamp(), statement_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (endpoint_id) DO UPDATE SET closed_until = greatest(budget.closed_until, excluded.closed_until)
"""


def burst_of(per_minute: int) -> int:
    """Return how many requests may follow one another at once: two at least, or no step of a sync gets anywhere."""
    return max(2, per_minute // BURST_SHARE)


def rate_of(per_minute: int) -> float:
    """Return what the bucket gains per second: with a full one at the start, a minute sees the budget at most."""
    return (per_minute - burst_of(per_minute) + 1) / 60


def spend_request(
    endpoint_id: UUID, *, per_minute: int | None, count: int = 1, now: dt.datetime | None = None
) -> float:
    """Take the tokens of `count` requests and return 0.0, or take none and return how many seconds to wait.

    Nothing is asked of the database where there is no limit. `now` stands in for the database's clock.
    """
    if per_minute is None:
        return 0.0
    values: dict[str, Any] = {
        "endpoint": endpoint_id,
        "burst": burst_of(per_minute),
        "rate": rate_of(per_minute),
        "ready": max(2, burst_of(per_minute) // 2),
        "count": count,
        "now": now,
    }
    found = run(SPEND, values).fetchone()
    if found is None:  # the first request of all
        run(FILL, values)
        found = run(SPEND, values).fetchone()
    return float(found[0]) if found else 0.0


def close_endpoint(endpoint_id: UUID, *, seconds: float) -> None:
    """Leave the endpoint alone for so long, every job of every team; a longer rest stands."""
    run(CLOSE, {"endpoint": endpoint_id, "seconds": seconds})
