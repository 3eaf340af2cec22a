"""When a destination that keeps failing is left alone, and for how long: arithmetic alone.

Source: design, queue 5.7 (five failures in a row open it for 30 s, doubled up to 15 minutes; then one probe).
"""

from __future__ import annotations

OPENS_AT = 5
FIRST_SECONDS = 30.0
LONGEST_SECONDS = 900.0
# A failure that held a worker for so long opens it at once: what hangs must not take one worker after another.
SLOW_SECONDS = 10.0
_DOUBLINGS = 5


def open_seconds(fail_streak: int, *, took_seconds: float = 0.0) -> float:
    """Return how long nothing is claimed after that many failures in a row, the last of which took so long.

    0.0 while the breaker stays closed.
    """
    opens_at = 1 if took_seconds >= SLOW_SECONDS else OPENS_AT
    if fail_streak < opens_at:
        return 0.0
    return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(fail_streak - opens_at, _DOUBLINGS))
